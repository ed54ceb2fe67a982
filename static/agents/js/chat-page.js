// The console's chat page and the public page: a chat with its history.
import { Chat } from "./chat.js";
import { consoleDoor, shareDoor } from "./doors.js";
import { History } from "./history.js";

const config = JSON.parse(document.getElementById("agents-config").textContent);
const door = config.token ? shareDoor(config.token) : consoleDoor(config.agent.id);
const chat = new Chat(document.getElementById("agents-chat"), door, config);
new History(document.getElementById("agents-history"), chat, door, config.conversations);

document.getElementById("agents-history-toggle")?.addEventListener("click", () => {
  document.documentElement.classList.toggle("agents-history-open");
});
document.getElementById("agents-history-cover")?.addEventListener("click", () => {
  document.documentElement.classList.remove("agents-history-open");
});

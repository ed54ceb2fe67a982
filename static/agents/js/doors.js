// How the chat reaches the server: through the console's API with a session, or through a public page.
import { destroy, get, patch, post } from "../../core/js/http.js";

/** The console: REST under /api/v1/ and one websocket per conversation. */
export function consoleDoor(agentId) {
  const api = "/api/v1";
  return {
    perConversation: true,
    socketPath: (conversationId) => `/ws/chat/${conversationId}/`,
    create: () => post(`${api}/conversations/`, { agent: agentId }),
    load: async (id) => ({ messages: await get(`${api}/conversations/${id}/messages/`) }),
    rename: (id, title) => patch(`${api}/conversations/${id}/`, { title }),
    remove: (id) => destroy(`${api}/conversations/${id}/`),
    show: (messageId) => post(`${api}/messages/${messageId}/show/`),
    feedback: (messageId, value, comment) => post(`${api}/messages/${messageId}/feedback/`, { value, comment }),
    address: (id) => `/admin/agents/${agentId}/chat/${id ? `${id}/` : ""}`,
  };
}

/** A public page: everything below its own address, told apart by a cookie. */
export function shareDoor(token) {
  const base = `/share/${token}`;
  return {
    perConversation: false,
    socketPath: () => `/ws/share/${token}/`,
    create: async () => null,
    load: (id) => get(`${base}/conversations/${id}/`),
    rename: (id, title) => patch(`${base}/conversations/${id}/`, { title }),
    remove: (id) => destroy(`${base}/conversations/${id}/`),
    show: (messageId, conversationId) => post(`${base}/conversations/${conversationId}/show/`, { message: messageId }),
    feedback: (messageId, value, comment, conversationId) =>
      post(`${base}/conversations/${conversationId}/feedback/`, { message: messageId, value, comment }),
    address: (id) => `${base}/${id ? `?c=${id}` : ""}`,
  };
}

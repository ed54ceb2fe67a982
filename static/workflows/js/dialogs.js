// <button data-opens="#dialog"> shows a <dialog> of the page; [data-closes] inside it closes it.

/** Make the buttons of the page work. */
export function bindDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      document.querySelector(opener.dataset.opens).showModal();
    }
    event.target.closest("[data-closes]")?.closest("dialog").close();
  });
}

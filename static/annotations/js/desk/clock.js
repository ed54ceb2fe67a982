// Time spent on an item: it stands still while the page is hidden.

export class Clock {
  #spent = 0;
  #since = performance.now();

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        this.#spent += performance.now() - this.#since;
      } else {
        this.#since = performance.now();
      }
    });
  }

  restart() {
    this.#spent = 0;
    this.#since = performance.now();
  }

  get milliseconds() {
    return Math.round(this.#spent + (document.hidden ? 0 : performance.now() - this.#since));
  }
}

// Decides what stands where something could not be loaded: the reason, for as long as it lasts, and a way to try again.

import { byId } from "./dom.js";
import { reportFailure } from "./notices.js";

export class LoadFailure {
  #root = byId("load-failure");
  #reason = byId("load-failure-reason");
  #retry = null;

  constructor() {
    byId("load-retry").addEventListener("click", () => this.#tryAgain());
  }

  // `retry` loads anew; it ends with hide(), or with show() once more.
  show(reason, retry) {
    this.#retry = retry;
    this.#root.hidden = false;
    this.#reason.textContent = reason;
  }

  hide() {
    this.#retry = null;
    this.#root.hidden = true;
  }

  #tryAgain() {
    if (!this.#retry) return;
    const retry = this.#retry;
    this.#retry = null;
    this.#reason.textContent = "正在重试…";
    retry().catch(reportFailure);
  }
}

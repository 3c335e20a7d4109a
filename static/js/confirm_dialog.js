// Decides how the reader is asked once more before something is lost for good.

import { byId } from "./dom.js";

export class ConfirmDialog {
  #dialog = byId("confirm-dialog");
  #deed = byId("confirm-deed");
  #decide = null;

  constructor() {
    byId("confirm-cancel").addEventListener("click", () => this.#dialog.close());
    this.#deed.addEventListener("click", () => this.#dialog.close("sure"));
    this.#dialog.addEventListener("close", () => this.#decide?.(this.#dialog.returnValue === "sure"));
  }

  // `deed` names on the button what will be done. Resolves to whether the reader wants it.
  ask({ title, text, deed }) {
    byId("confirm-title").textContent = title;
    byId("confirm-text").textContent = text;
    this.#deed.textContent = deed;
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    byId("confirm-cancel").focus();
    return new Promise((resolve) => {
      this.#decide = resolve;
    });
  }
}

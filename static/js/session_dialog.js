// Decides how a session is renamed or deleted: one dialog, and deletion asks a second time.

import { byId } from "./dom.js";
import { reportFailure } from "./notices.js";

export class SessionDialog {
  #dialog = byId("session-dialog");
  #title = byId("session-title");
  #titleError = byId("session-title-error");
  #delete = byId("session-delete");
  #session = null;

  constructor(store, { onDeleted }) {
    Object.assign(this, { store, onDeleted });
    byId("session-form").addEventListener("submit", (event) => this.#rename(event));
    byId("session-cancel").addEventListener("click", () => this.#dialog.close());
    this.#delete.addEventListener("click", () => this.#deleteOrAsk());
  }

  open(session) {
    this.#session = session;
    this.#title.value = session.title;
    this.#refuse("");
    this.#askAgain(false);
    this.#dialog.showModal();
    this.#title.select();
  }

  async #rename(event) {
    event.preventDefault();
    const title = this.#title.value.trim();
    this.#refuse(title ? "" : "请写一个标题。");
    if (!title) return this.#title.focus();
    await this.#carryOut(() => this.store.rename(this.#session.id, title));
  }

  async #deleteOrAsk() {
    if (this.#delete.dataset.sure !== "true") return this.#askAgain(true);
    const { id } = this.#session;
    if (await this.#carryOut(() => this.store.delete(id))) this.onDeleted(id);
  }

  // The dialog is closed first: behind it nothing can take the focus, nor is a notice seen.
  async #carryOut(task) {
    try {
      await task();
      this.#dialog.close();
      return true;
    } catch (error) {
      this.#dialog.close();
      reportFailure(error);
      return false;
    }
  }

  #refuse(reason) {
    this.#titleError.textContent = reason;
    this.#title.setAttribute("aria-invalid", String(reason !== ""));
  }

  #askAgain(sure) {
    this.#delete.dataset.sure = String(sure);
    this.#delete.textContent = sure ? "确定删除，不可恢复" : "删除对话";
  }
}

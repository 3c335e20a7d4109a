// Decides how a session is renamed or deleted: one dialog, and deletion asks a second time.

import { byId } from "./dom.js";
import { reportFailure } from "./notices.js";

export class SessionDialog {
  #dialog = byId("session-dialog");
  #title = byId("session-title");
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
    this.#askAgain(false);
    this.#dialog.showModal();
    this.#title.select();
  }

  async #rename(event) {
    event.preventDefault();
    const title = this.#title.value.trim();
    if (!title) return;
    await this.#carryOut(() => this.store.rename(this.#session.id, title));
  }

  async #deleteOrAsk() {
    if (this.#delete.dataset.sure !== "true") return this.#askAgain(true);
    const { id } = this.#session;
    await this.#carryOut(async () => {
      await this.store.delete(id);
      this.onDeleted(id);
    });
  }

  async #carryOut(task) {
    try {
      await task();
      this.#dialog.close();
    } catch (error) {
      this.#dialog.close();
      reportFailure(error);
    }
  }

  #askAgain(sure) {
    this.#delete.dataset.sure = String(sure);
    this.#delete.textContent = sure ? "确定删除，不可恢复" : "删除对话";
  }
}

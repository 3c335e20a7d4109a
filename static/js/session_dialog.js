// Decides how a session is managed: renamed, pinned, cleared or deleted; what cannot be undone is asked once more.

import { ConfirmDialog } from "./confirm_dialog.js";
import { byId } from "./dom.js";
import { notify, reportFailure } from "./notices.js";
import { SummaryDialog } from "./summary_dialog.js";

export class SessionDialog {
  #dialog = byId("session-dialog");
  #title = byId("session-title");
  #titleError = byId("session-title-error");
  #pin = byId("session-pin");
  #confirm = new ConfirmDialog();
  #summary = new SummaryDialog(this.#confirm);
  #session = null;

  // onDeleted(sessionId) and onCleared(sessionId) follow what the reader did.
  constructor(store, { onDeleted, onCleared }) {
    Object.assign(this, { store, onDeleted, onCleared });
    byId("session-form").addEventListener("submit", (event) => this.#rename(event));
    byId("session-cancel").addEventListener("click", () => this.#dialog.close());
    this.#pin.addEventListener("click", () => this.#turnPin());
    byId("session-summary").addEventListener("click", () => this.#showSummary());
    byId("session-clear").addEventListener("click", () => this.#clear());
    byId("session-delete").addEventListener("click", () => this.#delete());
  }

  open(session) {
    this.#session = session;
    this.#title.value = session.title;
    this.#pin.textContent = session.pinned_at ? "取消置顶" : "置顶";
    this.#refuse("");
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

  async #turnPin() {
    const { id, pinned_at: pinnedAt } = this.#session;
    await this.#carryOut(() => this.store.pin(id, !pinnedAt));
  }

  #showSummary() {
    this.#dialog.close();
    this.#summary.open(this.#session).catch(reportFailure);
  }

  async #clear() {
    const { id } = this.#session;
    const question = { title: "清空消息？", text: `${this.#named()}里的问答将全部删除，不可恢复；对话保留。`, deed: "清空消息" };
    if (!(await this.#isSure(question))) return;
    if (!(await this.#carryOut(() => this.store.clear(id)))) return;
    this.onCleared(id);
    notify("已清空");
  }

  async #delete() {
    const { id } = this.#session;
    const question = { title: "删除对话？", text: `${this.#named()}及其中的问答将一并删除，不可恢复。`, deed: "删除对话" };
    if (!(await this.#isSure(question))) return;
    if (!(await this.#carryOut(() => this.store.delete(id)))) return;
    this.onDeleted(id);
    notify("已删除");
  }

  #named() {
    return `“${this.#session.title || "新对话"}”`;
  }

  // The one dialog gives way to the other: Esc then leads back to where the reader came from.
  #isSure(question) {
    this.#dialog.close();
    return this.#confirm.ask(question);
  }

  // The dialog is closed first: behind it nothing can take the focus, nor is a notice seen.
  async #carryOut(task) {
    try {
      await task();
      return true;
    } catch (error) {
      reportFailure(error);
      return false;
    } finally {
      this.#dialog.close();
    }
  }

  #refuse(reason) {
    this.#titleError.textContent = reason;
    this.#title.setAttribute("aria-invalid", String(reason !== ""));
  }
}

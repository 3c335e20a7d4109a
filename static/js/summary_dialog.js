// Decides how the reader sees what a role remembers of earlier turns, and has it forgotten.

import { get, remove } from "./api.js";
import { byId } from "./dom.js";
import { notify, reportFailure } from "./notices.js";

const NOTHING = "还没有摘要：对话长到超出记忆的轮数之后才会写。";
const UNUSED = "现在所看的这一支用不上它。";

export class SummaryDialog {
  #dialog = byId("summary-dialog");
  #text = byId("summary-text");
  #about = byId("summary-about");
  #forget = byId("summary-forget");

  constructor(confirm) {
    this.confirm = confirm;
    byId("summary-close").addEventListener("click", () => this.#dialog.close());
    this.#forget.addEventListener("click", () => this.#erase().catch(reportFailure));
  }

  async open(session) {
    this.session = session;
    const { text, label, is_in_use: isInUse } = await get(`sessions/${session.id}/summary`);
    this.#text.textContent = text || NOTHING;
    this.#about.textContent = text ? [isInUse ? "" : UNUSED, label].filter(Boolean).join(" ") : "";
    this.#forget.hidden = !text;
    this.#dialog.showModal();
  }

  async #erase() {
    this.#dialog.close();
    const text = "此前的内容不再提供给回答者，也不会再写进摘要。消息本身保留。";
    if (!(await this.confirm.ask({ title: "忘记摘要？", text, deed: "忘记" }))) return;
    await remove(`sessions/${this.session.id}/summary`);
    notify("已忘记");
  }
}

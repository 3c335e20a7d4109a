// Decides how a reader judges a reply: helpful or not, with reasons, taken back by a second press; or reports it.

import { post, put, remove } from "./api.js";
import { byId } from "./dom.js";
import { notify, reportFailure } from "./notices.js";
import { ReasonsDialog } from "./reasons_dialog.js";

export class Judgements {
  #feedback = new ReasonsDialog(byId("feedback-dialog"));
  #report = new ReasonsDialog(byId("report-dialog"));

  // onFeedback(messageId, feedback) is told of what the server has now.
  constructor({ onFeedback }) {
    this.onFeedback = onFeedback;
  }

  judge(message, value) {
    if (message.feedback?.value === value) return this.#withdraw(message).catch(reportFailure);
    if (value === "up") return this.#praise(message).catch(reportFailure);
    this.#feedback.open((reasons) => this.#blame(message, reasons));
  }

  report(message) {
    this.#report.open((reasons) => this.#tellOperators(message, reasons));
  }

  async #praise({ id }) {
    this.onFeedback(id, await put(`messages/${id}/feedback`, { value: "up" }));
    notify("谢谢您的评价");
  }

  // The dialog closes first: the focus is back on the button when that is drawn anew, and goes with it.
  async #blame({ id }, { reasons, comment }) {
    const feedback = await put(`messages/${id}/feedback`, { value: "down", reasons, comment });
    this.#feedback.dialog.close();
    this.onFeedback(id, feedback);
    notify("谢谢您的评价");
  }

  async #withdraw({ id }) {
    await remove(`messages/${id}/feedback`);
    this.onFeedback(id, null);
    notify("已收回评价");
  }

  // Reported once before, the first report stands, whatever was written now.
  async #tellOperators({ id }, { reasons: [reason], comment }) {
    const kept = await post(`messages/${id}/report`, { reason, comment });
    this.#report.dialog.close();
    const isNew = kept.reason === reason && kept.comment === comment;
    notify(isNew ? "已收到举报，将由运营人员处理" : "您举报过这条回复，以前一次所写的为准");
  }
}

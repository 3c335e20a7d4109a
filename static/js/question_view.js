// Decides how a reader's message looks: a bubble, and below it what became of it when the server would not take it.

import { element, visuallyHidden } from "./dom.js";

export class QuestionView {
  #bubble = element("div", { class: "bubble" });
  #note = element("div", { class: "question-note" });
  #drawnDelivery = undefined;

  constructor(actions) {
    this.actions = actions;
    this.element = element("li", { class: "question" }, visuallyHidden("我问："), this.#bubble, this.#note);
  }

  show(message) {
    if (this.#bubble.textContent !== message.text) this.#bubble.textContent = message.text;
    if (this.#drawnDelivery === message.delivery) return;
    this.#drawnDelivery = message.delivery;
    this.element.dataset.delivery = message.delivery ?? "accepted";
    this.#note.replaceChildren(...(message.delivery === "refused" ? [this.#refusal(message)] : []));
  }

  #refusal(message) {
    const { refusal } = message;
    const isCredit = refusal.code === "insufficient_credit";
    return element(
      "div",
      { class: isCredit ? "card credit-card" : "refusal", role: "alert" },
      element(
        "p",
        { class: "refusal-reason" },
        isCredit ? "余额不足，这条消息没有发送" : `没有发送：${refusal.message}`,
      ),
      isCredit && element("p", { class: "quiet" }, refusal.message),
      element(
        "div",
        { class: "row" },
        this.#button("重新发送", () => this.actions.resend(message)),
        this.#button("修改", () => this.actions.edit(message)),
      ),
    );
  }

  #button(label, listener) {
    return element("button", { type: "button", class: "button-quiet", on: { click: listener } }, label);
  }
}

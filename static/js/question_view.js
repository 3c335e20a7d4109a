// Decides how a reader's message looks: a bubble, its versions, and what became of it when it was not taken.

import { element, icon, visuallyHidden } from "./dom.js";
import { keepFocus } from "./focus.js";
import { QuestionEditor } from "./question_editor.js";
import { versionPager } from "./version_pager.js";

export class QuestionView {
  #bubble = element("div", { class: "bubble" });
  #line = element("div", { class: "question-line" }, this.#bubble);
  #tools = element("div", { class: "question-tools" });
  #note = element("div", { class: "question-note" });
  #editor = null;
  #drawn = "";

  constructor(actions) {
    this.actions = actions;
    const parts = [visuallyHidden("我问："), this.#line, this.#tools, this.#note];
    this.element = element("li", { class: "question", tabindex: "-1" }, ...parts);
  }

  show(message) {
    this.message = message;
    if (this.#bubble.textContent !== message.text) this.#bubble.textContent = message.text;
    const { id, delivery, versions, version_index: place } = message;
    const state = JSON.stringify([id, delivery, versions, place]);
    if (state !== this.#drawn) keepFocus(this.element, () => this.#drawState());
    this.#drawn = state;
    if (message.refused) this.#reopen(message.refused);
  }

  #drawState() {
    const { message } = this;
    this.element.dataset.delivery = message.delivery ?? "accepted";
    if (message.id) this.element.dataset.messageId = message.id;
    this.#note.replaceChildren(...(message.delivery === "refused" ? [this.#refusal(message)] : []));
    this.#line.replaceChildren(this.#bubble, message.id ? this.#editButton() : "");
    this.#tools.replaceChildren(versionPager(message, this.actions.chooseVersion) ?? "");
  }

  #editButton() {
    const attributes = { type: "button", class: "button-icon button-edit", "aria-label": "修改问题", title: "修改问题" };
    return element("button", { ...attributes, on: { click: () => this.#open({}) } }, icon("edit"));
  }

  #open(words) {
    this.#editor ??= new QuestionEditor(this.message, {
      onSend: (text) => this.actions.edit(this.message, text),
      onCancel: () => this.#close(),
    });
    this.element.dataset.editing = "true";
    this.#note.before(this.#editor.element);
    this.#editor.open(words);
  }

  // What was written for its place was not taken: it is in the editor again, with the reason.
  #reopen({ text, error }) {
    this.message.refused = null;
    this.#open({ text, reason: `没有发送：${error.message}` });
  }

  #close() {
    this.#editor?.element.remove();
    this.#editor = null;
    delete this.element.dataset.editing;
    this.#line.querySelector(".button-edit")?.focus();
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
        this.#button("修改", () => this.actions.rewrite(message)),
      ),
    );
  }

  #button(label, listener) {
    return element("button", { type: "button", class: "button-quiet", on: { click: listener } }, label);
  }
}

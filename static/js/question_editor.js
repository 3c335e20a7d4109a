// Decides how a question is put in other words: in its own place, sent like any message, given up with Esc.

import { element } from "./dom.js";
import { readDraft, writeDraft } from "./drafts.js";

const MAX_CHARACTERS = 4000;

export class QuestionEditor {
  #area;
  #send = element("button", { type: "submit", class: "button-primary" }, "发送");
  #reason = element("p", { class: "field-error", role: "alert" });

  // onSend(text) and onCancel() answer the reader.
  constructor(message, { onSend, onCancel }) {
    Object.assign(this, { message, onSend, onCancel });
    const hintId = `edit-hint-${message.key}`;
    this.#area = element("textarea", {
      "aria-label": "修改问题",
      "aria-describedby": hintId,
      rows: "1",
      enterkeyhint: "send",
      on: { input: () => this.#changed(), keydown: (event) => this.#pressed(event) },
    });
    this.element = element(
      "form",
      { class: "question-editor", on: { submit: (event) => this.#submit(event) } },
      this.#area,
      this.#reason,
      element("p", { id: hintId, class: "quiet" }, "发送后另起一支，原来的问答可以翻回。"),
      element("div", { class: "row" }, this.#cancelButton(), this.#send),
    );
  }

  open({ text, reason }) {
    this.#area.value = text ?? (readDraft(this.message.id) || this.message.text);
    this.#reason.textContent = reason ?? "";
    this.#refresh();
    this.#area.focus();
  }

  #cancelButton() {
    const cancel = { type: "button", class: "button-quiet", on: { click: () => this.#cancel() } };
    return element("button", cancel, "取消");
  }

  #changed() {
    writeDraft(this.message.id, this.#area.value);
    this.#refresh();
  }

  #pressed(event) {
    if (event.key === "Escape") return this.#cancel();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    this.#submit(event);
  }

  #cancel() {
    writeDraft(this.message.id, "");
    this.onCancel();
  }

  #submit(event) {
    event.preventDefault();
    if (!this.#send.disabled) this.onSend(this.#area.value.trim());
  }

  #refresh() {
    const length = [...this.#area.value.trim()].length;
    this.#send.disabled = length === 0 || length > MAX_CHARACTERS;
    if (length > MAX_CHARACTERS) this.#reason.textContent = `最多 ${MAX_CHARACTERS} 字，请删去 ${length - MAX_CHARACTERS} 字。`;
    this.#area.style.height = "auto";
    this.#area.style.height = `${this.#area.scrollHeight}px`;
  }
}

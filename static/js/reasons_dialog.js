// Decides how a reader says what is wrong with a reply: reasons to choose from, a remark, a refusal told in place.

import { element } from "./dom.js";
import { ApiError } from "./errors.js";
import { reportFailure } from "./notices.js";

export class ReasonsDialog {
  #form;
  #comment;
  #submit;
  #error = element("p", { class: "form-error", role: "alert", hidden: true });
  #send = null;

  // The dialog's form holds inputs named "reason", a textarea, a submit button and one to cancel.
  constructor(dialog) {
    this.dialog = dialog;
    this.#form = dialog.querySelector("form");
    this.#comment = dialog.querySelector("textarea");
    this.#submit = dialog.querySelector("button[type=submit]");
    this.#form.querySelector(".sheet-actions").before(this.#error);
    this.#form.addEventListener("submit", (event) => this.#attempt(event));
    dialog.querySelector("button[type=button]").addEventListener("click", () => dialog.close());
  }

  // send({reasons, comment}) makes the request; the dialog stays until it has gone well.
  open(send) {
    this.#send = send;
    this.#form.reset();
    this.#error.hidden = true;
    this.dialog.showModal();
  }

  async #attempt(event) {
    event.preventDefault();
    const reasons = [...this.#form.querySelectorAll("[name=reason]:checked")].map(({ value }) => value);
    this.#submit.disabled = true;
    try {
      await this.#send({ reasons, comment: this.#comment.value.trim() });
    } catch (error) {
      if (!(error instanceof ApiError)) return this.#leave(error);
      this.#error.textContent = Object.values(error.fields).flat().join("") || error.message;
      this.#error.hidden = false;
    } finally {
      this.#submit.disabled = false;
    }
  }

  #leave(error) {
    this.dialog.close();
    reportFailure(error);
  }
}

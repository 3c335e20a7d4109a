// Decides how an account form behaves: one request at a time, each refusal at its field, the first one focused.

import { byId } from "./dom.js";
import { ApiError } from "./errors.js";

export class AccountForm {
  #form = byId("account-form");
  #error = byId("form-error");
  #submit = this.#form.querySelector("button[type=submit]");

  // Until this script is here, the page's buttons are disabled: a press would be lost, or the browser send the form.
  // `send` makes the request from the fields; `onDone` gets its answer.
  constructor({ send, onDone }) {
    Object.assign(this, { send, onDone });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.attempt(async () => this.onDone(await this.send()));
    });
    this.#submit.disabled = false;
  }

  async attempt(task) {
    this.clearErrors();
    this.#submit.disabled = true;
    try {
      await task();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#show(error);
    } finally {
      this.#submit.disabled = false;
    }
  }

  clearErrors() {
    this.#error.hidden = true;
    for (const input of this.#inputs()) this.#setReason(input, "");
  }

  refuse(name, reason) {
    const input = byId(name);
    this.#setReason(input, reason);
    input.focus();
  }

  #show(error) {
    const refused = this.#inputs().filter((input) => error.fields[input.name]);
    for (const input of refused) this.#setReason(input, error.fields[input.name].join(""));
    if (refused.length > 0) return refused[0].focus();
    this.#error.textContent = error.fields.non_field_errors?.join("") ?? error.message;
    this.#error.hidden = false;
  }

  #setReason(input, reason) {
    input.setAttribute("aria-invalid", String(reason !== ""));
    byId(`${input.id}-error`).textContent = reason;
  }

  #inputs() {
    return [...this.#form.querySelectorAll("input[name]")];
  }
}

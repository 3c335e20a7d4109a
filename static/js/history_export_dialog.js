// Decides how the reader asks for a file: which conversations, in which form.

import { post } from "./api.js";
import { byId } from "./dom.js";
import { ApiError } from "./errors.js";
import { reportFailure } from "./notices.js";

export class ExportDialog {
  #dialog = byId("export-dialog");
  #form = byId("export-form");
  #error = byId("export-error");
  #submit = byId("export-submit");
  #what = null;

  // onAsked(export) follows what the server has taken on.
  constructor({ onAsked }) {
    this.onAsked = onAsked;
    byId("export-cancel").addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask().catch(reportFailure);
    });
  }

  // `what` is {all: true} or {session_ids}.
  open(what) {
    this.#what = what;
    byId("export-what").textContent = what.all ? "导出全部对话，格式：" : `导出选中的 ${what.session_ids.length} 个对话，格式：`;
    this.#refuse("");
    this.#dialog.showModal();
    this.#form.elements.format[0].parentElement.querySelector("input").focus();
  }

  async #ask() {
    this.#refuse("");
    this.#submit.disabled = true;
    try {
      const format = new FormData(this.#form).get("format");
      const asked = await post("exports", { ...this.#what, format });
      this.#dialog.close();
      this.onAsked(asked);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#refuse(error.message);
    } finally {
      this.#submit.disabled = false;
    }
  }

  #refuse(reason) {
    this.#error.textContent = reason;
    this.#error.hidden = reason === "";
  }
}

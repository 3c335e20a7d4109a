// Decides how a source opens: a dialog with the passage in its context; the focus returns to where it came from.

import { getOpenly } from "./api.js";
import { byId, element } from "./dom.js";
import { passageContext, passageHeading } from "./passage_card.js";

const PASSAGE_LINK = "a[href^='/passages/']";

export class SourceDialog {
  #dialog = byId("source-dialog");
  #body = byId("source-body");
  #opener = null;
  #shown = null;

  constructor() {
    byId("source-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => this.#opener?.focus());
  }

  // Plain clicks on links to passages inside `root` open here; with a modifier key they open the page, as links do.
  serve(root) {
    root.addEventListener("click", (event) => {
      const link = event.target.closest(PASSAGE_LINK);
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.#open(link);
    });
  }

  async #open(link) {
    const passageId = link.pathname.split("/").pop();
    this.#opener = link;
    this.#shown = passageId;
    byId("source-title").textContent = "出处";
    byId("source-link").href = link.pathname;
    this.#body.replaceChildren(element("p", { class: "quiet" }, "正在取出原文…"));
    this.#dialog.showModal();
    const content = await this.#load(passageId);
    if (this.#shown !== passageId) return;
    this.#body.replaceChildren(...content);
    this.#body.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
  }

  async #load(passageId) {
    try {
      const passage = await getOpenly(`passages/${passageId}?context=2`);
      byId("source-title").textContent = passage.citation;
      return [passageHeading(passage), passageContext(passage)];
    } catch (error) {
      return [element("p", { class: "form-error", role: "alert" }, error.message)];
    }
  }
}

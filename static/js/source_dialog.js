// Decides how a source opens: a dialog with the passage in its context; the focus returns to where it came from.

import { getOpenly } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { remember } from "./focus.js";
import { passageContext, passageHeading } from "./passage_card.js";

const PASSAGE_LINK = "a[href^='/passages/']";

export class SourceDialog {
  #dialog = byId("source-dialog");
  #body = byId("source-body");
  #title = byId("source-title");
  #findOpener = null;
  #shown = null;

  constructor() {
    byId("source-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => this.#findOpener?.()?.focus());
  }

  // Plain clicks on links to passages inside `root` open here; with a modifier key they open the page, as links do.
  serve(root) {
    root.addEventListener("click", (event) => {
      const link = event.target.closest(PASSAGE_LINK);
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.#open(link, link.closest("article") ?? root);
    });
  }

  async #open(link, surroundings) {
    const passageId = link.pathname.split("/").pop();
    this.#findOpener = remember(link, surroundings);
    this.#shown = passageId;
    byId("source-link").href = link.pathname;
    this.#show({ title: "出处", content: [element("p", { class: "quiet" }, "正在取出原文…")] });
    this.#dialog.showModal();
    const source = await load(passageId);
    if (this.#shown !== passageId) return;
    this.#show(source);
    this.#body.querySelector("[aria-current]")?.scrollIntoView({ block: "center" });
  }

  #show({ title, content }) {
    this.#title.textContent = title;
    this.#body.replaceChildren(...content);
  }
}

async function load(passageId) {
  try {
    const passage = await getOpenly(`passages/${passageId}?context=2`);
    return { title: passage.citation, content: [passageHeading(passage), passageContext(passage)] };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { title: "没有打开", content: [element("p", { class: "form-error", role: "alert" }, error.message)] };
  }
}

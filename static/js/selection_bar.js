// Decides what can be done with selected words: keep them, or copy them with their source.

import { element, icon } from "./dom.js";
import { leaveForLogin } from "./navigation.js";
import { notify, reportFailure } from "./notices.js";
import { selectedExcerpts } from "./selection.js";
import { isSignedIn } from "./tokens.js";

const CALM_MS = 250;

export class SelectionBar {
  #excerpts = [];
  #timer = null;
  #root;

  constructor(store) {
    this.store = store;
    this.#root = element(
      "div",
      { class: "selection-bar", role: "toolbar", "aria-label": "所选文字", hidden: true },
      button("bookmark", "收藏所选", () => this.#keep().catch(reportFailure)),
      navigator.clipboard && button("copy", "连出处复制", () => this.#copy().catch(reportFailure)),
    );
    // Pressing a button must not take the selection away before it is used.
    this.#root.addEventListener("pointerdown", (event) => event.preventDefault());
    document.body.append(this.#root);
    document.addEventListener("selectionchange", () => this.#look());
  }

  #look() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const excerpts = selectedExcerpts();
      if (excerpts.length === 0 && this.#root.contains(document.activeElement)) return;
      this.#excerpts = excerpts;
      this.#root.hidden = excerpts.length === 0;
    }, CALM_MS);
  }

  async #keep() {
    if (!isSignedIn()) return leaveForLogin();
    for (const { passageId, text, isWhole } of this.#excerpts) {
      await this.store.keep(passageId, isWhole ? "" : text);
    }
    notify("已收藏，在“摘抄”里");
    this.#done();
  }

  async #copy() {
    const lines = this.#excerpts.map(({ text }) => text).join("\n");
    const citations = [...new Set(this.#excerpts.map(({ citation }) => citation))].join("、");
    await navigator.clipboard.writeText(`${lines}\n——${citations}`);
    notify("已复制");
    this.#done();
  }

  #done() {
    getSelection().removeAllRanges();
    this.#root.hidden = true;
  }
}

function button(iconName, label, listener) {
  return element("button", { type: "button", class: "button-quiet", on: { click: listener } }, icon(iconName), label);
}

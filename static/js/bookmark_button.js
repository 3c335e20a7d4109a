// Decides how a button keeps a passage and lets it go again; whoever is not signed in is led to the login.

import { leaveForLogin } from "./navigation.js";
import { notify, reportFailure } from "./notices.js";
import { isSignedIn } from "./tokens.js";

export class BookmarkButton {
  #button;
  #label;
  #passageId;
  #quote;

  // The button names its passage in `data-bookmark`, and the words that it keeps in `data-quote`.
  constructor(button, store) {
    this.store = store;
    this.#button = button;
    this.#label = button.querySelector("span");
    this.#passageId = Number(button.dataset.bookmark);
    this.#quote = button.dataset.quote;
    button.hidden = false;
    button.addEventListener("click", () => this.#press().catch(reportFailure));
    store.addEventListener("change", () => this.#draw());
  }

  async #press() {
    if (!isSignedIn()) return leaveForLogin();
    this.#button.disabled = true;
    try {
      const kept = this.store.find(this.#passageId, this.#quote);
      if (kept) await this.store.drop(kept);
      else await this.store.keep(this.#passageId, this.#quote);
      notify(kept ? "已取消收藏" : "已收藏，在“摘抄”里");
    } finally {
      this.#button.disabled = false;
      this.#button.focus();
    }
  }

  #draw() {
    const isKept = this.store.find(this.#passageId, this.#quote) !== undefined;
    this.#button.setAttribute("aria-pressed", String(isKept));
    this.#label.textContent = isKept ? "已收藏" : "收藏";
  }
}

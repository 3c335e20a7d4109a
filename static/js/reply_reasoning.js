// Decides how a reply shows what it thought before it answered: folded, apart from the words that count.

import { element } from "./dom.js";

export class ReplyReasoning {
  #title = element("span", {}, "思考过程");
  #words = element("p", { class: "reasoning-words" });
  element = element("details", { class: "reasoning", hidden: true }, element("summary", {}, this.#title), this.#words);

  show(text, { isThinking }) {
    this.element.hidden = !text;
    const title = isThinking ? "正在思考…" : "思考过程";
    if (this.#title.textContent !== title) this.#title.textContent = title;
    if (this.#words.textContent !== text) this.#words.textContent = text;
  }
}

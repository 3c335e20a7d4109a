// Decides how a reply looks in every state: waiting, thinking, streaming, taken back, finished, stopped, failed.

import { badgeQuotes, linkCitations } from "./annotations.js";
import { isFinal } from "./conversation.js";
import { element, icon } from "./dom.js";
import { keepFocus } from "./focus.js";
import { StreamingProse, proseFromHtml, proseFromText } from "./prose.js";
import { quoteSummary, sourceChips } from "./reply_evidence.js";
import { footerParts } from "./reply_footer.js";
import { noteParts } from "./reply_note.js";
import { ReplyReasoning } from "./reply_reasoning.js";

export class ReplyView {
  #name = element("span", { class: "reply-name" });
  #notice = element("p", { class: "reply-notice" });
  #reasoning = new ReplyReasoning();
  #waiting = element("p", { class: "reply-waiting" });
  #prose = element("div", { class: "prose" });
  #evidence = element("div", { class: "evidence" });
  #note = element("div", { class: "reply-note" });
  #footer = element("footer", { class: "reply-footer" });
  #followUps = element("ul", { class: "follow-ups", "aria-label": "可以接着问" });
  #streaming = new StreamingProse(this.#prose, (block) => linkCitations(block, this.message.sources));
  #drawnText = "";
  #drawnActions = "";
  #drawnSources = null;

  constructor(actions) {
    this.actions = actions;
    const head = element("header", { class: "reply-head" }, icon("seal"), this.#name);
    const body = [this.#reasoning.element, this.#prose, this.#waiting, this.#note, this.#evidence, this.#footer];
    this.article = element("article", {}, head, this.#notice, ...body);
    this.element = element("li", { class: "reply", tabindex: "-1" }, this.article, this.#followUps);
  }

  show(message, { isNewest }) {
    this.message = message;
    this.#showHead();
    keepFocus(this.element, () => {
      if (isFinal(message)) this.#showFinal(isNewest);
      else this.#showStreaming();
    });
  }

  #showHead() {
    const { id, status, role_name: roleName, notice, reasoning, text } = this.message;
    const name = roleName || "国学大师";
    if (this.#name.textContent !== name) this.#name.textContent = name;
    this.article.setAttribute("aria-label", `${name}的回复`);
    this.article.setAttribute("aria-busy", String(status === "streaming"));
    this.element.dataset.status = status;
    if (id) this.element.dataset.messageId = id;
    this.#notice.textContent = notice?.text ?? "";
    this.#reasoning.show(reasoning ?? "", { isThinking: status === "streaming" && text === "" });
  }

  #showStreaming() {
    const { text, sources } = this.message;
    this.#streaming.show(text);
    this.#waiting.hidden = text !== "";
    this.#waiting.textContent = waitingLine(this.message);
    if (this.#drawnSources === sources) return;
    this.#drawnSources = sources;
    this.#evidence.replaceChildren(...sourceChips(sources));
  }

  #showFinal(isNewest) {
    const { id, status, text, html, sources } = this.message;
    const words = JSON.stringify([id, status, text.length, html?.length, sources.length]);
    if (words !== this.#drawnText) this.#showText();
    this.#drawnText = words;
    const state = this.#actionsState(isNewest);
    if (words + state !== this.#drawnActions) this.#showActions(isNewest);
    this.#drawnActions = words + state;
  }

  #showText() {
    this.#waiting.hidden = true;
    this.#showProse();
    this.#evidence.replaceChildren(...quoteSummary(this.message.quotes), ...sourceChips(this.message.sources));
  }

  #actionsState(isNewest) {
    const { versions, version_index: place, feedback, refused, suggestions } = this.message;
    return JSON.stringify([isNewest && suggestions, versions, place, feedback, refused]);
  }

  // What can be done with a reply changes after it has ended; its text and open details stay as they are.
  #showActions(isNewest) {
    this.#note.replaceChildren(...noteParts(this.message, this.actions));
    this.#footer.replaceChildren(...footerParts(this.message, this.actions));
    const suggestions = isNewest ? (this.message.suggestions ?? []) : [];
    this.#followUps.replaceChildren(...suggestions.map((words) => this.#followUp(words)));
  }

  #showProse() {
    const { html, text, quotes, sources } = this.message;
    this.#prose.replaceChildren(html ? proseFromHtml(html) : proseFromText(text));
    linkCitations(this.#prose, sources);
    badgeQuotes(this.#prose, quotes ?? []);
  }

  #followUp(words) {
    const attributes = { type: "button", class: "follow-up", on: { click: () => this.actions.ask(words) } };
    return element("li", {}, element("button", attributes, words));
  }
}

function waitingLine({ sources, queue_position: position, stop_requested: stopRequested, retracted, id }) {
  if (retracted) return "这条回复未通过内容审核，已撤回。";
  if (stopRequested) return "正在停止…";
  if (!id && position > 1) return `前面还有 ${position - 1} 位，请稍候…`;
  if (!id && position === 1) return "马上轮到您…";
  return sources.length > 0 ? `找到 ${sources.length} 处出处，正在落笔…` : "正在查阅典籍…";
}

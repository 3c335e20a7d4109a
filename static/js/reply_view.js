// Decides how a reply looks in every state: waiting, streaming, finished, stopped, interrupted, failed.

import { linkCitations, markQuotes } from "./annotations.js";
import { element, icon } from "./dom.js";
import { isFinal } from "./conversation.js";
import { keepFocus } from "./focus.js";
import { formatYuan } from "./money.js";
import { notify } from "./notices.js";
import { StreamingProse, proseFromHtml, proseFromText } from "./prose.js";
import { quoteSummary, sourceChips } from "./reply_evidence.js";

const STATUS_NOTES = {
  stopped: () => "已停止",
  interrupted: (error) => error?.message ?? "回复中断，可以重新生成。",
  failed: (error) => `回复失败：${error?.message ?? "请重新生成。"}`,
};

export class ReplyView {
  #name = element("span", { class: "reply-name" });
  #waiting = element("p", { class: "reply-waiting" });
  #prose = element("div", { class: "prose" });
  #evidence = element("div", { class: "evidence" });
  #note = element("div", { class: "reply-note" });
  #footer = element("footer", { class: "reply-footer" });
  #streaming = new StreamingProse(this.#prose, (block) => linkCitations(block, this.message.sources));
  #drawnText = "";
  #drawnActions = "";
  #drawnSources = null;

  constructor(actions) {
    this.actions = actions;
    const head = element("header", { class: "reply-head" }, icon("seal"), this.#name);
    const parts = [head, this.#prose, this.#waiting, this.#note, this.#evidence, this.#footer];
    this.article = element("article", {}, ...parts);
    this.element = element("li", { class: "reply" }, this.article);
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
    const { status, role_name: roleName } = this.message;
    const name = roleName || "国学大师";
    if (this.#name.textContent !== name) this.#name.textContent = name;
    this.article.setAttribute("aria-label", `${name}的回复`);
    this.article.setAttribute("aria-busy", String(status === "streaming"));
    this.element.dataset.status = status;
    if (this.message.id) this.element.dataset.messageId = this.message.id;
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
    const state = JSON.stringify([id, status, text.length, html?.length, sources.length]);
    if (state !== this.#drawnText) this.#showText();
    this.#drawnText = state;
    if (state + isNewest !== this.#drawnActions) this.#showActions(isNewest);
    this.#drawnActions = state + isNewest;
  }

  #showText() {
    this.#waiting.hidden = true;
    this.#showProse();
    this.#evidence.replaceChildren(...quoteSummary(this.message.quotes), ...sourceChips(this.message.sources));
  }

  // What can be done with a reply changes when it is no longer the newest; its text and open details stay as they are.
  #showActions(isNewest) {
    this.#note.replaceChildren(...this.#noteParts(isNewest));
    this.#footer.replaceChildren(...this.#footerParts(isNewest));
  }

  #showProse() {
    const { html, text, quotes, sources } = this.message;
    this.#prose.replaceChildren(html ? proseFromHtml(html) : proseFromText(text));
    linkCitations(this.#prose, sources);
    markQuotes(this.#prose, quotes ?? []);
  }

  #noteParts(isNewest) {
    const { status, error } = this.message;
    const note = STATUS_NOTES[status]?.(error);
    if (!note) return [];
    const again = status !== "stopped" && isNewest && this.#regenerateButton("button-quiet");
    return [element("p", { class: `status status-${status}` }, note), again].filter(Boolean);
  }

  #footerParts(isNewest) {
    const { status, label, cost_micros: costMicros, text } = this.message;
    const facts = [label, costMicros === undefined ? "" : `本次 ${formatYuan(costMicros)}`].filter(Boolean);
    const canRegenerate = isNewest && (status === "completed" || status === "stopped");
    const actions = element(
      "span",
      { class: "reply-actions" },
      text && navigator.clipboard && this.#actionButton("copy", "复制回复", () => this.#copy()),
      canRegenerate && this.#actionButton("again", "重新生成", () => this.actions.regenerate(this.message)),
    );
    return [element("span", { class: "reply-facts" }, ...facts.map((fact) => element("span", {}, fact))), actions];
  }

  #regenerateButton(className) {
    const listener = () => this.actions.regenerate(this.message);
    return element("button", { type: "button", class: className, on: { click: listener } }, "重新生成");
  }

  #actionButton(iconName, label, listener) {
    const attributes = {
      type: "button",
      class: "button-icon",
      "aria-label": label,
      title: label,
      on: { click: listener },
    };
    return element("button", attributes, icon(iconName));
  }

  async #copy() {
    const { id, label, text } = this.message;
    await navigator.clipboard.writeText(`${text}\n\n（${label}；内容编号 ${id}）`);
    notify("已复制回复");
  }
}

function waitingLine({ sources, queue_position: position, stop_requested: stopRequested }) {
  if (stopRequested) return "正在停止…";
  if (position > 0) return `正在排队，排在第 ${position} 位…`;
  return sources.length > 0 ? `找到 ${sources.length} 处出处，正在落笔…` : "正在查阅典籍…";
}

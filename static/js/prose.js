// Decides how reply text becomes elements: Markdown blocks while it streams, the server's HTML at the end.

import { element } from "./dom.js";
import { parseBlocks, parseInline } from "./markdown.js";

const TAGS = new Set(
  "P BR STRONG EM DEL BLOCKQUOTE UL OL LI CODE PRE HR A MARK H1 H2 H3 H4 H5 H6 TABLE THEAD TBODY TR TH TD".split(" "),
);
const OWN_LINK = /^\/passages\/\d+$/;
// What the mark of a checked quotation may say, and in which form.
const MARK_ATTRIBUTES = {
  class: /^quote quote-(exact|near|missing)$/,
  title: /^/,
  "aria-description": /^/,
  "data-quote": /^\d+$/,
  "data-attribution": /^(right|wrong|unknown)$/,
  "data-passage": /^\d+$/,
};
const INLINE_TAGS = { strong: "strong", emphasis: "em", code: "code" };

// Shows a growing text; `decorate` is called on each block that was drawn anew.
export class StreamingProse {
  #drawn = [];

  constructor(root, decorate) {
    this.root = root;
    this.decorate = decorate;
  }

  show(text) {
    const blocks = parseBlocks(text);
    const same = blocks.findIndex((block, index) => this.#drawn[index]?.raw !== block.raw);
    if (same === -1 && blocks.length === this.#drawn.length) return;
    const first = same === -1 ? blocks.length : same;
    for (const { node } of this.#drawn.splice(first)) node.remove();
    for (const block of blocks.slice(first)) {
      const node = drawBlock(block);
      this.decorate(node);
      this.root.append(node);
      this.#drawn.push({ raw: block.raw, node });
    }
  }
}

// The server has cleaned its HTML; here only the same tags, links to our own passages and marks survive once more.
export function proseFromHtml(html) {
  const fragment = document.createDocumentFragment();
  copyChildren(new DOMParser().parseFromString(html, "text/html").body, fragment);
  return fragment;
}

export function proseFromText(text) {
  const fragment = document.createDocumentFragment();
  fragment.append(...parseBlocks(text).map(drawBlock));
  return fragment;
}

function copyChildren(from, to) {
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) to.append(child.data);
    if (child.nodeType === Node.ELEMENT_NODE) copyElement(child, to);
  }
}

function copyElement(source, to) {
  if (!TAGS.has(source.tagName)) return copyChildren(source, to);
  const copy = document.createElement(source.tagName);
  const href = source.getAttribute("href");
  if (source.tagName === "A" && href && OWN_LINK.test(href)) copy.setAttribute("href", href);
  if (source.tagName === "OL" && source.hasAttribute("start")) copy.start = source.start;
  if (source.tagName === "MARK") copyMark(source, copy);
  copyChildren(source, copy);
  to.append(copy);
}

function copyMark(source, copy) {
  for (const [name, form] of Object.entries(MARK_ATTRIBUTES)) {
    const value = source.getAttribute(name);
    if (value !== null && form.test(value)) copy.setAttribute(name, value);
  }
}

function drawBlock(block) {
  switch (block.type) {
    case "heading":
      return element(`h${block.level}`, {}, ...drawInline(block.text));
    case "quote":
      return element("blockquote", {}, ...block.blocks.map(drawBlock));
    case "list":
      return element(
        block.ordered ? "ol" : "ul",
        {},
        ...block.items.map((item) => element("li", {}, ...drawInline(item))),
      );
    case "code":
      return element("pre", {}, element("code", {}, block.text));
    case "table":
      return drawTable(block);
    case "rule":
      return element("hr");
    default:
      return element("p", {}, ...drawInline(block.text));
  }
}

function drawTable({ head, rows }) {
  const row = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, {}, ...drawInline(cell))));
  const body = rows.length > 0 && element("tbody", {}, ...rows.map((cells) => row("td", cells)));
  return element("table", {}, element("thead", {}, row("th", head)), body);
}

function drawInline(text) {
  return parseInline(text).flatMap(({ type, text: words }) =>
    type === "text" ? withLineBreaks(words) : [element(INLINE_TAGS[type], {}, ...withLineBreaks(words))],
  );
}

function withLineBreaks(text) {
  return text.split("\n").flatMap((line, index) => (index === 0 ? [line] : [element("br"), line]));
}

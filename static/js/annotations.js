// Decides what is marked inside a reply: [n] becomes a link to its source, behind a checked quotation stands its verdict.

import { element } from "./dom.js";

const CITATION = /\[(\d{1,2})\]/g;
const CLOSING = /^(?:[。！？；，、：…—]*[」』”’》]+|[。！？；]+)/;

export const VERDICTS = {
  exact: { mark: "✓", name: "原文" },
  near: { mark: "≈", name: "近似" },
  not_found: { mark: "✗", name: "未见" },
  not_held: { mark: "○", name: "本库未收此书" },
};

// What is not found in a book that this corpus has not is no error.
export const verdictOf = ({ verdict, cited_in_corpus: isHeld }) =>
  verdict === "not_found" && isHeld === false ? "not_held" : verdict;

const isMisplaced = ({ attribution, passage_id: passageId }) => attribution === "wrong" && Boolean(passageId);

export function linkCitations(root, sources) {
  const byNumber = new Map(sources.map((source) => [source.n, source]));
  for (const link of root.querySelectorAll("a[href^='/passages/']:not(.citation)")) {
    const number = /^\[(\d{1,2})\]$/.exec(link.textContent)?.[1];
    const source = byNumber.get(Number(number));
    if (source) link.replaceWith(citationLink(source));
  }
  for (const text of textsOf(root)) linkCitationsIn(text, byNumber);
}

// Behind each quotation that the server has marked stands its verdict; where there is a passage, it opens that.
export function badgeQuotes(root, quotes) {
  const marks = new Map([...root.querySelectorAll("mark[data-quote]")].map((mark) => [mark.dataset.quote, mark]));
  for (const [index, last] of marks) {
    const quote = quotes[Number(index)];
    if (!quote) continue;
    const words = root.querySelector(`mark[data-quote="${index}"]`).title;
    for (const mark of root.querySelectorAll(`mark[data-quote="${index}"]`)) mark.dataset.verdict = verdictOf(quote);
    insertBehind(last, verdictBadge(quote, words));
  }
}

function verdictBadge(quote, words) {
  const verdict = verdictOf(quote);
  const { mark, name } = VERDICTS[verdict];
  const kind = isMisplaced(quote) ? "misplaced" : verdict;
  const attributes = { class: `verdict verdict-${kind}`, title: words, "aria-label": words || name };
  const shown = isMisplaced(quote) ? `${mark} 出处有误` : mark;
  if (!quote.passage_id) return element("span", { ...attributes, role: "img" }, shown);
  return element("a", { ...attributes, href: `/passages/${quote.passage_id}`, "aria-haspopup": "dialog" }, shown);
}

function citationLink(source) {
  return element(
    "a",
    {
      class: "citation",
      href: `/passages/${source.passage_id}`,
      "aria-haspopup": "dialog",
      "aria-label": `出处 ${source.n}：${source.citation}`,
    },
    String(source.n),
  );
}

function linkCitationsIn(text, byNumber) {
  const pieces = [];
  let from = 0;
  for (const match of text.data.matchAll(CITATION)) {
    const source = byNumber.get(Number(match[1]));
    if (!source) continue;
    pieces.push(text.data.slice(from, match.index), citationLink(source));
    from = match.index + match[0].length;
  }
  if (pieces.length > 0) text.replaceWith(...pieces, text.data.slice(from));
}

function textsOf(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement?.closest("a, code, pre") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  return texts;
}

// Behind the marks of quotation and punctuation that belong to the words, too.
function insertBehind(mark, badge) {
  const next = mark.nextSibling;
  const closing = next?.nodeType === Node.TEXT_NODE ? (CLOSING.exec(next.data)?.[0] ?? "") : "";
  if (closing) next.splitText(closing.length).before(badge);
  else mark.after(badge);
}

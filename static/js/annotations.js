// Decides what is marked inside a reply: [n] becomes a link to its source, a checked quotation gets its verdict.

import { element } from "./dom.js";

const CITATION = /\[(\d{1,2})\]/g;
const CLOSING = /^(?:[。！？；，、：…—]*[」』”’》]+|[。！？；]+)/;
const IGNORED = /[\s*>`]/;
const NOT_QUOTED = /\[\d{1,2}\]|[\s*>`]/g;

export const VERDICTS = {
  exact: { mark: "✓", name: "原文" },
  near: { mark: "≈", name: "近似" },
  not_found: { mark: "✗", name: "未见" },
};

export function linkCitations(root, sources) {
  const byNumber = new Map(sources.map((source) => [source.n, source]));
  for (const link of root.querySelectorAll("a[href^='/passages/']:not(.citation)")) {
    const number = /^\[(\d{1,2})\]$/.exec(link.textContent)?.[1];
    const source = byNumber.get(Number(number));
    if (source) link.replaceWith(citationLink(source));
  }
  for (const text of textsOf(root)) linkCitationsIn(text, byNumber);
}

// Citations have to be linked before: a quotation is found by its characters, in which [n] has no part.
export function markQuotes(root, quotes) {
  let from = 0;
  const ends = [];
  const { compact, places } = compactText(textsOf(root));
  for (const quote of quotes) {
    const needle = quote.quote.replace(NOT_QUOTED, "");
    const start = needle ? compact.indexOf(needle, from) : -1;
    if (start === -1) continue;
    from = start + needle.length;
    ends.push({ quote, place: places[from - 1] });
  }
  // From the end backwards, so that splitting a text does not move the places that are still to be marked.
  for (const { quote, place } of ends.reverse()) insertVerdict(quote, place);
}

function verdictBadge(quote) {
  const { mark, name } = VERDICTS[quote.verdict];
  const title = quote.citation ? `${name}：${quote.citation}` : name;
  const attributes = { class: `verdict verdict-${quote.verdict}`, title, "aria-label": `引文核对，${title}` };
  if (!quote.passage_id) return element("span", { ...attributes, role: "img" }, mark);
  return element("a", { ...attributes, href: `/passages/${quote.passage_id}`, "aria-haspopup": "dialog" }, mark);
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

// The text without spaces and Markdown signs, and for each of its characters the node and offset where it ends.
function compactText(texts) {
  let compact = "";
  const places = [];
  for (const node of texts) {
    for (let offset = 0; offset < node.data.length; offset += 1) {
      if (IGNORED.test(node.data[offset])) continue;
      compact += node.data[offset];
      places.push({ node, end: offset + 1 });
    }
  }
  return { compact, places };
}

function insertVerdict(quote, { node, end }) {
  const closing = CLOSING.exec(node.data.slice(end))?.[0] ?? "";
  node.splitText(end + closing.length).before(verdictBadge(quote));
}

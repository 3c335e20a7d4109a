// Decides how a reply shows what it rests on: its sources as numbered chips, its quotations with their verdicts.

import { VERDICTS, verdictOf } from "./annotations.js";
import { element } from "./dom.js";

export function sourceChips(sources) {
  if (!sources || sources.length === 0) return [];
  const chips = sources.map((source) => element("li", {}, chip(source)));
  return [element("ul", { class: "chips", "aria-label": "出处" }, ...chips)];
}

export function quoteSummary(quotes) {
  if (!quotes || quotes.length === 0) return [];
  const counts = Object.keys(VERDICTS).map((verdict) => countOf(verdict, quotes));
  const summary = element("summary", {}, element("span", {}, "引文核对"), ...counts);
  return [element("details", { class: "quote-check" }, summary, element("ul", {}, ...quotes.map(quoteItem)))];
}

function chip(source) {
  const number = element("span", { class: "chip-number" }, String(source.n));
  const label = `出处 ${source.n}：${source.citation}，打开原文`;
  const attributes = {
    class: "chip",
    href: `/passages/${source.passage_id}`,
    "aria-label": label,
    "aria-haspopup": "dialog",
  };
  return element("a", attributes, number, source.citation);
}

function countOf(verdict, quotes) {
  const count = quotes.filter((quote) => verdictOf(quote) === verdict).length;
  if (count === 0) return null;
  const { mark, name } = VERDICTS[verdict];
  return element("span", { class: `tally verdict-${verdict}` }, `${mark} ${name} ${count}`);
}

function quoteItem(quote) {
  const verdict = verdictOf(quote);
  const { mark, name } = VERDICTS[verdict];
  return element(
    "li",
    {},
    element("span", { class: `tally verdict-${verdict}` }, `${mark} ${name}`),
    element("q", {}, quote.quote),
    quote.passage_id &&
      element("a", { href: `/passages/${quote.passage_id}`, "aria-haspopup": "dialog" }, quote.citation),
    ...remarksOn(quote).map((remark) => element("p", { class: "quote-remark" }, remark)),
  );
}

function remarksOn({ attribution, cited, citation, differences = [] }) {
  const remarks = differences.map(
    ({ quoted, source }) => `「${quoted || "（无）"}」原典作「${source || "（无）"}」`,
  );
  if (attribution === "wrong") remarks.push(`出处有误：回复写作${cited ?? "别处"}，实见${citation}`);
  return remarks;
}

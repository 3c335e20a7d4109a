// Decides what the search page does beyond its form: it shows that it works, searches anew, knows the titles of works.

import { getOpenly } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";

const CALM_MS = 250;
const OFFERED_TITLES = 20;

const form = byId("search-form");
const button = byId("search-button");
const words = byId("search-q");
const title = byId("search-work");
let timer = null;

function showBusy(isBusy) {
  button.setAttribute("aria-busy", String(isBusy));
  button.textContent = isBusy ? "检索中…" : "检索";
}

async function offerTitles() {
  try {
    const { results } = await getOpenly(`works?${new URLSearchParams({ q: title.value, limit: OFFERED_TITLES })}`);
    const titles = new Set(results.map((work) => work.title));
    byId("work-titles").replaceChildren(...[...titles].map((value) => element("option", { value })));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // A title can be written without an offer.
  }
}

async function showPopular(section) {
  try {
    const { results } = await getOpenly("search/popular");
    const links = results.map((query) => element("a", { href: `/search?${new URLSearchParams({ q: query })}` }, query));
    byId("popular-list").replaceChildren(...links.map((link) => element("li", {}, link)));
    section.hidden = results.length === 0;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // The page does without.
  }
}

form.addEventListener("submit", () => showBusy(true));
// Back to this page from a hit: the browser shows it as it was left.
addEventListener("pageshow", () => showBusy(false));
form.addEventListener("change", ({ target }) => {
  if (target.name === "mode" && words.value.trim() && location.search) form.requestSubmit();
});
title.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(offerTitles, CALM_MS);
});
title.addEventListener("focus", offerTitles, { once: true });
const popular = byId("popular-searches");
if (popular) showPopular(popular);

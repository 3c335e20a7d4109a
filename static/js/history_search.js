// Decides what a search in one's own questions and replies shows, in place of the list, while there are words to find.

import { get, getNext } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { dayName } from "./history_list.js";
import { marked } from "./marked_text.js";
import { addressOfSession } from "./navigation.js";
import { reportFailure } from "./notices.js";

const CALM_MS = 250;
const WORD = /[\p{L}\p{N}]/u;

export class HistorySearch {
  #input = byId("history-query");
  #status = byId("search-status");
  #hits = byId("hit-list");
  #more = byId("more-hits");
  #next = null;
  #timer = null;
  // Counts the searches: an answer to an earlier one shows nothing any more.
  #search = 0;

  start() {
    this.#input.addEventListener("input", () => this.#changed());
    this.#more.addEventListener("click", () => this.#loadMore().catch(reportFailure));
    byId("history-search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    // Who comes back from a message finds the search as it was left.
    this.#input.value = new URLSearchParams(location.search).get("q") ?? "";
    this.#begin();
  }

  #changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), CALM_MS);
  }

  #begin() {
    clearTimeout(this.#timer);
    const words = this.#input.value.trim();
    this.#search += 1;
    history.replaceState(null, "", words ? `?${new URLSearchParams({ q: words })}` : location.pathname);
    if (!words) return this.#show(false, "");
    if (!WORD.test(words)) return this.#show(false, "请输入要找的文字。");
    this.#ask(words).catch(reportFailure);
  }

  async #ask(words) {
    const search = this.#search;
    try {
      const page = await get(`messages?${new URLSearchParams({ q: words })}`);
      if (search !== this.#search) return;
      this.#hits.replaceChildren();
      this.#add(page);
      const count = `找到 ${page.results.length} 条${page.next ? "以上" : ""}`;
      this.#show(true, page.results.length === 0 ? "没有找到。换个说法，或少写几个字试试。" : count);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (search === this.#search) this.#show(false, Object.values(error.fields).flat().join("") || error.message);
    }
  }

  #show(isSearching, status) {
    this.#status.textContent = status;
    byId("search-results").hidden = !isSearching;
    byId("sessions").hidden = isSearching;
  }

  #add({ results, next }) {
    this.#next = next;
    this.#more.hidden = next === null;
    this.#hits.append(...results.map(hit));
  }

  async #loadMore() {
    this.#more.disabled = true;
    const search = this.#search;
    const before = this.#hits.children.length;
    try {
      const page = await getNext(this.#next);
      if (search !== this.#search) return;
      this.#add(page);
      this.#hits.children[before]?.querySelector("a").focus();
    } finally {
      this.#more.disabled = false;
    }
  }
}

function hit({ message_id: messageId, session_id: sessionId, session_title: title, author, role_name: role, ...found }) {
  const who = author === "reader" ? "我问" : `${role || "国学大师"}答`;
  return element(
    "li",
    { class: "history-hit" },
    element(
      "a",
      { href: addressOfSession(sessionId, messageId) },
      element("span", { class: "history-title" }, title || "新对话"),
      element("span", { class: "history-snippet" }, `${who}：`, ...marked(found.snippet, found.matched)),
      element("span", { class: "history-about" }, dayName(found.created_at)),
    ),
  );
}

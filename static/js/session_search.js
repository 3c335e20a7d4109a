// Decides what a search over one's own conversations shows: titles and messages that match, instead of the list.

import { get, getNext } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { marked } from "./marked_text.js";
import { addressOfSession } from "./navigation.js";
import { reportFailure } from "./notices.js";

const CALM_MS = 250;
const WORD = /[\p{L}\p{N}]/u;

export class SessionSearch {
  #input = byId("session-query");
  #status = byId("search-status");
  #results = byId("search-results");
  #sessions = byId("sessions");
  #more = element("button", { type: "button", class: "button-quiet more-hits", on: { click: () => this.#loadMore() } }, "更多消息");
  #messages = element("ul");
  #next = null;
  #timer = null;
  // Counts the searches: an answer to an earlier one shows nothing any more.
  #search = 0;

  // onOpen(sessionId, messageId) goes to what was found; without a message to the end of the session.
  constructor({ onOpen }) {
    this.onOpen = onOpen;
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    byId("session-search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
  }

  #changed() {
    clearTimeout(this.#timer);
    if (!this.#input.value.trim()) return this.#end();
    this.#timer = setTimeout(() => this.#begin(), CALM_MS);
  }

  // Esc first ends the search; only then does it close the drawer.
  #pressed(event) {
    if (event.key !== "Escape" || this.#input.value === "") return;
    event.preventDefault();
    event.stopPropagation();
    this.#input.value = "";
    this.#changed();
  }

  #end() {
    this.#search += 1;
    this.#status.textContent = "";
    this.#results.replaceChildren();
    this.#show(false);
  }

  #show(isSearching) {
    this.#results.hidden = !isSearching;
    this.#sessions.hidden = isSearching;
  }

  #begin() {
    clearTimeout(this.#timer);
    const words = this.#input.value.trim();
    if (WORD.test(words)) this.#ask(new URLSearchParams({ q: words })).catch(reportFailure);
    else if (words) this.#refuse("请输入要找的文字。");
  }

  async #ask(query) {
    this.#search += 1;
    const search = this.#search;
    try {
      const answers = await Promise.all([get(`sessions?${query}`), get(`messages?${query}`)]);
      if (search === this.#search) this.#draw(...answers);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (search === this.#search) this.#refuse(Object.values(error.fields).flat().join("") || error.message);
    }
  }

  #refuse(reason) {
    this.#search += 1;
    this.#results.replaceChildren();
    this.#status.textContent = reason;
    this.#show(true);
  }

  #draw(sessions, messages) {
    this.#messages.replaceChildren();
    const titles = element("ul", {}, ...sessions.results.map((session) => this.#title(session)));
    this.#results.replaceChildren(
      ...section("标题", titles, sessions.results.length),
      ...section("消息", this.#messages, messages.results.length),
      this.#more,
    );
    this.#add(messages);
    const count = sessions.results.length + messages.results.length;
    const rest = sessions.next || messages.next ? "以上" : "";
    this.#status.textContent = count === 0 ? "没有找到" : `找到 ${count} 条${rest}`;
    this.#show(true);
  }

  #add(page) {
    this.#messages.append(...page.results.map((hit) => this.#message(hit)));
    this.#next = page.next;
    this.#more.hidden = this.#next === null;
  }

  async #loadMore() {
    const search = this.#search;
    this.#more.disabled = true;
    try {
      const page = await getNext(this.#next);
      if (search === this.#search) this.#add(page);
    } catch (error) {
      reportFailure(error);
    } finally {
      this.#more.disabled = false;
    }
  }

  #title(session) {
    return this.#hit(session.id, null, [
      element("span", { class: "session-title" }, session.title),
      element("span", { class: "session-role" }, session.role.name),
    ]);
  }

  #message({ session_id: sessionId, message_id: messageId, session_title: title, author, role_name: role, snippet, matched }) {
    const who = author === "reader" ? "我问" : `${role || "国学大师"}答`;
    return this.#hit(sessionId, messageId, [
      element("span", { class: "session-title" }, title || "新对话"),
      element("span", { class: "hit-snippet" }, `${who}：`, ...marked(snippet, matched)),
    ]);
  }

  #hit(sessionId, messageId, parts) {
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(sessionId, messageId);
    };
    const link = element("a", { href: addressOfSession(sessionId, messageId), on: { click: open } }, ...parts);
    return element("li", { class: "session hit-row" }, link);
  }
}

function section(name, list, count) {
  return count > 0 ? [element("section", {}, element("h3", { class: "session-day" }, name), list)] : [];
}

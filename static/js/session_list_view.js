// Decides how the sessions are listed: by day, the open one marked, more on demand, each with a door to manage it.

import { byId, element, icon } from "./dom.js";
import { addressOfSession } from "./navigation.js";
import { reportFailure } from "./notices.js";

const DAY_MS = 86_400_000;

export class SessionListView {
  #list = byId("session-list");
  #more = byId("more-sessions");
  #openId = null;

  // onOpen(sessionId) and onManage(session) answer the reader's choice.
  constructor(store, { onOpen, onManage }) {
    Object.assign(this, { store, onOpen, onManage });
    store.addEventListener("change", () => this.#draw());
    this.#more.addEventListener("click", () => this.#loadMore());
  }

  mark(sessionId) {
    this.#openId = sessionId;
    for (const link of this.#list.querySelectorAll("a")) setCurrent(link, link.dataset.sessionId === sessionId);
  }

  #draw() {
    const groups = new Map();
    for (const session of this.store.sessions) {
      const label = dayOf(session.last_message_at);
      groups.set(label, [...(groups.get(label) ?? []), session]);
    }
    const sections = [...groups].map(([label, sessions]) => this.#group(label, sessions));
    const empty = element("p", { class: "quiet session-empty" }, "还没有对话。");
    this.#list.replaceChildren(...(sections.length > 0 ? sections : [empty]));
    this.#more.hidden = !this.store.hasMore;
  }

  #group(label, sessions) {
    const items = element("ul", {}, ...sessions.map((session) => this.#item(session)));
    return element("section", {}, element("h3", { class: "session-day" }, label), items);
  }

  #item(session) {
    const title = session.title || "新对话";
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(session.id);
    };
    const link = element(
      "a",
      { href: addressOfSession(session.id), "data-session-id": session.id, on: { click: open } },
      element("span", { class: "session-title" }, title),
      element("span", { class: "session-role" }, session.role.name),
    );
    setCurrent(link, session.id === this.#openId);
    const manage = { click: () => this.onManage(session) };
    const attributes = { type: "button", class: "button-icon", "aria-label": `管理对话：${title}`, on: manage };
    return element("li", { class: "session" }, link, element("button", attributes, icon("more")));
  }

  async #loadMore() {
    this.#more.disabled = true;
    await this.store.loadMore().catch(reportFailure);
    this.#more.disabled = false;
  }
}

function setCurrent(link, current) {
  if (current) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

function dayOf(time) {
  const today = new Date().setHours(0, 0, 0, 0);
  const at = new Date(time).getTime();
  if (at >= today) return "今天";
  if (at >= today - DAY_MS) return "昨天";
  return at >= today - 7 * DAY_MS ? "七天内" : "更早";
}

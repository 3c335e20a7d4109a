// Decides how the sessions are listed: pinned ones first, then by day, the open one marked, more on demand; each keeps its row while it lasts.

import { arrange, byId, element } from "./dom.js";
import { keepFocus } from "./focus.js";
import { reportFailure } from "./notices.js";
import { SessionRow } from "./session_row.js";

const DAY_MS = 86_400_000;

export class SessionListView {
  #list = byId("session-list");
  #more = byId("more-sessions");
  #empty = element("p", { class: "quiet session-empty" }, "还没有对话。");
  #rows = new Map();
  #sections = new Map();
  #openId = null;

  // `actions` are what a row may ask for: onOpen, onManage.
  constructor(store, actions) {
    Object.assign(this, { store, actions });
    store.addEventListener("change", () => this.#draw());
    this.#more.addEventListener("click", () => this.#loadMore());
  }

  mark(sessionId) {
    this.#openId = sessionId;
    for (const [id, row] of this.#rows) row.mark(id === sessionId);
  }

  #draw() {
    const { sessions } = this.store;
    this.#keepRowsOf(sessions);
    const days = new Map(sessions.map((session) => [dayOf(session), []]));
    for (const session of sessions) days.get(dayOf(session)).push(this.#rows.get(session.id).element);
    keepFocus(this.#list, () => {
      const sections = [...days].map(([day, items]) => this.#sectionOf(day, items));
      arrange(this.#list, sections.length > 0 ? sections : [this.#empty]);
    });
    this.#more.hidden = !this.store.hasMore;
  }

  #keepRowsOf(sessions) {
    const known = this.#rows;
    this.#rows = new Map();
    for (const session of sessions) {
      const row = known.get(session.id) ?? new SessionRow(session, this.actions);
      row.show(session, { isOpen: session.id === this.#openId });
      this.#rows.set(session.id, row);
    }
  }

  #sectionOf(day, items) {
    if (!this.#sections.has(day)) {
      const heading = element("h3", { class: "session-day" }, day);
      this.#sections.set(day, element("section", {}, heading, element("ul")));
    }
    const section = this.#sections.get(day);
    arrange(section.lastElementChild, items);
    return section;
  }

  async #loadMore() {
    this.#more.disabled = true;
    await this.store.loadMore().catch(reportFailure);
    this.#more.disabled = false;
  }
}

function dayOf({ pinned_at: pinnedAt, last_message_at: time }) {
  if (pinnedAt) return "置顶";
  const today = new Date().setHours(0, 0, 0, 0);
  const at = new Date(time).getTime();
  if (at >= today) return "今天";
  if (at >= today - DAY_MS) return "昨天";
  return at >= today - 7 * DAY_MS ? "7 天内" : "更早";
}

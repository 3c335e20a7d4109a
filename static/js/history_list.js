// Decides how one's conversations are listed: pinned ones first, then by day, each to be opened or chosen.

import { get, getNext } from "./api.js";
import { byId, element } from "./dom.js";
import { addressOfSession } from "./navigation.js";
import { reportFailure } from "./notices.js";

const DAY_MS = 86_400_000;
const DATE = new Intl.DateTimeFormat("zh-CN", { month: "long", day: "numeric", weekday: "short" });
const DATE_WITH_YEAR = new Intl.DateTimeFormat("zh-CN", { dateStyle: "long" });
const TIME = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit" });

export class HistoryList {
  #days = byId("session-days");
  #more = byId("more-sessions");
  #all = byId("choose-all");
  #next = null;

  // onChoice(ids) follows what the reader has chosen.
  constructor({ onChoice }) {
    this.onChoice = onChoice;
    this.#more.addEventListener("click", () => this.#loadMore().catch(reportFailure));
    this.#all.addEventListener("change", () => this.#choose(this.#all.checked));
    this.#days.addEventListener("change", () => this.#chosenChanged());
  }

  get chosen() {
    return this.#boxes().filter((box) => box.checked).map((box) => box.value);
  }

  // Of sessions without a message nothing can be exported.
  get hasMessages() {
    return this.#boxes().length > 0;
  }

  async load() {
    this.#days.replaceChildren();
    this.#show(await get("sessions?limit=50"));
  }

  chooseNone() {
    this.#choose(false);
  }

  #boxes() {
    return [...this.#days.querySelectorAll("input:enabled")];
  }

  #choose(isChosen) {
    for (const box of this.#boxes()) box.checked = isChosen;
    this.#chosenChanged();
  }

  #chosenChanged() {
    const { chosen } = this;
    const count = this.#boxes().length;
    this.#all.checked = count > 0 && chosen.length === count;
    this.#all.indeterminate = chosen.length > 0 && chosen.length < count;
    this.onChoice(chosen);
  }

  async #loadMore() {
    this.#more.disabled = true;
    const before = this.#days.querySelectorAll("li").length;
    try {
      this.#show(await getNext(this.#next));
      this.#days.querySelectorAll("li")[before]?.querySelector("a").focus();
    } finally {
      this.#more.disabled = false;
    }
  }

  #show({ results, next }) {
    this.#next = next;
    this.#more.hidden = next === null;
    for (const session of results) this.#dayOf(session).append(row(session));
    const isEmpty = this.#days.children.length === 0;
    byId("history-empty").hidden = !isEmpty;
    byId("choose-all-row").hidden = !this.hasMessages;
    this.#chosenChanged();
  }

  // The server lists in this order, so a new day is always the last.
  #dayOf(session) {
    const name = session.pinned_at ? "置顶" : dayName(session.last_message_at);
    const last = this.#days.lastElementChild;
    if (last?.dataset.day === name) return last.lastElementChild;
    const list = element("ul");
    const heading = element("h2", { class: "history-day" }, name);
    this.#days.append(element("section", { "data-day": name }, heading, list));
    return list;
  }
}

function row(session) {
  const title = session.title || "新对话";
  const isEmpty = session.leaf_id === null;
  const box = element("input", {
    type: "checkbox",
    value: session.id,
    disabled: isEmpty,
    "aria-label": isEmpty ? `${title}（还没有消息）` : `选择：${title}`,
  });
  const time = TIME.format(new Date(session.last_message_at));
  const about = `${session.role.name} · ${session.pinned_at ? `${dayName(session.last_message_at)} ` : ""}${time}`;
  return element(
    "li",
    { class: "history-row" },
    element("label", { class: "history-box" }, box),
    element(
      "a",
      { href: addressOfSession(session.id) },
      element("span", { class: "history-title" }, title),
      element("span", { class: "history-about" }, isEmpty ? `${about} · 还没有消息` : about),
    ),
  );
}

export function dayName(moment) {
  const at = new Date(moment);
  const today = new Date().setHours(0, 0, 0, 0);
  const day = new Date(at).setHours(0, 0, 0, 0);
  if (day >= today) return "今天";
  if (Math.round((today - day) / DAY_MS) === 1) return "昨天";
  return at.getFullYear() === new Date().getFullYear() ? DATE.format(at) : DATE_WITH_YEAR.format(at);
}

// Decides how exports are followed until they are there: asked about at growing intervals, fetched, deleted.

import { get, getNext, remove } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError, SignedOut } from "./errors.js";
import { ExportRow } from "./history_export_row.js";
import { announce, reportFailure } from "./notices.js";

const FIRST_MS = 1000;
const GROWTH = 1.5;
const LONGEST_MS = 15_000;

export class ExportList {
  #list = byId("export-list");
  #more = byId("more-exports");
  #rows = new Map();
  #next = null;
  #pause = FIRST_MS;
  #timer = null;

  constructor() {
    this.#more.addEventListener("click", () => this.#loadMore().catch(reportFailure));
    // Nobody watches a page in the background; who comes back wants to know at once.
    document.addEventListener("visibilitychange", () => this.#watch({ atOnce: true }));
  }

  async load() {
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#append(await get("exports?limit=5"));
    this.#watch();
  }

  add(exported) {
    const row = this.#row(exported);
    this.#list.prepend(row.element);
    this.#showWhetherEmpty();
    byId("exports-title").focus();
    announce("已开始导出");
    this.#pause = FIRST_MS;
    this.#watch();
  }

  #append({ results, next }) {
    this.#next = next;
    this.#more.hidden = next === null;
    this.#list.append(...results.filter(({ id }) => !this.#rows.has(id)).map((row) => this.#row(row).element));
    this.#showWhetherEmpty();
  }

  async #loadMore() {
    this.#more.disabled = true;
    try {
      this.#append(await getNext(this.#next));
      this.#watch();
    } finally {
      this.#more.disabled = false;
    }
  }

  #row(exported) {
    const row = new ExportRow(exported, {
      onFetch: () => this.#fetch(row).catch(reportFailure),
      onDelete: () => this.#delete(row).catch(reportFailure),
    });
    this.#rows.set(exported.id, row);
    return row;
  }

  #showWhetherEmpty() {
    byId("exports").hidden = this.#list.children.length === 0;
  }

  #watch({ atOnce = false } = {}) {
    clearTimeout(this.#timer);
    const isWanted = [...this.#rows.values()].some((row) => row.isUnderway);
    if (!isWanted || document.hidden) return;
    if (atOnce) this.#pause = FIRST_MS;
    this.#timer = setTimeout(() => this.#look().catch(reportFailure), atOnce ? 0 : this.#pause);
    this.#pause = Math.min(this.#pause * GROWTH, LONGEST_MS);
  }

  async #look() {
    const rows = [...this.#rows.values()].filter((row) => row.isUnderway);
    try {
      await Promise.all(rows.map((row) => this.#refresh(row)));
    } catch (error) {
      // The line may come back: the next look tells.
      if (error instanceof SignedOut || !(error instanceof ApiError)) throw error;
    }
    this.#watch();
  }

  async #refresh(row) {
    const wasUnderway = row.isUnderway;
    try {
      row.show(await get(`exports/${row.id}`));
    } catch (error) {
      if (error.status !== 404) throw error;
      return this.#drop(row);
    }
    if (wasUnderway && !row.isUnderway) announce(row.status);
  }

  // The link is signed for a quarter of an hour only: a new one is had for each download.
  async #fetch(row) {
    await this.#refresh(row);
    if (!row.downloadUrl) return;
    const { pathname, search } = new URL(row.downloadUrl, location.origin);
    element("a", { href: pathname + search, download: true }).click();
  }

  async #delete(row) {
    await remove(`exports/${row.id}`);
    this.#drop(row);
    announce("已删除导出的文件");
  }

  #drop(row) {
    const neighbour = row.element.nextElementSibling ?? row.element.previousElementSibling;
    const hadFocus = row.element.contains(document.activeElement);
    this.#rows.delete(row.id);
    row.element.remove();
    this.#showWhetherEmpty();
    if (hadFocus) (neighbour?.querySelector("button") ?? byId("history-query")).focus();
  }
}

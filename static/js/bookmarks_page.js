// Decides what the page of one's own bookmarks shows: the list, its beginning when it is empty, the files to take away.

import { get, getNext, getText, patch, remove } from "./api.js";
import { BookmarkCard } from "./bookmark_card.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { LoadFailure } from "./load_failure.js";
import { announce, notify, reportFailure } from "./notices.js";
import { isSignedIn } from "./tokens.js";

class BookmarksPage {
  #list = byId("bookmark-list");
  #more = byId("more-bookmarks");
  #next = null;
  failure = new LoadFailure();

  async start() {
    this.#more.addEventListener("click", () => this.#loadMore().catch(reportFailure));
    for (const button of byId("bookmarks-export").querySelectorAll("button")) {
      button.addEventListener("click", () => this.#export(button).catch(reportFailure));
    }
    await this.#load();
  }

  async #load() {
    byId("bookmarks-skeleton").hidden = false;
    this.failure.hide();
    try {
      this.#show(await get("bookmarks"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failure.show(error.message, () => this.#load());
    } finally {
      byId("bookmarks-skeleton").hidden = true;
    }
  }

  async #loadMore() {
    this.#more.disabled = true;
    const before = this.#list.children.length;
    try {
      this.#show(await getNext(this.#next));
      this.#list.children[before]?.querySelector("a, button")?.focus();
    } finally {
      this.#more.disabled = false;
    }
  }

  #show({ results, next }) {
    this.#next = next;
    this.#more.hidden = next === null;
    this.#list.append(...results.map((bookmark) => this.#card(bookmark).root));
    this.#showWhetherEmpty();
  }

  #card(bookmark) {
    return new BookmarkCard(bookmark, {
      onNote: (kept, note) => this.#saveNote(kept, note),
      onDelete: (kept) => this.#delete(kept).catch(reportFailure),
    });
  }

  #showWhetherEmpty() {
    const isEmpty = this.#list.children.length === 0;
    byId("bookmarks-empty").hidden = !isEmpty;
    byId("bookmarks-export").hidden = isEmpty;
  }

  // Answers null where the note could not be saved: the reader's words stay in the form.
  async #saveNote(bookmark, note) {
    try {
      return await patch(`bookmarks/${bookmark.id}`, { note });
    } catch (error) {
      reportFailure(error);
      return null;
    }
  }

  async #delete(bookmark) {
    const card = document.activeElement.closest(".bookmark");
    const neighbour = card.nextElementSibling ?? card.previousElementSibling;
    await remove(`bookmarks/${bookmark.id}`);
    card.remove();
    this.#showWhetherEmpty();
    (neighbour?.querySelector("a, button") ?? byId("main")).focus();
    announce("已删除一条摘抄");
    if (this.#list.children.length === 0 && this.#next) await this.#load();
  }

  async #export(button) {
    button.disabled = true;
    try {
      const { format } = button.dataset;
      const text = await getText(`bookmarks/export?format=${format}`);
      download(text, `国学摘抄.${format === "bibtex" ? "bib" : "txt"}`);
      notify("已导出全部摘抄");
    } finally {
      button.disabled = false;
    }
  }
}

function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

if (isSignedIn()) {
  new BookmarksPage()
    .start()
    .catch(reportFailure)
    .finally(() => {
      document.body.dataset.ready = "true";
    });
} else byId("bookmarks-signed-out").hidden = false;

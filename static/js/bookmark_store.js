// Decides what is known of the reader's bookmarks on a page: asked for once, then kept up with every change.

import { get, post, remove } from "./api.js";

const AT_ONCE = 100;

export class BookmarkStore extends EventTarget {
  #bookmarks = new Map();

  // Ask for the bookmarks of these passages.
  async load(passageIds) {
    for (let start = 0; start < passageIds.length; start += AT_ONCE) {
      const query = new URLSearchParams({ limit: AT_ONCE });
      for (const id of passageIds.slice(start, start + AT_ONCE)) query.append("passage", id);
      const { results } = await get(`bookmarks?${query}`);
      for (const bookmark of results) this.#bookmarks.set(bookmark.id, bookmark);
    }
    this.#changed();
  }

  // The bookmark of exactly these words of the passage.
  find(passageId, quote) {
    return [...this.#bookmarks.values()].find(
      (bookmark) => bookmark.passage_id === passageId && bookmark.text === quote,
    );
  }

  async keep(passageId, quote = "") {
    const bookmark = await post("bookmarks", { passage_id: passageId, quote });
    this.#bookmarks.set(bookmark.id, bookmark);
    this.#changed();
    return bookmark;
  }

  async drop(bookmark) {
    await remove(`bookmarks/${bookmark.id}`);
    this.#bookmarks.delete(bookmark.id);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

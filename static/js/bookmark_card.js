// Decides how one bookmark is shown: its words, its place, the reader's note, and how both are changed.

import { element } from "./dom.js";

export class BookmarkCard {
  // onNote(bookmark, note) and onDelete(bookmark) answer with a promise.
  constructor(bookmark, { onNote, onDelete }) {
    Object.assign(this, { bookmark, onNote, onDelete });
    this.root = element("li", { class: "bookmark" });
    this.#draw();
  }

  #draw() {
    const { text, note } = this.bookmark;
    this.root.replaceChildren(
      element("blockquote", {}, text),
      this.#place(),
      note ? element("p", { class: "bookmark-note" }, note) : "",
      this.#foot(),
    );
  }

  #place() {
    const { passage_id: passageId, citation } = this.bookmark;
    const where = passageId
      ? element("a", { href: `/passages/${passageId}` }, citation)
      : element("span", { class: "quiet", title: "原文已从典籍库移除，摘抄仍在" }, citation);
    return element("p", { class: "bookmark-place" }, where);
  }

  #foot() {
    const { created_at: createdAt, note } = this.bookmark;
    const day = new Date(createdAt).toLocaleDateString("zh-CN", { year: "numeric", month: "long", day: "numeric" });
    return element(
      "div",
      { class: "bookmark-foot" },
      element("time", { datetime: createdAt }, day),
      element(
        "div",
        {},
        button(note ? "改笔记" : "写笔记", () => this.#edit()),
        this.#deleteButton(),
      ),
    );
  }

  // The first press asks, the second deletes.
  #deleteButton() {
    const remove = button("删除", () => {
      if (remove.dataset.sure === "true") return this.onDelete(this.bookmark);
      remove.dataset.sure = "true";
      remove.textContent = "确定删除";
    });
    remove.addEventListener("blur", () => {
      remove.dataset.sure = "false";
      remove.textContent = "删除";
    });
    return remove;
  }

  #edit() {
    const id = `note-${this.bookmark.id}`;
    const area = element("textarea", { id, maxlength: "1000" });
    area.value = this.bookmark.note;
    const form = element(
      "form",
      { class: "bookmark-form", on: { submit: (event) => this.#save(event, area.value.trim()) } },
      element("label", { class: "visually-hidden", for: id }, "笔记"),
      area,
      element(
        "div",
        {},
        element("button", { type: "button", class: "button-quiet", on: { click: () => this.#close() } }, "取消"),
        element("button", { type: "submit", class: "button-primary" }, "保存"),
      ),
    );
    this.root.querySelector(".bookmark-note")?.remove();
    this.root.querySelector(".bookmark-foot").replaceWith(form);
    area.focus();
  }

  async #save(event, note) {
    event.preventDefault();
    const changed = await this.onNote(this.bookmark, note);
    if (changed) this.bookmark = changed;
    if (changed) this.#close();
  }

  #close() {
    this.#draw();
    this.root.querySelector(".bookmark-foot button").focus();
  }
}

function button(label, listener) {
  return element("button", { type: "button", on: { click: listener } }, label);
}

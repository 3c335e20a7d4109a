// Decides how one role is shown: who it is, how its review stands, and what can be done with it.

import { element, visuallyHidden } from "./dom.js";

const STATES = { pending: "待审核", refused: "未通过" };

export class RoleCard {
  // onStart(), onEdit(opener) and onDelete() belong to the page.
  constructor(role, { onStart, onEdit, onDelete }) {
    Object.assign(this, { role, onStart, onEdit, onDelete });
    const titleId = `role-${role.id}`;
    this.root = element(
      "li",
      { class: "role-card", "data-role": role.id },
      element("article", { "aria-labelledby": titleId }, this.#head(titleId), ...this.#body(), this.#foot()),
    );
  }

  #head(titleId) {
    const { name, is_persona: isPersona, review } = this.role;
    const state = STATES[review];
    return element(
      "header",
      {},
      element("h3", { id: titleId }, name),
      isPersona && element("span", { class: "role-badge", title: "由人工智能扮演，不是真人" }, "AI 扮演"),
      state && element("span", { class: `role-badge role-${review}` }, state),
    );
  }

  #body() {
    const { description, opening_line: line, review, review_note: note, scope_works: works } = this.role;
    return [
      description && element("p", { class: "role-card-description" }, description),
      line && element("blockquote", {}, line),
      works?.length > 0 && element("p", { class: "role-card-scope" }, `只引：${works.join("、")}`),
      review === "pending" && element("p", { class: "role-card-note" }, "通过审核之后就能使用，请稍候。"),
      review === "refused" && element("p", { class: "role-card-note" }, `没有通过：${note || "请修改后再保存"}。`),
    ];
  }

  #foot() {
    const { is_own: isOwn, review } = this.role;
    const canAnswer = !isOwn || review === "passed";
    return element(
      "footer",
      {},
      isOwn && this.#deleteButton(),
      isOwn && this.#button("编辑", "button-quiet", ({ currentTarget }) => this.onEdit(currentTarget)),
      canAnswer && this.#button(isOwn ? "试一试" : "开始对话", "button-primary", () => this.onStart()),
    );
  }

  // Many buttons of one label: their names say whom they are for.
  #button(label, style, listener) {
    const name = visuallyHidden(`：${this.role.name}`);
    return element("button", { type: "button", class: style, on: { click: listener } }, label, name);
  }

  // The first press asks, the second deletes.
  #deleteButton() {
    const word = element("span", {}, "删除");
    const remove = element(
      "button",
      { type: "button", class: "button-danger" },
      word,
      visuallyHidden(`：${this.role.name}`),
    );
    let isSure = false;
    const set = (sure) => {
      isSure = sure;
      word.textContent = sure ? "确定删除" : "删除";
    };
    remove.addEventListener("click", () => (isSure ? this.onDelete() : set(true)));
    remove.addEventListener("blur", () => set(false));
    return remove;
  }
}

// Decides how one session looks in the list: a link that opens it, and beside it a door to manage it.

import { element, icon } from "./dom.js";
import { addressOfSession } from "./navigation.js";

export class SessionRow {
  #title = element("span", { class: "session-title" });
  #role = element("span", { class: "session-role" });

  // onOpen(sessionId) and onManage(session) answer the reader's choice.
  constructor(session, { onOpen, onManage }) {
    const open = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      onOpen(session.id);
    };
    const address = { href: addressOfSession(session.id), "data-session-id": session.id, on: { click: open } };
    const manage = { type: "button", class: "button-icon", on: { click: () => onManage(this.session) } };
    this.link = element("a", address, this.#title, this.#role);
    this.button = element("button", manage, icon("more"));
    this.element = element("li", { class: "session" }, this.link, this.button);
  }

  show(session, { isOpen }) {
    const title = session.title || "新对话";
    this.session = session;
    this.#title.textContent = title;
    this.#role.textContent = session.role.name;
    this.button.setAttribute("aria-label", `管理对话：${title}`);
    this.mark(isOpen);
  }

  mark(isOpen) {
    if (isOpen) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }
}

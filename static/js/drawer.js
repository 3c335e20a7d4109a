// Decides when the session list covers the conversation: on narrow screens, holding the focus, closed by Esc.

import { byId } from "./dom.js";

const WIDE = matchMedia("(min-width: 900px)");

export class Drawer {
  #drawer = byId("drawer");
  #main = byId("chat");
  #button = byId("menu-button");
  #isOpen = false;

  constructor() {
    this.#button.addEventListener("click", () => this.#set(true));
    byId("drawer-close").addEventListener("click", () => this.close());
    byId("scrim").addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) this.close();
    });
    WIDE.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  close() {
    if (!this.#isOpen) return;
    this.#set(false);
    this.#button.focus();
  }

  #set(open) {
    this.#isOpen = open;
    this.#apply();
    if (open) byId("new-session").focus();
  }

  #apply() {
    const covers = this.#isOpen && !WIDE.matches;
    document.body.dataset.drawer = covers ? "open" : "closed";
    this.#button.setAttribute("aria-expanded", String(covers));
    this.#drawer.inert = !WIDE.matches && !this.#isOpen;
    this.#main.inert = covers;
  }
}

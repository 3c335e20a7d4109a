// Decides when the reader hears of a lost connection: only after two seconds, and again when it is back.

import { byId } from "./dom.js";
import { announce } from "./notices.js";

const PATIENCE_MS = 2000;

export class ConnectionBanner {
  #banner = byId("connection-banner");
  #timer = null;

  constructor({ onReconnect }) {
    byId("reconnect").addEventListener("click", onReconnect);
  }

  show(state) {
    if (state === "open") return this.#clear();
    this.#timer ??= setTimeout(() => this.#appear(), PATIENCE_MS);
  }

  #appear() {
    this.#banner.hidden = false;
    announce("连接已断开，正在重新连接。");
  }

  #clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#banner.hidden) return;
    this.#banner.hidden = true;
    announce("连接已恢复。");
  }
}

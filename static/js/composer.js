// Decides when a message may be sent: not empty, not too long, not while an input method composes, one at a time.

import { byId } from "./dom.js";
import { readDraft, writeDraft } from "./drafts.js";
import { announce } from "./notices.js";

const MAX_CHARACTERS = 4000;
const COUNTER_FROM = 3600;

export class Composer {
  #form = byId("composer");
  #input = byId("message-input");
  #button = byId("send-button");
  #counter = byId("message-counter");
  #sessionId = undefined;
  #ready = false;
  #excessive = false;
  #streaming = false;

  constructor({ onSend, onStop }) {
    this.onSend = onSend;
    this.onStop = onStop;
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#streaming) this.onStop();
      else this.#send();
    });
  }

  // Show the draft of another session; null is the session that is yet to be made.
  open(sessionId) {
    if (sessionId === this.#sessionId) return;
    this.#sessionId = sessionId;
    this.fill(readDraft(sessionId));
  }

  // The session now exists: what is typed goes on as its draft.
  moveTo(sessionId) {
    writeDraft(this.#sessionId, "");
    this.#sessionId = sessionId;
    this.#changed();
  }

  // A text that could not be sent goes back in front of what has been written since.
  giveBack(sessionId, text) {
    const draft = readDraft(sessionId);
    const both = draft ? `${text}\n${draft}` : text;
    if (sessionId === this.#sessionId) this.fill(both);
    else writeDraft(sessionId, both);
  }

  fill(text) {
    this.#input.value = text;
    this.#changed();
  }

  get isReady() {
    return this.#ready;
  }

  get isEmpty() {
    return this.#input.value.trim() === "";
  }

  // Until there is somebody to ask, one can write but not send.
  setReady(ready) {
    this.#ready = ready;
    this.#refresh();
  }

  setStreaming(streaming) {
    if (this.#streaming === streaming) return;
    this.#streaming = streaming;
    this.#button.dataset.action = streaming ? "stop" : "send";
    this.#button.setAttribute("aria-label", streaming ? "停止回复" : "发送");
    this.#refresh();
  }

  focus() {
    if (matchMedia("(pointer: fine)").matches) this.#input.focus();
  }

  #pressed(event) {
    // Safari ends a composition before the keydown of its Enter; keyCode 229 still tells.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!this.#streaming) this.#send();
  }

  #send() {
    if (!this.#isSendable()) return;
    const text = this.#input.value.trim();
    this.fill("");
    this.onSend(text);
  }

  #changed() {
    writeDraft(this.#sessionId, this.#input.value);
    this.#refresh();
  }

  #isSendable() {
    return this.#ready && !this.isEmpty && this.#length() <= MAX_CHARACTERS;
  }

  // The server counts characters, not UTF-16 units: a rare character outside the first plane is one.
  #length() {
    return [...this.#input.value.trim()].length;
  }

  #refresh() {
    const length = this.#length();
    const excess = length - MAX_CHARACTERS;
    this.#button.disabled = !this.#streaming && !this.#isSendable();
    this.#counter.hidden = length < COUNTER_FROM;
    this.#counter.textContent =
      excess > 0 ? `${length} / ${MAX_CHARACTERS}，请删去 ${excess} 字` : `${length} / ${MAX_CHARACTERS}`;
    this.#counter.dataset.excess = String(excess > 0);
    this.#input.setAttribute("aria-invalid", String(excess > 0));
    this.#tellLimit(excess);
    this.#fit();
  }

  // The counter counts on without a word; only crossing the limit is spoken.
  #tellLimit(excess) {
    if (this.#excessive === excess > 0) return;
    this.#excessive = excess > 0;
    announce(excess > 0 ? `超过 ${MAX_CHARACTERS} 字，请删去 ${excess} 字。` : `没有超过 ${MAX_CHARACTERS} 字，可以发送。`);
  }

  // The field grows with its text up to the height that the style sheet allows.
  #fit() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}

// Decides how the history of a session is fetched: its end, older pages, or back to a message that is looked for.

import { get, getNext } from "./api.js";

const FAR = 100;

export class HistoryLoader {
  #next = null;
  #older = null;
  #newest = null;
  #closed = false;

  constructor(sessionId, conversation) {
    Object.assign(this, { path: `sessions/${sessionId}/messages`, conversation });
  }

  close() {
    this.#closed = true;
  }

  get hasOlder() {
    return this.#next !== null;
  }

  // The end of the branch as it is now; whoever asks while it is under way gets the same answer.
  newest() {
    this.#newest ??= this.#takeNewest(this.path).finally(() => {
      this.#newest = null;
    });
    return this.#newest;
  }

  older() {
    this.#older ??= this.#takeOlder(this.#next).finally(() => {
      this.#older = null;
    });
    return this.#older;
  }

  // Returns whether the message stands on the branch that the reader sees; `within` bounds how far is looked.
  async upTo(messageId, { within = Infinity } = {}) {
    let seen = FAR;
    await this.#takeNewest(`${this.path}?limit=${FAR}`);
    while (!this.conversation.find(messageId) && this.#next && seen < within && !this.#closed) {
      await this.#takeOlder(far(this.#next));
      seen += FAR;
    }
    return this.conversation.find(messageId) !== undefined;
  }

  // A turn that was accepted while the page was on its way is not in it: then it is asked for once more.
  async #takeNewest(path) {
    const { turns } = this.conversation;
    const page = await get(path);
    if (this.#closed) return;
    if (turns !== this.conversation.turns) return this.#takeNewest(path);
    const stillLeads = this.conversation.merge(page.results);
    if (!stillLeads) this.#next = page.next;
  }

  async #takeOlder(next) {
    const page = await getNext(next);
    if (this.#closed || !this.#next) return;
    this.conversation.mergeOlder(page.results);
    this.#next = page.next;
  }
}

function far(next) {
  const address = new URL(next, location.origin);
  address.searchParams.set("limit", FAR);
  return address.href;
}

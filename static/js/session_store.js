// Decides which sessions the reader sees: the server's pages in its order, and what this tab has changed since.

import { get, getNext, patch, post, remove } from "./api.js";

export class SessionStore extends EventTarget {
  sessions = [];
  #next = null;

  get hasMore() {
    return this.#next !== null;
  }

  async load() {
    const page = await get("sessions");
    this.sessions = page.results;
    this.#next = page.next;
    this.#changed();
  }

  async loadMore() {
    const page = await getNext(this.#next);
    const known = new Set(this.sessions.map((session) => session.id));
    this.sessions.push(...page.results.filter((session) => !known.has(session.id)));
    this.#next = page.next;
    this.#changed();
  }

  async find(sessionId) {
    return this.sessions.find((session) => session.id === sessionId) ?? get(`sessions/${sessionId}`);
  }

  async create(roleId) {
    const session = await post("sessions", { role_id: roleId });
    this.sessions.unshift(session);
    this.#changed();
    return session;
  }

  async rename(sessionId, title) {
    this.setTitle(sessionId, (await patch(`sessions/${sessionId}`, { title })).title);
  }

  async delete(sessionId) {
    await remove(`sessions/${sessionId}`);
    this.sessions = this.sessions.filter((session) => session.id !== sessionId);
    this.#changed();
  }

  setTitle(sessionId, title) {
    const session = this.sessions.find((candidate) => candidate.id === sessionId);
    if (!session) return;
    session.title = title;
    this.#changed();
  }

  // A message was sent just now: the session moves to the top, as the server will list it.
  touch(sessionId) {
    const session = this.sessions.find((candidate) => candidate.id === sessionId);
    if (!session) return;
    session.last_message_at = new Date().toISOString();
    this.sessions = [session, ...this.sessions.filter((candidate) => candidate !== session)];
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

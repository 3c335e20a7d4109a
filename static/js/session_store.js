// Decides which sessions the reader sees: the server's pages in its order, and what this browser has changed since.

import { get, getNext, patch, post, remove } from "./api.js";
import { ApiError } from "./errors.js";
import { tellTabs } from "./tab_channel.js";

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
    this.#next = page.next;
    this.#arrange([...this.sessions, ...page.results.filter((session) => !known.has(session.id))]);
  }

  // One that is not on the pages read so far joins them: whatever is open can be managed.
  async find(sessionId) {
    return this.#known(sessionId) ?? this.#keep(await get(`sessions/${sessionId}`));
  }

  async create(roleId) {
    const session = this.#keep(await post("sessions", { role_id: roleId }));
    tellTabs(session.id);
    return session;
  }

  async rename(sessionId, title) {
    this.#keep(await patch(`sessions/${sessionId}`, { title }));
    tellTabs(sessionId);
  }

  async pin(sessionId, pinned) {
    this.#keep(await patch(`sessions/${sessionId}`, { pinned }));
    tellTabs(sessionId);
  }

  async clear(sessionId) {
    await remove(`sessions/${sessionId}/messages`);
    await this.refresh(sessionId);
    tellTabs(sessionId);
  }

  async delete(sessionId) {
    await remove(`sessions/${sessionId}`);
    this.#drop(sessionId);
    tellTabs(sessionId);
  }

  // See what has become of a session elsewhere. Returns whether it is still there.
  async refresh(sessionId) {
    try {
      this.#keep(await get(`sessions/${sessionId}`));
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.#drop(sessionId);
      return false;
    }
  }

  setTitle(sessionId, title) {
    const session = this.#known(sessionId);
    if (!session || session.title === title) return;
    session.title = title;
    this.#changed();
    tellTabs(sessionId);
  }

  // A message was sent just now: the session moves up, as the server will list it.
  touch(sessionId) {
    const session = this.#known(sessionId);
    if (!session) return;
    session.last_message_at = new Date().toISOString();
    this.#arrange(this.sessions);
  }

  #known(sessionId) {
    return this.sessions.find((session) => session.id === sessionId);
  }

  // Whoever holds the session sees the change.
  #keep(fresh) {
    const known = this.#known(fresh.id);
    const session = known ? Object.assign(known, fresh) : fresh;
    this.#arrange(known ? this.sessions : [session, ...this.sessions]);
    return session;
  }

  #drop(sessionId) {
    this.sessions = this.sessions.filter((session) => session.id !== sessionId);
    this.#changed();
  }

  #arrange(sessions) {
    this.sessions = [...sessions].sort((one, other) => placeOf(other) - placeOf(one));
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

// Pinned ones first, the one pinned last at the top; then the most recent.
function placeOf({ pinned_at: pinnedAt, last_message_at: lastMessageAt }) {
  return pinnedAt ? Number.MAX_SAFE_INTEGER / 2 + Date.parse(pinnedAt) : Date.parse(lastMessageAt);
}

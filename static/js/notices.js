// Decides how the page speaks up: short notices on screen, finished replies to screen readers, lost sessions to /login.

import { byId, element } from "./dom.js";
import { ApiError, SignedOut } from "./errors.js";
import { leaveForLogin } from "./navigation.js";

const NOTICE_MS = 6000;
const ANNOUNCEMENT_MS = 15_000;

export function notify(text) {
  const notice = element("p", { class: "notice" }, text);
  byId("notices").replaceChildren(notice);
  setTimeout(() => notice.remove(), NOTICE_MS);
}

// Spoken once by a screen reader, and gone before anybody reads the page a second time.
export function announce(text) {
  const words = element("p", {}, text);
  byId("announcer").replaceChildren(words);
  setTimeout(() => words.remove(), ANNOUNCEMENT_MS);
}

export function reportFailure(error) {
  if (error instanceof SignedOut) return leaveForLogin();
  if (!(error instanceof ApiError)) throw error;
  notify(error.message);
}

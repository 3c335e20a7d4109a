// Decides when the page looks again at what may have changed elsewhere: in another tab, or while nobody looked.

import { leaveForLogin } from "./navigation.js";
import { reportFailure } from "./notices.js";
import { listenToTabs } from "./tab_channel.js";
import { REFRESH_KEY } from "./tokens.js";

// onSession(sessionId) takes up what another tab has changed; onReturn() what another device may have.
export function watchElsewhere({ onSession, onReturn }) {
  listenToTabs((sessionId) => onSession(sessionId).catch(reportFailure));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && onReturn());
  addEventListener("storage", ({ key, newValue }) => key === REFRESH_KEY && newValue === null && leaveForLogin());
}

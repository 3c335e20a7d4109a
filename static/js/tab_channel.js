// Decides what the tabs of one browser tell each other: that a session was changed, so that all of them show the same.

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("guoxue.sessions");

export const tellTabs = (sessionId) => channel?.postMessage({ sessionId });

export function listenToTabs(listener) {
  channel?.addEventListener("message", ({ data }) => listener(data.sessionId));
}

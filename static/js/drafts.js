// Decides what becomes of unsent text: kept per session in localStorage until the server has accepted it.

const PREFIX = "guoxue.draft.";
const NEW_SESSION = "new";

const keyOf = (sessionId) => PREFIX + (sessionId ?? NEW_SESSION);

export const readDraft = (sessionId) => localStorage.getItem(keyOf(sessionId)) ?? "";

export function writeDraft(sessionId, text) {
  if (text) localStorage.setItem(keyOf(sessionId), text);
  else localStorage.removeItem(keyOf(sessionId));
}

export function forgetDrafts() {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  }
}

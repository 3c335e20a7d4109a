// Decides where a page leads: to login and back again, and which session and message the address names.

const LOGIN = "/login";

export function leaveForLogin() {
  const here = location.pathname + location.search;
  location.replace(here === "/" ? LOGIN : `${LOGIN}?next=${encodeURIComponent(here)}`);
}

// Only an address of this site is followed, or a forged link could lead a reader elsewhere after login.
export function destination() {
  const next = nextInAddress() ?? "/";
  if (!next.startsWith("/")) return "/";
  try {
    const target = new URL(next, location.origin);
    return target.origin === location.origin ? target.pathname + target.search : "/";
  } catch {
    return "/"; // Such as "//", which is no address at all.
  }
}

// Whoever goes on from login to registration still wants to come to the same place.
export function passDestinationOn(link) {
  const next = nextInAddress();
  if (next) link.search = new URLSearchParams({ next });
}

const nextInAddress = () => new URLSearchParams(location.search).get("next");

export const sessionInAddress = () => new URLSearchParams(location.search).get("session");

export const messageInAddress = () => new URLSearchParams(location.search).get("message");

// With a message the session opens there, without one at its end.
export function addressOfSession(sessionId, messageId = null) {
  if (!sessionId) return "/";
  const query = new URLSearchParams({ session: sessionId });
  if (messageId) query.set("message", messageId);
  return `/?${query}`;
}

// Decides where a page leads: to login and back again, and which session the address names.

const LOGIN = "/login";

export function leaveForLogin() {
  const here = location.pathname + location.search;
  location.replace(here === "/" ? LOGIN : `${LOGIN}?next=${encodeURIComponent(here)}`);
}

// Only an address of this site is followed, or a forged link could lead a reader elsewhere after login.
export function destination() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  const target = new URL(next, location.origin);
  return target.origin === location.origin && next.startsWith("/") ? target.pathname + target.search : "/";
}

export const sessionInAddress = () => new URLSearchParams(location.search).get("session");

export const addressOfSession = (sessionId) => (sessionId ? `/?session=${encodeURIComponent(sessionId)}` : "/");

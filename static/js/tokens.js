// Decides who is signed in: access token per tab, refresh token per browser, one refresh at a time over all tabs.

import { SignedOut } from "./errors.js";
import { answerOf, send } from "./http.js";
import { exclusively } from "./locks.js";

export const REFRESH_KEY = "guoxue.refresh";
const ACCESS_KEY = "guoxue.access";
const LOCK = "guoxue.refresh";
const MARGIN_SECONDS = 30;

// The tab keeps its access token over a reload: every needless refresh is a chance that the page is left before the
// answer arrives, and the server takes a refresh token that comes a second time for a stolen one.
let access = JSON.parse(sessionStorage.getItem(ACCESS_KEY));
let underway = null;

export const refreshToken = () => localStorage.getItem(REFRESH_KEY);

export const isSignedIn = () => refreshToken() !== null;

export function keepTokens(pair) {
  localStorage.setItem(REFRESH_KEY, pair.refresh);
  access = { token: pair.access, goodUntil: Date.now() + lifetimeSeconds(pair.access) * 1000 };
  sessionStorage.setItem(ACCESS_KEY, JSON.stringify(access));
}

export function forgetTokens() {
  localStorage.removeItem(REFRESH_KEY);
  sessionStorage.removeItem(ACCESS_KEY);
  access = null;
}

// Return a token that is still good; `rejected` names one that the server has just refused.
export async function accessToken({ rejected = null } = {}) {
  if (!isSignedIn()) throw new SignedOut();
  if (access && access.token !== rejected && isUsable(access)) return access.token;
  underway ??= exclusively(LOCK, refresh).finally(() => {
    underway = null;
  });
  return underway;
}

// Waits for a refresh underway in any tab, so that the pair which is revoked is the last one.
export function logOut() {
  return exclusively(LOCK, async (signal) => {
    const last = refreshToken();
    forgetTokens();
    if (last) await revoke(last, signal);
  });
}

async function refresh(signal) {
  const used = refreshToken();
  if (!used) throw new SignedOut();
  const response = await send("POST", "auth/refresh", { body: { refresh: used }, signal });
  const isRefused = response.status === 401 || response.status === 400;
  const pair = isRefused ? null : await answerOf(response);
  if (refreshToken() !== used) {
    // Meanwhile the reader has logged out, or somebody else in: this pair must not undo it.
    if (pair) await revoke(pair.refresh, signal);
    return refresh(signal);
  }
  if (isRefused) {
    forgetTokens();
    throw new SignedOut();
  }
  keepTokens(pair);
  return access.token;
}

async function revoke(token, signal) {
  await answerOf(await send("POST", "auth/logout", { body: { refresh: token }, signal }));
}

// In another tab somebody else may have logged in meanwhile.
function isUsable({ token, goodUntil }) {
  return Date.now() < goodUntil && claimsOf(token).user_id === claimsOf(refreshToken()).user_id;
}

// Measured from the token's own issue time, so that a wrong clock on the reader's side does no harm.
function lifetimeSeconds(token) {
  const { iat, exp } = claimsOf(token);
  return Math.max(exp - iat - MARGIN_SECONDS, MARGIN_SECONDS);
}

function claimsOf(token) {
  return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
}

// Decides how pages speak REST: with the bearer token, one retry after a refresh, SignedOut when that does not help.

import { SignedOut } from "./errors.js";
import { ROOT, answerOf, send } from "./http.js";
import { accessToken, forgetTokens } from "./tokens.js";

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body);
export const put = (path, body) => request("PUT", path, body);
export const patch = (path, body) => request("PATCH", path, body);
export const remove = (path) => request("DELETE", path);

// What is open to everyone goes without a token: a stale one must not close it.
export async function getOpenly(path) {
  return answerOf(await send("GET", path));
}

export async function postAnonymously(path, body) {
  return answerOf(await send("POST", path, { body }));
}

// Follow `next` of a list; the address is taken as a path of this site, whatever host the server believes to have.
export function getNext(next) {
  const { pathname, search } = new URL(next, location.origin);
  return get(pathname.slice(ROOT.length) + search);
}

// A file rather than JSON; a refusal is JSON all the same.
export async function getText(path) {
  const response = await exchange("GET", path);
  return response.ok ? response.text() : answerOf(response);
}

async function request(method, path, body) {
  return answerOf(await exchange(method, path, body));
}

async function exchange(method, path, body) {
  const token = await accessToken();
  let response = await send(method, path, { body, token });
  if (response.status === 401) {
    response = await send(method, path, { body, token: await accessToken({ rejected: token }) });
  }
  if (response.status === 401) {
    forgetTokens();
    throw new SignedOut();
  }
  return response;
}

// Decides what one HTTP exchange with the API is: JSON both ways, every refusal an ApiError with its Chinese sentence.

import { ApiError } from "./errors.js";

export const ROOT = "/api/v1/";

export async function send(method, path, { body, token, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(ROOT + path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError({ code: "network", message: "网络不通，请检查连接后再试。", retryable: true });
  }
}

export async function answerOf(response) {
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => {
    throw unreadable(response.status);
  });
  if (response.ok) return answer;
  if (!answer.error) throw unreadable(response.status);
  const retryAfter = Number(response.headers.get("Retry-After"));
  throw new ApiError(answer.error, { status: response.status, retryAfterSeconds: retryAfter || null });
}

const unreadable = (status) =>
  new ApiError({ code: "unreadable", message: "服务暂时没有正常应答，请稍后再试。", retryable: true }, { status });

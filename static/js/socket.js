// Decides how a conversation stays connected: token, heartbeat, back-off with jitter, what each close code means.

import { SignedOut } from "./errors.js";
import { accessToken } from "./tokens.js";

const HEARTBEAT_MS = 25_000;
const ANSWER_MS = 10_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
const AT_ONCE = new Set([4408, 1012, 1001]);
const UNAUTHENTICATED = 4401;
const NOT_FOUND = 4404;
const TOO_MANY = 4429;
const ABNORMAL = 1006;

// Callbacks: onFrame(type, data), onOpen(), onState("connecting" | "open" | "waiting"),
// onEnd("signed_out" | "not_found").
export class ChatSocket {
  #socket = null;
  #token = null;
  #ended = false;
  #failures = 0;
  #rejectedToken = null;
  #retryTimer = null;
  #heartbeatTimer = null;
  #answerTimer = null;
  #wake = () => this.#wakeUp();

  constructor(sessionId, callbacks) {
    this.sessionId = sessionId;
    this.callbacks = callbacks;
    addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    this.#connect();
  }

  // False when there is no connection; whoever waits for an answer sends again after onOpen.
  send(type, data = {}) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ type, data }));
    return true;
  }

  // The server has said that the token has expired: come back with a new one.
  reauthenticate() {
    this.#abandon(UNAUTHENTICATED);
  }

  reconnectNow() {
    clearTimeout(this.#retryTimer);
    if (!this.#socket) this.#connect();
  }

  close() {
    this.#ended = true;
    clearTimeout(this.#retryTimer);
    this.#stopHeartbeat();
    removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#socket?.close(1000);
  }

  async #connect() {
    this.callbacks.onState("connecting");
    let token;
    try {
      token = await accessToken({ rejected: this.#rejectedToken });
    } catch (error) {
      if (error instanceof SignedOut) this.#end("signed_out");
      else this.#retryLater();
      return;
    }
    if (!this.#ended && !this.#socket) this.#openSocket(token);
  }

  #openSocket(token) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/chat/${this.sessionId}`, ["bearer", token]);
    this.#socket = socket;
    this.#token = token;
    socket.addEventListener("open", () => this.#opened());
    socket.addEventListener("message", (event) => this.#heard(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#dropped(event.code, socket));
  }

  #opened() {
    this.#heartbeatTimer = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#beat();
    this.callbacks.onState("open");
    this.callbacks.onOpen();
  }

  // Only a frame proves that the server has really taken us in; an accepted handshake may still be followed by 4401.
  #heard({ type, data }) {
    clearTimeout(this.#answerTimer);
    this.#failures = 0;
    this.#rejectedToken = null;
    if (type !== "pong") this.callbacks.onFrame(type, data ?? {});
  }

  // A half-open connection never reports its end by itself: whoever leaves a ping without answer is given up.
  #beat() {
    clearTimeout(this.#answerTimer);
    if (this.send("ping")) this.#answerTimer = setTimeout(() => this.#abandon(ABNORMAL), ANSWER_MS);
  }

  #stopHeartbeat() {
    clearInterval(this.#heartbeatTimer);
    clearTimeout(this.#answerTimer);
  }

  #abandon(code) {
    const socket = this.#socket;
    socket.close(4000);
    this.#dropped(code, socket);
  }

  #dropped(code, socket) {
    if (socket !== this.#socket || this.#ended) return;
    this.#socket = null;
    this.#stopHeartbeat();
    if (code === NOT_FOUND) return this.#end("not_found");
    if (code === UNAUTHENTICATED) return this.#refused();
    if (code === TOO_MANY) this.#failures = Math.max(this.#failures, 4);
    if (AT_ONCE.has(code) && this.#failures === 0) {
      this.#failures = 1;
      this.#connect();
    } else {
      this.#retryLater();
    }
  }

  #refused() {
    if (this.#rejectedToken) return this.#end("signed_out");
    this.#rejectedToken = this.#token;
    this.#connect();
  }

  #retryLater() {
    if (this.#ended) return;
    this.callbacks.onState("waiting");
    const ceiling = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS);
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => this.reconnectNow(), ceiling / 2 + (Math.random() * ceiling) / 2);
  }

  #wakeUp() {
    if (this.#ended || document.visibilityState !== "visible") return;
    if (this.#socket) this.#beat();
    else this.reconnectNow();
  }

  #end(reason) {
    this.close();
    this.callbacks.onEnd(reason);
  }
}

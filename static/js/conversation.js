// Decides the state of one conversation: the branch that is seen, what is on its way, and what each frame changes.

import { Assembly } from "./assembly.js";
import { continuation, question, regeneration } from "./pending_turn.js";

const FINAL_STATUSES = new Set(["completed", "stopped", "interrupted", "failed"]);

export const isFinal = (message) => FINAL_STATUSES.has(message.status);

// A message as the server tells it, plus `key` (stable for the page) and `delivery`: null once the server has it,
// "sending" before, "refused" (with `refusal`) when the server would not take it. A reply that is awaited has no id.
// A message of the branch whose edit, regeneration or continuation was refused says so in `refused`.
export class Conversation {
  #branch = [];
  #pending = null;
  #refusedQuestions = [];
  #texts = new Map();
  #thoughts = new Map();
  // Counts the turns that were accepted: what was read before one of them no longer tells where the branch ends.
  turns = 0;

  // Take a page of history, newest first, as the branch ends now. Returns whether the older messages still lead to it:
  // if not, the reader has gone to another branch, or more has happened than the page holds.
  merge(page) {
    const fresh = [...page].reverse().map((message) => this.#adopt(message));
    if (this.#pending?.reply.id) this.#pending = null;
    const anchor = fresh.length > 0 ? this.#branch.indexOf(fresh[0]) : -1;
    this.#branch = [...this.#branch.slice(0, Math.max(anchor, 0)), ...fresh];
    return anchor !== -1;
  }

  mergeOlder(page) {
    const fresh = [...page].reverse().map((message) => this.#adopt(message));
    this.#branch = [...fresh, ...this.#branch.filter((message) => !fresh.includes(message))];
  }

  // What is shown: the branch up to where another version is being made, refused questions where they were asked.
  visible() {
    const { question: asked, reply, origin } = this.#pending ?? {};
    const cut = origin ? this.#branch.indexOf(origin) : -1;
    const branch = cut === -1 ? this.#branch : this.#branch.slice(0, cut);
    const first = this.#refusedQuestions.filter(({ after }) => after === null);
    const rest = branch.flatMap((message) => [message, ...this.#refusedAfter(message)]);
    return [...first, ...rest, asked, reply].filter(Boolean);
  }

  find(id) {
    return id ? this.#branch.find((message) => message.id === id) : undefined;
  }

  streamingReply() {
    return this.#pending?.reply ?? this.#branch.findLast((message) => message.status === "streaming") ?? null;
  }

  newestReply() {
    return this.visible().findLast((message) => message.author === "assistant") ?? null;
  }

  // Whether anything follows the message, which another version of it would leave on a branch of its own.
  isFollowed(message) {
    const place = this.#branch.indexOf(message);
    const rest = this.#branch.slice(place + 1);
    return place !== -1 && rest.some((other) => other.reply_to !== message.id);
  }

  // The frame that the server has not yet accepted; it may be sent again, the client_message_id makes it harmless.
  unaccepted() {
    return this.#pending?.request ?? null;
  }

  ask(id, text, roleName, edited = null) {
    this.#begin(question({ id, text, roleName, edited }));
  }

  regenerate(reply, id) {
    this.#begin(regeneration(reply, id));
  }

  continue(reply, id) {
    this.#begin(continuation(reply, id));
  }

  // False when nobody here asked: another tab did, and the messages have to be fetched.
  accept({ client_message_id: clientMessageId, user_message_id: questionId, message_id: replyId }) {
    this.turns += 1;
    if (this.#pending?.id !== clientMessageId) return this.find(replyId) !== undefined;
    const { question: asked, reply, origin } = this.#pending;
    const turn = this.visible();
    if (asked) Object.assign(asked, { id: questionId, delivery: null, ...anotherVersion(origin, questionId) });
    Object.assign(reply, { id: replyId, reply_to: questionId, ...anotherVersion(asked ? null : origin, replyId) });
    this.#branch = turn.filter((message) => message.delivery !== "refused");
    this.#pending = null;
    return true;
  }

  // The server would not take it: what it was to replace is shown again. Returns the message that says why, or null.
  refuse(clientMessageId, error) {
    if (!clientMessageId || this.#pending?.id !== clientMessageId) return null;
    const { question: asked, origin, request } = this.#pending;
    this.#pending = null;
    if (origin) return Object.assign(origin, { refused: { type: request.type, text: asked?.text, error } });
    const after = this.#branch.at(-1)?.id ?? null;
    this.#refusedQuestions.push(Object.assign(asked, { delivery: "refused", refusal: error, after }));
    return asked;
  }

  withdraw(clientMessageId) {
    this.#refusedQuestions = this.#refusedQuestions.filter((asked) => asked.client_message_id !== clientMessageId);
  }

  // Returns what Assembly.add returns, or "unknown" for a reply that is not among the messages yet.
  addDelta({ message_id: id, seq, text }) {
    const outcome = this.assemblyOf(id).add(seq, text);
    const reply = this.find(id);
    if (!reply) return "unknown";
    if (isFinal(reply) || reply.retracted) return "duplicate";
    reply.text = longer(reply.text, this.assemblyOf(id).text);
    return outcome;
  }

  // What a reply thinks before it answers. A gap is filled by the final frame.
  addReasoning({ message_id: id, seq, text }) {
    const reply = this.find(id);
    if (!reply || isFinal(reply) || reply.retracted) return;
    if (!this.#thoughts.has(id)) this.#thoughts.set(id, new Assembly());
    this.#thoughts.get(id).add(seq, text);
    reply.reasoning = longer(reply.reasoning ?? "", this.#thoughts.get(id).text);
  }

  // Moderation takes back what was shown; the final frame says why.
  retract(id) {
    const reply = this.find(id);
    if (!reply || isFinal(reply)) return null;
    return Object.assign(reply, { text: "", reasoning: "", sources: [], retracted: true });
  }

  // Change what else is known of a message; null if it is not among those on the page.
  change(id, changes) {
    const message = this.find(id);
    return message ? Object.assign(message, changes) : null;
  }

  queue({ client_message_id: clientMessageId, position }) {
    if (this.#pending?.id === clientMessageId) this.#pending.reply.queue_position = position;
  }

  finish({ message_id: id, message, error = null, ...rest }) {
    this.#texts.delete(id);
    this.#thoughts.delete(id);
    return this.change(id, { ...rest, text: message, error });
  }

  requestStop() {
    const reply = this.streamingReply();
    if (reply) reply.stop_requested = true;
    return reply;
  }

  assemblyOf(id) {
    if (!this.#texts.has(id)) this.#texts.set(id, new Assembly());
    return this.#texts.get(id);
  }

  #begin(turn) {
    if (turn.origin) turn.origin.refused = null;
    this.#pending = turn;
  }

  #refusedAfter(message) {
    return this.#refusedQuestions.filter(({ after }) => after !== null && after === message.id);
  }

  // A page that was read before the final frame came knows less than this tab does.
  #adopt(message) {
    const known = this.find(message.id) ?? this.#expected(message);
    if (message.status === "streaming" && known && isFinal(known)) return known;
    // Deltas of a reply that was asked elsewhere may come before it is found in the history.
    const shown = known?.text ?? this.#texts.get(message.id)?.text ?? "";
    const text = message.status === "streaming" ? longer(message.text, shown) : message.text;
    return Object.assign(known ?? { key: message.id }, message, { text, delivery: null });
  }

  // What was sent from here and is met in the history before its `accepted` has come.
  #expected({ author, client_message_id: clientMessageId, reply_to: questionId }) {
    if (!this.#pending) return undefined;
    const { id, question: asked, reply } = this.#pending;
    if (author === "reader") return clientMessageId === id && asked ? asked : undefined;
    const answers = asked?.id && asked.id === questionId;
    return clientMessageId === id || answers ? reply : undefined;
  }
}

function anotherVersion(origin, id) {
  const versions = [...(origin?.versions ?? []), id];
  return { versions, version_index: versions.length - 1 };
}

// A saved prefix and the assembled deltas are both beginnings of the same text.
const longer = (one, other) => (other.length > one.length ? other : one);

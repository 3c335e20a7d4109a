// Decides the state of one conversation: which messages there are, in which order, and what each frame changes.

import { Assembly } from "./assembly.js";

const FINAL_STATUSES = new Set(["completed", "stopped", "interrupted", "failed"]);

export const isFinal = (message) => FINAL_STATUSES.has(message.status);

// A message as the server tells it, plus `key` (stable for the page) and `delivery`: null once the server has it,
// "sending" before, "refused" (with `refusal`) when the server would not take it. A reply that is awaited has no id.
export class Conversation {
  #messages = [];
  #assemblies = new Map();

  // Take a page of history, newest first, as it stands on the server now.
  merge(page) {
    const fresh = [...page].reverse().map((message) => this.#adopt(message));
    const known = new Set(fresh);
    const others = this.#messages.filter((message) => !known.has(message));
    const anchor = this.#messages.findIndex((message) => known.has(message));
    const precedes = (message) => (anchor === -1 ? message.id : this.#messages.indexOf(message) < anchor);
    const before = others.filter(precedes);
    const after = others.filter((message) => !precedes(message));
    this.#messages = [...before, ...fresh, ...after];
  }

  mergeOlder(page) {
    const fresh = [...page].reverse().map((message) => this.#adopt(message));
    this.#messages = [...fresh, ...this.#messages.filter((message) => !fresh.includes(message))];
  }

  // What is shown: of several replies to one message only the newest.
  visible() {
    const newest = new Map();
    for (const message of this.#messages) if (message.reply_to) newest.set(message.reply_to, message);
    return this.#messages.filter((message) => !message.reply_to || newest.get(message.reply_to) === message);
  }

  find(id) {
    return id ? this.#messages.find((message) => message.id === id) : undefined;
  }

  streamingReply() {
    return this.#messages.findLast((message) => message.status === "streaming") ?? null;
  }

  newestReply() {
    return this.visible().findLast((message) => message.author === "assistant") ?? null;
  }

  // Frames that the server has not yet accepted; they may be sent again, the client_message_id makes it harmless.
  unaccepted() {
    return this.#messages.filter((message) => message.awaited).map((message) => message.awaited);
  }

  ask(clientMessageId, text, roleName) {
    const question = {
      key: clientMessageId,
      id: null,
      author: "reader",
      status: "completed",
      text,
      client_message_id: clientMessageId,
      delivery: "sending",
      created_at: new Date().toISOString(),
    };
    const data = { message: text, client_message_id: clientMessageId };
    this.#messages.push(question, awaitedReply(clientMessageId, roleName, clientMessageId, "user_message", data));
  }

  regenerate(reply, clientMessageId) {
    const data = { message_id: reply.id, client_message_id: clientMessageId };
    this.#messages.push(awaitedReply(clientMessageId, reply.role_name, reply.reply_to, "regenerate", data));
  }

  // False when nobody here asked: another tab did, and the messages have to be fetched.
  accept({ client_message_id: clientMessageId, user_message_id: questionId, message_id: replyId }) {
    const reply = this.#awaitedUnder(clientMessageId);
    if (!reply) return this.find(replyId) !== undefined;
    const question = this.#questionUnder(clientMessageId);
    if (question) Object.assign(question, { id: questionId, delivery: null });
    const duplicate = this.find(replyId);
    if (duplicate) this.#messages.splice(this.#messages.indexOf(duplicate), 1);
    Object.assign(reply, { id: replyId, reply_to: questionId, awaited: null });
    return true;
  }

  // The server would not take it: the awaited reply goes, the question stays with its reason.
  refuse(clientMessageId, error) {
    const reply = this.#awaitedUnder(clientMessageId);
    if (reply) this.#messages.splice(this.#messages.indexOf(reply), 1);
    const question = this.#questionUnder(clientMessageId);
    if (question) Object.assign(question, { delivery: "refused", refusal: error });
    return question ?? null;
  }

  withdraw(clientMessageId) {
    const question = this.#questionUnder(clientMessageId);
    if (question) this.#messages.splice(this.#messages.indexOf(question), 1);
  }

  // Returns what Assembly.add returns, or "unknown" for a reply that is not among the messages yet.
  addDelta({ message_id: id, seq, text }) {
    const outcome = this.assemblyOf(id).add(seq, text);
    const reply = this.find(id);
    if (!reply) return "unknown";
    if (isFinal(reply)) return "duplicate";
    reply.text = longer(reply.text, this.assemblyOf(id).text);
    return outcome;
  }

  // Moderation takes back what was shown; the final frame says why.
  retract(id) {
    const reply = this.find(id);
    if (reply && !isFinal(reply)) Object.assign(reply, { text: "", sources: [] });
  }

  addSources({ message_id: id, sources }) {
    return this.#change(id, { sources });
  }

  queue(position) {
    const reply = this.streamingReply();
    if (reply) reply.queue_position = position;
  }

  finish({ message_id: id, message, error = null, ...rest }) {
    this.#assemblies.delete(id);
    return this.#change(id, { ...rest, text: message, error });
  }

  requestStop() {
    const reply = this.streamingReply();
    if (reply) reply.stop_requested = true;
    return reply;
  }

  assemblyOf(id) {
    if (!this.#assemblies.has(id)) this.#assemblies.set(id, new Assembly());
    return this.#assemblies.get(id);
  }

  #adopt(message) {
    const known = this.find(message.id) ?? this.#expected(message);
    if (!known) return { ...message, key: message.id, delivery: null };
    const text = message.status === "streaming" ? longer(message.text, known.text) : message.text;
    return Object.assign(known, message, { text, delivery: null, awaited: null });
  }

  #change(id, changes) {
    const message = this.find(id);
    if (message) Object.assign(message, changes);
    return message ?? null;
  }

  #questionUnder(clientMessageId) {
    if (!clientMessageId) return undefined;
    return this.#messages.find(
      (message) => message.author === "reader" && message.client_message_id === clientMessageId,
    );
  }

  // What was sent from here and is met in the history before its `accepted` has come.
  #expected({ author, client_message_id: clientMessageId, reply_to: questionId }) {
    if (author === "reader") return this.#questionUnder(clientMessageId);
    return this.#awaitedUnder(clientMessageId ?? this.find(questionId)?.client_message_id);
  }

  #awaitedUnder(clientMessageId) {
    if (!clientMessageId) return undefined;
    return this.#messages.find((message) => message.awaited?.data.client_message_id === clientMessageId);
  }
}

function awaitedReply(clientMessageId, roleName, replyTo, frame, data) {
  return {
    key: `reply:${clientMessageId}`,
    id: null,
    author: "assistant",
    status: "streaming",
    text: "",
    html: "",
    reply_to: replyTo,
    role_name: roleName,
    sources: [],
    quotes: [],
    error: null,
    awaited: { type: frame, data },
    created_at: new Date().toISOString(),
  };
}

// A saved prefix and the assembled deltas are both beginnings of the same text.
const longer = (one, other) => (other.length > one.length ? other : one);

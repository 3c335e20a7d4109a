// Decides what happens in the open session: what a frame changes, what is sent, and what is asked again after a break.

import { get, getNext } from "./api.js";
import { Conversation } from "./conversation.js";
import { readDraft, writeDraft } from "./drafts.js";
import { newIdentifier } from "./identifiers.js";
import { announce, notify, reportFailure } from "./notices.js";
import { ChatSocket } from "./socket.js";

const REAUTHENTICATE = new Set(["token_expired", "token_invalid", "not_authenticated"]);

export class ConversationController {
  #conversation = new Conversation();
  #next = null;
  #loadingOlder = false;
  #refreshing = null;
  #closed = false;

  // `page` is told of everything around the thread: onChange, onBalance, onTitle, onState, onEnd.
  constructor(session, thread, page) {
    Object.assign(this, { session, thread, page });
    this.socket = new ChatSocket(session.id, {
      onFrame: (type, data) => this.#handlers[type]?.(data),
      onOpen: () => this.#catchUp(),
      onState: (state) => page.onState(state),
      onEnd: (reason) => page.onEnd(reason),
    });
  }

  get isEmpty() {
    return this.#conversation.visible().length === 0;
  }

  get isStreaming() {
    return this.#conversation.streamingReply() !== null;
  }

  async load() {
    const newest = await get(`sessions/${this.session.id}/messages`);
    if (this.#closed) return;
    this.#conversation.merge(newest.results);
    this.#next = newest.next;
    this.#drawNow();
    this.#resume();
  }

  async loadOlder() {
    if (!this.#next || this.#loadingOlder) return;
    this.#loadingOlder = true;
    try {
      const older = await getNext(this.#next);
      if (this.#closed) return;
      this.#conversation.mergeOlder(older.results);
      this.#next = older.next;
      this.thread.showOlder(this.#conversation);
    } finally {
      this.#loadingOlder = false;
    }
  }

  close() {
    this.#closed = true;
    this.socket.close();
  }

  ask(text) {
    const clientMessageId = newIdentifier();
    this.#conversation.ask(clientMessageId, text, this.session.role.name);
    writeDraft(this.session.id, text);
    this.#dispatch();
  }

  resend(message) {
    this.#conversation.withdraw(message.client_message_id);
    this.ask(message.text);
  }

  withdraw(message) {
    this.#conversation.withdraw(message.client_message_id);
    this.#drawNow();
  }

  regenerate(reply) {
    if (this.isStreaming) return;
    this.#conversation.regenerate(reply, newIdentifier());
    this.#dispatch();
  }

  // Before the server has accepted the message there is nothing to stop yet; it follows as soon as there is.
  stop() {
    const reply = this.#conversation.requestStop();
    if (reply?.id) this.socket.send("stop", { message_id: reply.id });
    this.#draw();
  }

  #handlers = {
    accepted: (data) => this.#onAccepted(data),
    sources: (data) => this.#onSources(data),
    delta: (data) => this.#onDelta(data),
    retract: ({ message_id: id }) => {
      this.#conversation.retract(id);
      this.#draw();
    },
    ai_response: (data) => this.#onFinal(data),
    error: (data) => this.#onError(data),
    title: ({ session_id: sessionId, title }) => this.page.onTitle(sessionId, title),
    queued: ({ position }) => {
      this.#conversation.queue(position);
      this.#draw();
    },
  };

  #onAccepted(data) {
    if (!this.#conversation.accept(data)) return this.#refetch();
    this.#forgetDraft(data.user_message_id);
    const reply = this.#conversation.streamingReply();
    if (reply?.stop_requested) this.socket.send("stop", { message_id: reply.id });
    this.#draw();
  }

  // A sent text stays the session's draft until here, so that closing the page loses nothing.
  #forgetDraft(questionId) {
    const question = this.#conversation.find(questionId);
    if (readDraft(this.session.id) === question?.text) writeDraft(this.session.id, "");
  }

  #onSources(data) {
    if (this.#conversation.addSources(data)) this.#draw();
    else this.#refetch();
  }

  #onDelta(data) {
    const outcome = this.#conversation.addDelta(data);
    if (outcome === "unknown") this.#refetch();
    if (outcome === "gap" && this.#conversation.assemblyOf(data.message_id).needsResume()) this.#resume();
    if (outcome === "appended") this.#draw();
  }

  #onFinal(data) {
    const reply = this.#conversation.finish(data);
    this.page.onBalance(data.balance_micros);
    if (!reply) return this.#refetch();
    announce(spoken(reply));
    this.#drawNow();
  }

  #onError({ error, message_id: messageId, client_message_id: clientMessageId }) {
    if (REAUTHENTICATE.has(error.code)) return this.socket.reauthenticate();
    const question = this.#conversation.refuse(clientMessageId, error);
    if (!question) notify(error.message);
    if (error.code === "reply_in_progress" || (messageId && !clientMessageId)) this.#refetch();
    this.#drawNow();
  }

  // After every connect: first follow the reply that streams, then send again what was never accepted.
  #catchUp() {
    const reply = this.#conversation.streamingReply();
    if (reply?.id) {
      this.#conversation.assemblyOf(reply.id).forgetRequest();
      this.#resume();
      if (reply.stop_requested) this.socket.send("stop", { message_id: reply.id });
    }
    for (const { type, data } of this.#conversation.unaccepted()) this.socket.send(type, data);
    if (!reply && !this.isEmpty) this.#refetch();
  }

  #resume() {
    const reply = this.#conversation.streamingReply();
    if (!reply?.id) return;
    const lastSeq = this.#conversation.assemblyOf(reply.id).lastSeq;
    this.socket.send("resume", { message_id: reply.id, last_seq: lastSeq });
  }

  // Something happened that was not seen here, such as a question from another tab: take the newest messages anew.
  #refetch() {
    this.#refreshing ??= get(`sessions/${this.session.id}/messages`)
      .then(({ results }) => {
        if (this.#closed) return;
        this.#conversation.merge(results);
        this.#drawNow();
        this.#resume();
      })
      .catch(reportFailure)
      .finally(() => {
        this.#refreshing = null;
      });
  }

  #dispatch() {
    const { type, data } = this.#conversation.unaccepted().at(-1);
    this.socket.send(type, data);
    this.#drawNow();
    this.thread.follow();
  }

  #draw() {
    this.thread.show(this.#conversation);
    this.page.onChange();
  }

  #drawNow() {
    this.thread.drawNow(this.#conversation);
    this.page.onChange();
  }
}

function spoken({ role_name: roleName, status, text, error }) {
  if (status === "failed" || status === "interrupted") return `${roleName}的回复没有完成。${error?.message ?? ""}`;
  return `${roleName}回复完毕。${text.replace(/[*>`#]|\[\d+\]/g, "")}`;
}

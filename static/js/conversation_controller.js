// Decides what happens in the open session: what a frame changes, what is sent, and what is asked again after a break.

import { BranchWalk } from "./branch_walk.js";
import { Conversation } from "./conversation.js";
import { readDraft, writeDraft } from "./drafts.js";
import { HistoryLoader } from "./history_loader.js";
import { newIdentifier } from "./identifiers.js";
import { announce, notify, reportFailure } from "./notices.js";
import { ChatSocket } from "./socket.js";

const REAUTHENTICATE = new Set(["token_expired", "token_invalid", "not_authenticated"]);
const BRANCHED = "从这里另起一支，原来的后文留在前一版本里。";

export class ConversationController {
  #conversation = new Conversation();
  #refreshing = null;
  #missed = new Set();
  #closed = false;

  // `page` is told of everything around the thread: onChange, onBalance, onTitle, onState, onEnd, onBranch.
  constructor(session, thread, page) {
    Object.assign(this, { session, thread, page });
    this.history = new HistoryLoader(session.id, this.#conversation);
    this.walk = new BranchWalk(session.id, this.#conversation, this.history);
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
    await this.history.newest();
    if (this.#closed) return;
    this.#drawNow();
    this.#resume();
  }

  async loadOlder() {
    if (!this.history.hasOlder) return;
    await this.history.older();
    if (!this.#closed) this.thread.showOlder(this.#conversation);
  }

  close() {
    this.#closed = true;
    this.history.close();
    this.socket.close();
  }

  // Something was changed elsewhere, by another tab or on another device: take the end of the branch anew.
  refresh() {
    if (!this.isStreaming) this.#refetch();
  }

  ask(text) {
    if (this.#isBusy()) return;
    writeDraft(this.session.id, text);
    this.#conversation.ask(newIdentifier(), text, this.session.role.name);
    this.#dispatch();
  }

  // The reader's own question in other words: a branch beside the one that follows it now.
  edit(asked, text) {
    if (this.#isBusy()) return;
    this.#tellBranch(asked);
    this.#conversation.ask(newIdentifier(), text, this.session.role.name, asked);
    this.#dispatch();
  }

  resend(message) {
    if (this.#isBusy()) return;
    this.#conversation.withdraw(message.client_message_id);
    this.ask(message.text);
  }

  withdraw(message) {
    this.#conversation.withdraw(message.client_message_id);
    this.#drawNow();
  }

  regenerate(reply) {
    if (this.#isBusy()) return;
    this.#tellBranch(reply);
    this.#conversation.regenerate(reply, newIdentifier());
    this.#dispatch();
  }

  continue(reply) {
    if (this.#isBusy()) return;
    this.#conversation.continue(reply, newIdentifier());
    this.#dispatch();
  }

  // Another version stands in the same place; the controls that lead to it stay under the reader's hand.
  async chooseVersion(message, step) {
    const wanted = message.versions[message.version_index + step];
    if (!wanted || this.#isBusy()) return;
    const version = await this.walk.turnTo(wanted);
    this.page.onBranch(this.session.id);
    if (this.#closed) return;
    if (!version) return this.#drawNow();
    this.thread.turnTo(this.#conversation, message, version, step);
    this.page.onChange();
  }

  // A message that was found by searching, on whatever branch it stands.
  async reveal(messageId) {
    const message = await this.walk.goTo(messageId);
    if (this.#closed) return;
    this.#drawNow();
    this.#resume();
    if (message) this.thread.reveal(message);
  }

  change(messageId, changes) {
    if (this.#conversation.change(messageId, changes)) this.#drawNow();
  }

  // Before the server has accepted the message there is nothing to stop yet; it follows as soon as there is.
  stop() {
    const reply = this.#conversation.requestStop();
    if (reply?.id) this.socket.send("stop", { message_id: reply.id });
    this.#draw();
  }

  #handlers = {
    accepted: (data) => this.#onAccepted(data),
    queued: (data) => this.#show(() => this.#conversation.queue(data)),
    notice: (data) => this.#onNotice(data),
    sources: ({ message_id: id, sources }) => this.#onMore(id, { sources }),
    reasoning: (data) => this.#show(() => this.#conversation.addReasoning(data)),
    delta: (data) => this.#onDelta(data),
    retract: (data) => this.#onRetract(data),
    ai_response: (data) => this.#onFinal(data),
    suggestions: ({ message_id: id, suggestions }) => this.#onMore(id, { suggestions }),
    error: (data) => this.#onError(data),
    title: ({ session_id: sessionId, title }) => this.page.onTitle(sessionId, title),
  };

  #onAccepted(data) {
    if (!this.#conversation.accept(data)) return this.#refetchFor(data.message_id);
    this.#forgetDrafts(data.user_message_id);
    const reply = this.#conversation.streamingReply();
    if (reply?.stop_requested) this.socket.send("stop", { message_id: reply.id });
    this.#draw();
  }

  // A sent text stays a draft until here, of the session or of the question in whose place it was put, so that closing
  // the page loses nothing.
  #forgetDrafts(questionId) {
    const asked = this.#conversation.find(questionId);
    for (const place of [this.session.id, ...(asked?.versions ?? [])]) {
      if (readDraft(place) === asked?.text) writeDraft(place, "");
    }
  }

  // What has to be said before a persona speaks; a reply that is taken up again says it again.
  #onNotice({ message_id: id, ...notice }) {
    if (this.#conversation.find(id)?.notice?.text !== notice.text) announce(notice.text);
    this.#onMore(id, { notice });
  }

  #onMore(messageId, changes) {
    if (this.#conversation.change(messageId, changes)) this.#draw();
    else this.#refetchFor(messageId);
  }

  #onDelta(data) {
    const outcome = this.#conversation.addDelta(data);
    if (outcome === "unknown") this.#refetchFor(data.message_id);
    if (outcome === "gap" && this.#conversation.assemblyOf(data.message_id).needsResume()) this.#resume();
    if (outcome === "appended") this.#draw();
  }

  #onRetract({ message_id: id }) {
    if (this.#conversation.retract(id)) announce("这条回复未通过内容审核，已撤回。");
    this.#draw();
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
    const refused = this.#conversation.refuse(clientMessageId, error);
    if (!refused) notify(error.message);
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
    const request = this.#conversation.unaccepted();
    if (request) this.socket.send(request.type, request.data);
    if (!reply && !this.isEmpty) this.#refetch();
  }

  #resume() {
    const reply = this.#conversation.streamingReply();
    if (!reply?.id) return;
    const lastSeq = this.#conversation.assemblyOf(reply.id).lastSeq;
    this.socket.send("resume", { message_id: reply.id, last_seq: lastSeq });
  }

  // A reply that is not on the branch even after it was looked for is written on another one: once is enough.
  #refetchFor(messageId) {
    if (this.#missed.has(messageId)) return;
    this.#missed.add(messageId);
    this.#refetch();
  }

  #refetch() {
    this.#refreshing ??= this.history
      .newest()
      .then(() => {
        if (this.#closed) return;
        this.#drawNow();
        this.#resume();
      })
      .catch(reportFailure)
      .finally(() => {
        this.#refreshing = null;
      });
  }

  #isBusy() {
    if (this.isStreaming) notify("请等这条回复写完，或先停止它。");
    return this.isStreaming;
  }

  #tellBranch(message) {
    if (this.#conversation.isFollowed(message)) notify(BRANCHED);
  }

  #dispatch() {
    const { type, data } = this.#conversation.unaccepted();
    this.socket.send(type, data);
    this.#drawNow();
    this.thread.follow();
  }

  #draw() {
    this.thread.show(this.#conversation);
    this.page.onChange();
  }

  #show(change) {
    change();
    this.#draw();
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

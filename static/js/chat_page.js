// Decides what the chat page shows: which session is open, who answers, what stands there when something is missing.

import { get } from "./api.js";
import { Composer } from "./composer.js";
import { ConnectionBanner } from "./connection_banner.js";
import { ConversationController } from "./conversation_controller.js";
import { showDailyLine } from "./daily_line.js";
import { byId } from "./dom.js";
import { forgetDrafts } from "./drafts.js";
import { Drawer } from "./drawer.js";
import { watchElsewhere } from "./elsewhere.js";
import { ApiError } from "./errors.js";
import { Judgements } from "./judgements.js";
import { LoadFailure } from "./load_failure.js";
import { addressOfSession, leaveForLogin, messageInAddress, sessionInAddress } from "./navigation.js";
import { notify, reportFailure } from "./notices.js";
import { PageHead } from "./page_head.js";
import { SessionDialog } from "./session_dialog.js";
import { SessionListView } from "./session_list_view.js";
import { SessionSearch } from "./session_search.js";
import { SessionStore } from "./session_store.js";
import { SourceDialog } from "./source_dialog.js";
import { tellTabs } from "./tab_channel.js";
import { ThreadView } from "./thread_view.js";
import { isSignedIn, logOut } from "./tokens.js";
import { WelcomeView } from "./welcome_view.js";

class ChatPage {
  #controller = null;
  #role = null;
  #hasBegun = false;
  // Counts what the reader has gone to: an answer that was asked for on an earlier visit changes nothing any more.
  #visit = 0;
  store = new SessionStore();
  drawer = new Drawer();
  head = new PageHead();
  failure = new LoadFailure();
  list = new SessionListView(this.store, {
    onOpen: (sessionId) => this.#go(sessionId),
    onManage: (session) => this.dialog.open(session),
  });
  dialog = new SessionDialog(this.store, {
    onDeleted: (sessionId) => this.#deleted(sessionId),
    onCleared: (sessionId) => this.#cleared(sessionId),
  });
  search = new SessionSearch({ onOpen: (sessionId, messageId) => this.#go(sessionId, messageId) });
  judgements = new Judgements({
    onFeedback: (messageId, feedback) => this.#controller?.change(messageId, { feedback }),
  });
  welcome = new WelcomeView({
    onAsk: (question) => this.#ask(question),
    onRole: (role) => this.#setRole(role),
  });
  composer = new Composer({
    onSend: (text) => this.#ask(text),
    onStop: () => this.#act((controller) => controller.stop()),
  });
  thread = new ThreadView({
    ask: (text) => this.#ask(text),
    resend: (message) => this.#act((controller) => controller.resend(message)),
    rewrite: (message) => this.#rewrite(message),
    edit: (message, text) => this.#act((controller) => controller.edit(message, text)),
    regenerate: (message) => this.#act((controller) => controller.regenerate(message)),
    continue: (message) => this.#act((controller) => controller.continue(message)),
    chooseVersion: (message, step) => this.#controller.chooseVersion(message, step).catch(reportFailure),
    judge: (message, value) => this.judgements.judge(message, value),
    report: (message) => this.judgements.report(message),
    loadOlder: () => this.#controller?.loadOlder().catch(reportFailure),
  });
  banner = new ConnectionBanner({ onReconnect: () => this.#controller?.socket.reconnectNow() });

  async start() {
    new SourceDialog().serve(byId("thread"));
    byId("new-session").addEventListener("click", () => this.#go(null));
    byId("logout").addEventListener("click", () => this.#logOut().catch(reportFailure));
    this.store.addEventListener("change", () => this.#sessionsChanged());
    addEventListener("popstate", () => this.#route().catch(reportFailure));
    watchElsewhere({
      onSession: (sessionId) => this.#changedElsewhere(sessionId),
      onReturn: () => this.#controller?.refresh(),
    });
    this.composer.open(sessionInAddress());
    showDailyLine().catch(reportFailure);
    await this.#begin();
  }

  async #begin() {
    try {
      const [roles] = await Promise.all([get("roles"), this.store.load(), this.head.load()]);
      this.welcome.setRoles(roles.results);
      this.#role = roles.results[0] ?? null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.failure.show(error.message, () => this.#begin());
    }
    this.#hasBegun = true;
    await this.#route();
    document.body.dataset.ready = "true";
  }

  #go(sessionId, messageId = null) {
    const isThere = sessionId === sessionInAddress() && messageId === messageInAddress();
    if (!isThere) history.pushState(null, "", addressOfSession(sessionId, messageId));
    this.drawer.close();
    this.#route().catch(reportFailure);
  }

  async #route() {
    const sessionId = sessionInAddress();
    if (sessionId && this.#controller?.session.id === sessionId) return this.#reveal();
    this.composer.open(sessionId);
    this.list.mark(sessionId);
    if (!this.#hasBegun) return;
    this.#leave();
    if (sessionId) await this.#open(sessionId);
    else this.#showNew();
  }

  // The message that the address names, if it names one.
  async #reveal() {
    const messageId = messageInAddress();
    if (messageId) await this.#controller.reveal(messageId).catch(reportFailure);
  }

  #leave() {
    this.#visit += 1;
    this.#controller?.close();
    this.#controller = null;
    this.thread.clear();
    this.welcome.hide();
    this.failure.hide();
    this.banner.show("open");
    this.head.showTitle(null, "");
    this.composer.setStreaming(false);
    this.composer.setReady(false);
    byId("skeleton").hidden = true;
  }

  #showNew() {
    if (!this.#role) return this.failure.show("现在没有可以请教的人，请稍后再试。", () => this.#begin());
    this.welcome.show(this.#role, { choosable: true });
    this.head.showTitle(this.#role, "新对话");
    this.#arrive();
  }

  async #open(sessionId) {
    const visit = this.#visit;
    byId("skeleton").hidden = false;
    try {
      const session = await this.store.find(sessionId);
      if (visit !== this.#visit) return;
      this.#follow(session);
      await this.#controller.load();
      if (visit !== this.#visit) return;
      this.#arrive();
      await this.#reveal();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (visit === this.#visit) this.#notOpened(error);
    }
  }

  #arrive() {
    byId("skeleton").hidden = true;
    this.composer.setReady(true);
    this.composer.focus();
  }

  #notOpened(error) {
    if (error.status === 404) return this.#onEnd("not_found");
    this.#leave();
    this.failure.show(error.message, () => this.#route());
  }

  #follow(session) {
    this.#controller?.close();
    this.head.showTitle(session.role, session.title);
    this.#controller = new ConversationController(session, this.thread, {
      onChange: () => this.#changed(),
      onBalance: (micros) => this.head.showBalance(micros),
      onTitle: (sessionId, title) => this.store.setTitle(sessionId, title),
      onBranch: (sessionId) => tellTabs(sessionId),
      onState: (state) => this.banner.show(state),
      onEnd: (reason) => this.#onEnd(reason),
    });
  }

  #changed() {
    const controller = this.#controller;
    if (!controller) return;
    this.composer.setStreaming(controller.isStreaming);
    if (controller.isEmpty) this.welcome.show(controller.session.role, { choosable: false });
    else this.welcome.hide();
  }

  // Without a session the first question makes one, with the role that is chosen now.
  async #ask(text) {
    if (!this.composer.isReady) return;
    if (!this.#controller && !(await this.#createSession(text))) return;
    const { id } = this.#controller.session;
    if (messageInAddress()) history.replaceState(null, "", addressOfSession(id));
    this.store.touch(id);
    this.#act((controller) => controller.ask(text));
  }

  // What was pressed goes away with the state that it changed; the focus goes on to the composer.
  #act(task) {
    task(this.#controller);
    this.composer.focus();
  }

  // False when there is nobody to ask: the text is then a draft, of the new session if the reader has left meanwhile.
  async #createSession(text) {
    const visit = this.#visit;
    this.composer.setReady(false);
    try {
      const session = await this.store.create(this.#role.id);
      if (visit === this.#visit) return this.#moveTo(session);
      this.composer.giveBack(session.id, text);
      notify("刚才的问题还没有发出，留在新对话的输入框里。");
    } catch (error) {
      this.composer.giveBack(null, text);
      if (visit === this.#visit) this.composer.setReady(true);
      reportFailure(error);
    }
    return false;
  }

  #moveTo(session) {
    history.pushState(null, "", addressOfSession(session.id));
    this.composer.moveTo(session.id);
    this.list.mark(session.id);
    this.#follow(session);
    this.composer.setReady(true);
    return true;
  }

  #rewrite(message) {
    if (!this.composer.isEmpty) return notify("输入框里还有文字，请先发送或清空它。");
    this.#controller.withdraw(message);
    this.composer.fill(message.text);
    this.composer.focus();
  }

  #setRole(role) {
    this.#role = role;
    this.head.showTitle(role, "新对话");
  }

  #sessionsChanged() {
    const openId = this.#controller?.session.id;
    const open = this.store.sessions.find((session) => session.id === openId);
    if (open) this.head.showTitle(open.role, open.title);
  }

  #deleted(sessionId) {
    if (sessionInAddress() === sessionId) this.#go(null);
    else byId("new-session").focus();
  }

  #cleared(sessionId) {
    if (this.#controller?.session.id === sessionId) this.#controller.refresh();
  }

  // Another tab has changed a session: what this one shows of it follows.
  async #changedElsewhere(sessionId) {
    const isThere = await this.store.refresh(sessionId);
    if (this.#controller?.session.id !== sessionId) return;
    if (isThere) this.#controller.refresh();
    else this.#onEnd("not_found");
  }

  #onEnd(reason) {
    if (reason === "signed_out") return leaveForLogin();
    notify("没有找到这个对话，它可能已被删除。");
    this.#go(null);
  }

  async #logOut() {
    byId("logout").disabled = true;
    await logOut().finally(() => {
      forgetDrafts();
      location.replace("/login");
    });
  }
}

if (isSignedIn()) new ChatPage().start().catch(reportFailure);
else leaveForLogin();

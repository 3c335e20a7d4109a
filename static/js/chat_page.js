// Decides what the chat page shows: which session is open, who reads, what is left in the wallet.

import { get, postAnonymously } from "./api.js";
import { Composer } from "./composer.js";
import { ConnectionBanner } from "./connection_banner.js";
import { ConversationController } from "./conversation_controller.js";
import { byId } from "./dom.js";
import { forgetDrafts } from "./drafts.js";
import { Drawer } from "./drawer.js";
import { formatYuan } from "./money.js";
import { addressOfSession, leaveForLogin, sessionInAddress } from "./navigation.js";
import { notify, reportFailure } from "./notices.js";
import { SessionDialog } from "./session_dialog.js";
import { SessionListView } from "./session_list_view.js";
import { SessionStore } from "./session_store.js";
import { SourceDialog } from "./source_dialog.js";
import { ThreadView } from "./thread_view.js";
import { REFRESH_KEY, forgetTokens, isSignedIn, refreshToken } from "./tokens.js";
import { WelcomeView } from "./welcome_view.js";

class ChatPage {
  #controller = null;
  #role = null;
  #creating = false;
  store = new SessionStore();
  drawer = new Drawer();
  list = new SessionListView(this.store, {
    onOpen: (sessionId) => this.#go(sessionId),
    onManage: (session) => this.dialog.open(session),
  });
  dialog = new SessionDialog(this.store, {
    onDeleted: (sessionId) => this.#controller?.session.id === sessionId && this.#go(null),
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
    resend: (message) => this.#act((controller) => controller.resend(message)),
    edit: (message) => this.#edit(message),
    regenerate: (message) => this.#act((controller) => controller.regenerate(message)),
    loadOlder: () => this.#controller?.loadOlder().catch(reportFailure),
  });
  banner = new ConnectionBanner({ onReconnect: () => this.#controller?.socket.reconnectNow() });

  async start() {
    new SourceDialog().serve(byId("thread"));
    byId("new-session").addEventListener("click", () => this.#go(null));
    byId("logout").addEventListener("click", () => this.#logOut());
    this.store.addEventListener("change", () => this.#sessionsChanged());
    addEventListener("popstate", () => this.#route().catch(reportFailure));
    addEventListener(
      "storage",
      ({ key, newValue }) => key === REFRESH_KEY && newValue === null && leaveForLogin(),
    );
    const [roles] = await Promise.all([get("roles"), this.store.load(), this.#showReader(), this.#showWallet()]);
    this.welcome.setRoles(roles);
    [this.#role] = roles;
    this.roles = roles;
    await this.#route();
    document.body.dataset.ready = "true";
  }

  async #showReader() {
    const reader = await get("me");
    byId("reader-name").textContent = reader.nickname;
    byId("admin-link").hidden = !reader.is_staff;
  }

  async #showWallet() {
    this.#showBalance((await get("wallet")).balance_micros);
  }

  #showBalance(micros) {
    byId("balance").textContent = formatYuan(micros);
  }

  #go(sessionId) {
    if (sessionId !== sessionInAddress()) history.pushState(null, "", addressOfSession(sessionId));
    this.drawer.close();
    this.#route().catch(reportFailure);
  }

  async #route() {
    const sessionId = sessionInAddress();
    if (sessionId && this.#controller?.session.id === sessionId) return;
    this.#leave();
    this.composer.open(sessionId);
    this.list.mark(sessionId);
    if (sessionId) await this.#open(sessionId);
    else this.#showNew();
    this.composer.focus();
  }

  #leave() {
    this.#controller?.close();
    this.#controller = null;
    this.thread.clear();
    this.welcome.hide();
    this.banner.show("open");
    this.composer.setStreaming(false);
  }

  #showNew() {
    this.welcome.show(this.#role, { choosable: true });
    this.#setHeading(this.#role, "新对话");
  }

  async #open(sessionId) {
    byId("skeleton").hidden = false;
    try {
      const session = await this.store.find(sessionId);
      if (sessionInAddress() !== sessionId) return;
      this.#follow(session);
      await this.#controller.load();
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#onEnd("not_found");
    } finally {
      byId("skeleton").hidden = true;
    }
  }

  #follow(session) {
    this.#setHeading(session.role, session.title);
    this.#controller = new ConversationController(session, this.thread, {
      onChange: () => this.#changed(),
      onBalance: (micros) => this.#showBalance(micros),
      onTitle: (sessionId, title) => this.store.setTitle(sessionId, title),
      onState: (state) => this.banner.show(state),
      onEnd: (reason) => this.#onEnd(reason),
    });
  }

  #changed() {
    const controller = this.#controller;
    if (!controller) return;
    this.composer.setStreaming(controller.isStreaming);
    if (controller.isEmpty) this.welcome.show(this.#fullRole(controller.session.role), { choosable: false });
    else this.welcome.hide();
  }

  // Without a session the first question makes one, with the role that is chosen now.
  async #ask(text) {
    if (this.#creating) return;
    if (!this.#controller && !(await this.#createSession(text))) return;
    this.store.touch(this.#controller.session.id);
    this.#act((controller) => controller.ask(text));
  }

  // What was pressed goes away with the state that it changed; the focus goes on to the composer.
  #act(task) {
    task(this.#controller);
    this.composer.focus();
  }

  async #createSession(text) {
    this.#creating = true;
    try {
      const session = await this.store.create(this.#role.id);
      history.pushState(null, "", addressOfSession(session.id));
      this.composer.moveTo(session.id);
      this.list.mark(session.id);
      this.#follow(session);
      return true;
    } catch (error) {
      this.composer.fill(text);
      reportFailure(error);
      return false;
    } finally {
      this.#creating = false;
    }
  }

  #edit(message) {
    if (!this.composer.isEmpty) return notify("输入框里还有文字，请先发送或清空它。");
    this.#controller.withdraw(message);
    this.composer.fill(message.text);
    this.composer.focus();
  }

  #setRole(role) {
    this.#role = role;
    this.#setHeading(role, "新对话");
  }

  #fullRole(role) {
    return (
      this.roles.find((candidate) => candidate.id === role.id) ?? {
        opening_line: "",
        suggested_questions: [],
        ...role,
      }
    );
  }

  #setHeading(role, title) {
    byId("role-name").textContent = role.name;
    byId("session-heading").textContent = title;
    document.title = title ? `${title} · 国学大师` : "国学大师";
  }

  #sessionsChanged() {
    const openId = this.#controller?.session.id;
    const open = this.store.sessions.find((session) => session.id === openId);
    if (open) this.#setHeading(open.role, open.title);
  }

  #onEnd(reason) {
    if (reason === "signed_out") return leaveForLogin();
    notify("没有找到这个对话，它可能已被删除。");
    this.#go(null);
  }

  async #logOut() {
    const refresh = refreshToken();
    forgetTokens();
    forgetDrafts();
    await postAnonymously("auth/logout", { refresh }).catch(reportFailure);
    location.replace("/login");
  }
}

if (isSignedIn()) new ChatPage().start().catch(reportFailure);
else leaveForLogin();

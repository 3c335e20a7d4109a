// Decides how messages are laid out and scrolled: drawn once a frame, following only a reader who is at the end.

import { arrange, byId } from "./dom.js";
import { announce } from "./notices.js";
import { QuestionView } from "./question_view.js";
import { ReplyView } from "./reply_view.js";
import { focusStep } from "./version_pager.js";

const AT_END_PX = 32;
const NEAR_TOP_PX = 160;
const REVEALED_MS = 3000;

export class ThreadView {
  #scroller = byId("scroller");
  #list = byId("thread");
  #toEnd = byId("to-end");
  #views = new Map();
  #following = true;
  #lastTop = 0;
  #frame = null;

  // `actions` are what a message may ask for (see QuestionView and ReplyView); loadOlder as the top comes near.
  constructor(actions) {
    this.actions = actions;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#toEnd.addEventListener("click", () => this.follow({ smooth: true }));
    const observer = new ResizeObserver(() => this.#keepUp());
    observer.observe(this.#list);
    observer.observe(this.#scroller);
  }

  clear() {
    this.#cancelFrame();
    this.#views.clear();
    this.#list.replaceChildren();
    this.follow();
  }

  // Draw the messages in the next frame; however many deltas come before it, they are drawn once.
  show(conversation) {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw(conversation);
    });
  }

  drawNow(conversation) {
    this.#cancelFrame();
    this.#draw(conversation);
  }

  // Older messages come in above; what the reader looks at stays where it is.
  showOlder(conversation) {
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    this.drawNow(conversation);
    this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
  }

  // Another version takes the place of a message: what leads on from there stays where the reader's hand is.
  turnTo(conversation, message, version, step) {
    const before = this.#pagerTop(message);
    this.#following = false;
    this.drawNow(conversation);
    this.#scroller.scrollTop += this.#pagerTop(version) - before;
    focusStep(this.#viewOf(version).element, step);
    announce(`第 ${version.version_index + 1} 版，共 ${version.versions.length} 版`);
  }

  // Bring a message into view and mark it for a while.
  reveal(message) {
    const { element } = this.#viewOf(message);
    this.#following = false;
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
    element.dataset.revealed = "true";
    setTimeout(() => delete element.dataset.revealed, REVEALED_MS);
  }

  follow({ smooth = false } = {}) {
    this.#following = true;
    const calm = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scroller.scrollTo({ top: this.#scroller.scrollHeight, behavior: calm ? "instant" : "smooth" });
    this.#toEnd.hidden = true;
  }

  #cancelFrame() {
    if (this.#frame) cancelAnimationFrame(this.#frame);
    this.#frame = null;
  }

  #draw(conversation) {
    const messages = conversation.visible();
    const newestReply = conversation.newestReply();
    const shown = new Set(messages.map((message) => message.key));
    for (const key of this.#views.keys()) if (!shown.has(key)) this.#views.delete(key);
    const elements = messages.map((message) => this.#viewOf(message).element);
    arrange(this.#list, elements);
    for (const message of messages) {
      this.#viewOf(message).show(message, { isNewest: message === newestReply });
    }
    this.#keepUp();
  }

  #viewOf(message) {
    if (!this.#views.has(message.key)) {
      const View = message.author === "reader" ? QuestionView : ReplyView;
      this.#views.set(message.key, new View(this.actions));
    }
    return this.#views.get(message.key);
  }

  #pagerTop(message) {
    const { element } = this.#viewOf(message);
    return (element.querySelector(".versions") ?? element).getBoundingClientRect().top;
  }

  #distanceFromEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  // Only the reader moves upwards; growing text and our own scrolling never do.
  #scrolled() {
    const { scrollTop } = this.#scroller;
    const atEnd = this.#distanceFromEnd() <= AT_END_PX;
    if (atEnd) this.#following = true;
    else if (scrollTop < this.#lastTop) this.#following = false;
    if (scrollTop < NEAR_TOP_PX && scrollTop < this.#lastTop) this.actions.loadOlder();
    this.#lastTop = scrollTop;
    this.#toEnd.hidden = this.#following;
  }

  #keepUp() {
    if (this.#following) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else this.#toEnd.hidden = this.#distanceFromEnd() <= AT_END_PX;
  }
}

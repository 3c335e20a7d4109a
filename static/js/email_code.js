// Decides when a code can be asked for: with an address, once a minute, and in debug mode it says where to look.

import { postAnonymously } from "./api.js";
import { byId } from "./dom.js";
import { announce } from "./notices.js";

const WAIT_SECONDS = 60;
const LABEL = "获取验证码";

export class EmailCode {
  #button = byId("send-code");
  #hint = byId("code-hint");

  constructor(purpose, form) {
    Object.assign(this, { purpose, form });
    this.#button.addEventListener("click", () => this.#ask());
    this.#button.disabled = false;
  }

  async #ask() {
    const email = byId("email");
    if (!email.value.trim() || !email.validity.valid) return this.form.refuse("email", "请先填写正确的邮箱地址。");
    this.#button.disabled = true;
    await this.form.attempt(async () => {
      const answer = await postAnonymously("auth/email-codes", {
        email: email.value.trim(),
        purpose: this.purpose,
      }).catch((error) => this.#refused(error));
      this.#sent(answer);
    });
    if (!this.#isCounting()) this.#button.disabled = false;
  }

  #sent({ detail, hint }) {
    this.#hint.textContent = hint ? `${detail}${hint}` : detail;
    announce(this.#hint.textContent);
    this.#countDown(WAIT_SECONDS);
    byId("code").focus();
  }

  #refused(error) {
    if (error.retryAfterSeconds) this.#countDown(Math.min(error.retryAfterSeconds, WAIT_SECONDS));
    throw error;
  }

  #isCounting() {
    return this.#button.dataset.counting === "true";
  }

  #countDown(seconds) {
    this.#button.dataset.counting = String(seconds > 0);
    this.#button.disabled = seconds > 0;
    this.#button.textContent = seconds > 0 ? `${seconds} 秒后重发` : LABEL;
    if (seconds > 0) setTimeout(() => this.#countDown(seconds - 1), 1000);
  }
}

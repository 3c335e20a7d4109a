// Decides what stands around the conversation: who reads, what is left in the wallet, what is open.

import { get } from "./api.js";
import { byId } from "./dom.js";
import { formatYuan } from "./money.js";

const SITE = "国学大师";

export class PageHead {
  async load() {
    const [reader, wallet] = await Promise.all([get("me"), get("wallet")]);
    byId("reader-name").textContent = reader.nickname;
    byId("admin-link").hidden = !reader.is_staff;
    this.showBalance(wallet.balance_micros);
  }

  showBalance(micros) {
    byId("balance").textContent = formatYuan(micros);
  }

  showTitle(role, title) {
    byId("role-name").textContent = role?.name ?? SITE;
    byId("session-heading").textContent = title;
    document.title = title ? `${title} · ${SITE}` : SITE;
  }
}

// Decides how one export looks: what is in it, how far it has come, and what can be done with it.

import { element } from "./dom.js";

const FORMATS = { markdown: "Markdown", json: "JSON", pdf: "PDF" };
const MOMENT = new Intl.DateTimeFormat("zh-CN", { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });

export class ExportRow {
  #name = element("span", { class: "export-name" });
  #status = element("span", { class: "export-status" });
  #bar = element("progress", { class: "export-bar", "aria-label": "导出进度" });
  #exported = null;

  constructor(exported, { onFetch, onDelete }) {
    this.fetch = element("button", { type: "button", class: "button-quiet", on: { click: onFetch } }, "下载");
    this.delete = element("button", { type: "button", class: "button-danger", on: { click: () => this.#sure(onDelete) } });
    this.element = element(
      "li",
      { class: "export" },
      element("p", {}, this.#name, this.#status),
      this.#bar,
      element("div", { class: "export-actions" }, this.fetch, this.delete),
    );
    this.show(exported);
  }

  get id() {
    return this.#exported.id;
  }

  get isUnderway() {
    return ["queued", "running"].includes(this.#exported.status);
  }

  get downloadUrl() {
    return this.#exported.download_url;
  }

  get status() {
    return `${this.#name.textContent}：${this.#status.textContent}`;
  }

  show(exported) {
    this.#exported = exported;
    const { format, total, processed, status } = exported;
    this.#name.textContent = `${FORMATS[format]} · ${total} 个对话`;
    this.#status.textContent = told(exported);
    this.#bar.hidden = !this.isUnderway;
    this.#bar.max = total;
    // Without a value the bar says that it is not known how long it takes.
    if (status === "running") this.#bar.value = processed;
    else this.#bar.removeAttribute("value");
    this.element.dataset.status = status;
    this.fetch.hidden = status !== "done";
    this.fetch.setAttribute("aria-label", `下载：${this.#name.textContent}`);
    this.#askAnew();
  }

  // The first press asks, the second one deletes; whoever goes elsewhere has not meant it.
  #sure(onDelete) {
    if (this.delete.dataset.sure === "true") return onDelete();
    this.delete.dataset.sure = "true";
    this.#nameDelete("确定删除");
    this.delete.addEventListener("blur", () => this.#askAnew(), { once: true });
  }

  #askAnew() {
    this.delete.dataset.sure = "false";
    this.#nameDelete(this.isUnderway ? "停止并删除" : "删除");
  }

  #nameDelete(deed) {
    this.delete.textContent = deed;
    this.delete.setAttribute("aria-label", `${deed}：${this.#name.textContent}`);
  }
}

function told({ status, processed, total, size_bytes: size, error, expires_at: expiresAt, created_at: createdAt }) {
  const asked = MOMENT.format(new Date(createdAt));
  switch (status) {
    case "queued":
      return "等待生成…";
    case "running":
      return processed < total ? `正在生成，${processed} / ${total}` : "正在合成文件…";
    case "done":
      return `${sizeName(size)} · ${asked} 导出，保留到 ${MOMENT.format(new Date(expiresAt))}`;
    case "failed":
      return error?.message ?? "没有成功，请再试一次。";
    default:
      return `${asked} 导出，文件已到期删除`;
  }
}

function sizeName(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

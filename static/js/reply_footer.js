// Decides what stands under a reply that has ended: who wrote it, what it cost, and what can be done with it.

import { element, icon } from "./dom.js";
import { formatYuan } from "./money.js";
import { notify } from "./notices.js";
import { versionPager } from "./version_pager.js";

export function footerParts(message, actions) {
  const { status, label, cost_micros: costMicros, text } = message;
  const facts = [label, costMicros === undefined ? "" : `本次 ${formatYuan(costMicros)}`].filter(Boolean);
  const canRegenerate = status === "completed" || status === "stopped";
  const tools = element(
    "span",
    { class: "reply-actions" },
    text && navigator.clipboard && iconButton("copy", "复制回复", () => copy(message)),
    ...(text ? judgements(message, actions) : []),
    canRegenerate && iconButton("again", "重新生成", () => actions.regenerate(message)),
  );
  return [
    element("span", { class: "reply-facts" }, ...facts.map((fact) => element("span", {}, fact))),
    versionPager(message, actions.chooseVersion),
    tools,
  ].filter(Boolean);
}

function judgements(message, { judge, report }) {
  const value = message.feedback?.value;
  const pressed = (name) => ({ "aria-pressed": String(value === name) });
  return [
    iconButton("helpful", "有帮助", () => judge(message, "up"), pressed("up")),
    iconButton("unhelpful", "没帮助", () => judge(message, "down"), pressed("down")),
    iconButton("report", "举报", () => report(message), { "aria-haspopup": "dialog" }),
  ];
}

function iconButton(name, label, listener, attributes = {}) {
  const all = { type: "button", class: "button-icon", "aria-label": label, title: label, ...attributes };
  return element("button", { ...all, on: { click: listener } }, icon(name));
}

// The label and the number leave the page with the words.
async function copy({ content_id: contentId, id, label, text }) {
  await navigator.clipboard.writeText(`${text}\n\n（${label}；内容编号 ${contentId || id}）`);
  notify("已复制回复，连同 AI 生成标识");
}

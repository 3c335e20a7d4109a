// Decides what is said of a reply that did not end well, or was not begun anew, and which ways lead on from there.

import { element } from "./dom.js";

const STATUS_NOTES = {
  stopped: () => "已停止",
  interrupted: (error) => error?.message ?? "回复中断，可以重新生成。",
  failed: (error) => (error?.code === "reply_retracted" ? error.message : `回复失败：${error?.message ?? "请重新生成。"}`),
};
const NOT_DONE = { regenerate: "没有重新生成", continue: "没有续写" };

export function noteParts(message, actions) {
  return [...refusalParts(message, actions), ...statusParts(message, actions)];
}

function statusParts(message, actions) {
  const { status, error, text } = message;
  const note = STATUS_NOTES[status]?.(error);
  if (!note) return [];
  return [
    element("p", { class: `status status-${status}` }, note),
    text && button("继续写完", () => actions.continue(message)),
    status !== "stopped" && button("重新生成", () => actions.regenerate(message)),
  ].filter(Boolean);
}

// The server would not begin another version: why, and once more the same.
function refusalParts(message, actions) {
  if (!message.refused) return [];
  const { type, error } = message.refused;
  return [
    element("p", { class: "status status-failed", role: "alert" }, `${NOT_DONE[type]}：${error.message}`),
    button("重试", () => actions[type](message)),
  ];
}

function button(label, listener) {
  return element("button", { type: "button", class: "button-quiet", on: { click: listener } }, label);
}

// Decides how the reader pages through the versions of a message: ‹2/3›, with buttons and with the arrow keys.

import { element, icon } from "./dom.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

// onChoose(message, step) leads to the version before (-1) or after (1). Null when there is only one.
export function versionPager(message, onChoose) {
  const { versions = [], version_index: place } = message;
  if (versions.length < 2) return null;
  const choose = (step) => versions[place + step] && onChoose(message, step);
  const keys = ({ key }) => STEPS[key] && choose(STEPS[key]);
  const told = `第 ${place + 1} 版，共 ${versions.length} 版`;
  return element(
    "span",
    { class: "versions", role: "group", "aria-label": told, on: { keydown: keys } },
    stepButton("previous", "上一版", place > 0, () => choose(-1)),
    element("span", { class: "versions-place", "aria-hidden": "true" }, `${place + 1}/${versions.length}`),
    stepButton("next", "下一版", place < versions.length - 1, () => choose(1)),
  );
}

// After a step the focus goes on: to the same button, or to the other one at the end.
export function focusStep(root, step) {
  const [previous, next] = root.querySelectorAll(".versions button");
  const [wanted, other] = step < 0 ? [previous, next] : [next, previous];
  (wanted?.getAttribute("aria-disabled") === "true" ? other : wanted)?.focus({ preventScroll: true });
}

function stepButton(name, label, isPossible, listener) {
  const attributes = { type: "button", class: "button-icon button-step", "aria-label": label, title: label };
  return element("button", { ...attributes, "aria-disabled": String(!isPossible), on: { click: listener } }, icon(name));
}

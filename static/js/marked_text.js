// Decides how what a search matched is shown inside a text.

import { element } from "./dom.js";

// Spans count code points, so the text is cut into those and not into UTF-16 units.
export function marked(text, spans) {
  const characters = [...text];
  const parts = [];
  let from = 0;
  for (const [start, end] of spans) {
    parts.push(characters.slice(from, start).join(""), element("mark", {}, characters.slice(start, end).join("")));
    from = end;
  }
  return [...parts, characters.slice(from).join("")];
}

// Decides how a button copies what stands beside it; without a clipboard there is no button.

import { byId } from "./dom.js";
import { notify } from "./notices.js";

// The button names in `data-copy` the element whose text it copies.
export function makeCopyButton(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(byId(button.dataset.copy).textContent.trim());
    notify("已复制");
  });
}

// Decides what a page with a text can do beyond being read: keep passages, copy citations, remember a choice.

import { BookmarkButton } from "./bookmark_button.js";
import { BookmarkStore } from "./bookmark_store.js";
import { makeCopyButton } from "./copy_button.js";
import { byId } from "./dom.js";
import { ApiError, SignedOut } from "./errors.js";
import { SelectionBar } from "./selection_bar.js";
import { isSignedIn } from "./tokens.js";

const TRANSLATION_KEY = "guoxue.translation";

// The box works before this script does: what the reader has chosen meanwhile counts.
function rememberTranslation(box) {
  const save = () => localStorage.setItem(TRANSLATION_KEY, box.checked ? "shown" : "hidden");
  if (localStorage.getItem(TRANSLATION_KEY) === "hidden") box.checked = false;
  else save();
  box.addEventListener("change", save);
}

// Reading goes on without it: what is not known is shown as not kept.
async function showKept(store, buttons) {
  if (!isSignedIn() || buttons.length === 0) return;
  try {
    await store.load(buttons.map((button) => Number(button.dataset.bookmark)));
  } catch (error) {
    if (!(error instanceof ApiError || error instanceof SignedOut)) throw error;
  }
}

const store = new BookmarkStore();
const buttons = [...document.querySelectorAll("[data-bookmark]")];
for (const button of buttons) new BookmarkButton(button, store);
for (const button of document.querySelectorAll("[data-copy]")) makeCopyButton(button);
if (document.querySelector(".passage")) new SelectionBar(store);
if (byId("show-translation")) rememberTranslation(byId("show-translation"));
await showKept(store, buttons);
document.body.dataset.ready = "true";

// Decides how the line of the day greets on the start page; without one its place stays empty.

import { getOpenly } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";

export async function showDailyLine() {
  const link = byId("daily-line");
  try {
    const { text, citation } = await getOpenly("daily");
    link.append(
      element("span", { class: "daily-words" }, text),
      element("span", { class: "daily-place" }, citation),
    );
    link.hidden = false;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

// Decides what the page of one passage shows: its citation, its context, its edition.

import { getOpenly } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { passageContext, passageEdition, passageHeading } from "./passage_card.js";

const passageId = location.pathname.split("/").pop();

try {
  const passage = await getOpenly(`passages/${passageId}?context=2`);
  document.title = `${passage.citation} · 国学大师`;
  byId("passage-title").textContent = passage.citation;
  byId("passage-body").replaceChildren(passageHeading(passage), passageContext(passage), passageEdition(passage));
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  byId("passage-title").textContent = "没有打开";
  byId("passage-body").replaceChildren(element("p", { class: "form-error", role: "alert" }, error.message));
}

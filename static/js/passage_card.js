// Decides how a passage is shown in its context: where it stands, its neighbours in reading order, itself marked.

import { element, visuallyHidden } from "./dom.js";

export function passageHeading({ work, section }) {
  const facts = [section?.dynasty || work.dynasty, section?.author || work.author, work.category].filter(Boolean);
  return element("p", { class: "passage-facts" }, facts.join(" · "));
}

export function passageEdition({ work: { edition, source, license } }) {
  const facts = Object.entries({ 版本: edition, 来源: source, 授权: license }).filter(([, value]) => value);
  return element("p", { class: "passage-edition" }, facts.map(([name, value]) => `${name}：${value}`).join("　"));
}

// A neighbour from another chapter is preceded by the chapter's name.
export function passageContext({ id, section, context }) {
  let place = section?.path ?? "";
  const items = context.flatMap((passage) => {
    const isElsewhere = passage.section !== place;
    place = passage.section;
    const text = element(
      "p",
      { class: "passage-text", "aria-current": passage.id === id ? "true" : null },
      passage.text,
    );
    const translation = passage.id === id && passage.translation;
    return [
      isElsewhere && element("p", { class: "passage-section" }, place),
      text,
      translation && element("p", { class: "passage-translation" }, visuallyHidden("今译："), translation),
    ].filter(Boolean);
  });
  return element("div", { class: "passage-context" }, ...items);
}

// Decides what a selection in a text means: which passages it touches, and the words of each, without their pinyin.

const MAX_PASSAGES = 5;

// For each passage that the selection touches: its id, its words, its place, and whether it is selected as a whole.
export function selectedExcerpts() {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return [];
  const range = selection.getRangeAt(0);
  const touched = new Set(runs().filter((run) => range.intersectsNode(run)).map(passageOf));
  if (touched.size > MAX_PASSAGES) return [];
  return [...touched].map((passage) => excerptOf(passage, range)).filter(({ text }) => text !== "");
}

// A passage of several lines stands in several elements, its runs.
const runs = () => [...document.querySelectorAll(".passage")];
const passageOf = (run) => run.dataset.passage;

function excerptOf(passage, range) {
  const own = runs().filter((run) => passageOf(run) === passage);
  const whole = own.map((run) => wordsOf(run)).join("\n");
  const text = own
    .filter((run) => range.intersectsNode(run))
    .map((run) => wordsOf(run, range))
    .join("\n")
    .trim();
  return { passageId: Number(passage), citation: own[0].dataset.citation, text, isWhole: text === whole.trim() };
}

// The words of a run or, with a range, those of them that the range holds.
function wordsOf(run, range) {
  const parts = textsOf(run).map((words) => {
    if (!range) return words.data;
    if (!range.intersectsNode(words)) return "";
    const from = words === range.startContainer ? range.startOffset : 0;
    const to = words === range.endContainer ? range.endOffset : words.data.length;
    return words.data.slice(from, to);
  });
  return parts.join("");
}

function textsOf(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT, (words) =>
    words.parentElement.closest("rt, rp") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  return texts;
}

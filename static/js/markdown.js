// Decides how the Markdown of an unfinished reply is cut into blocks and inline pieces.

const FENCE = /^ {0,3}```/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^ {0,3}([-*+]|\d{1,3}[.)])\s+/;
const ROW = /^ {0,3}\|.*\|\s*$/;
const TABLE_RULE = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const INLINE = /(\*\*(?=\S)[^]+?\*\*|\*(?=[^\s*])[^*\n]+?\*|`[^`\n]+`)/;

// Blocks are {type, raw, ...}: "paragraph" and "code" have text, "heading" level and text, "quote" blocks,
// "list" ordered and items, "table" head and rows of cells, "rule" nothing.
export function parseBlocks(text) {
  const lines = text.split("\n");
  const blocks = [];
  for (let start = 0; start < lines.length;) {
    if (lines[start].trim() === "") {
      start += 1;
      continue;
    }
    const end = endOfBlock(lines, start);
    blocks.push(blockOf(lines.slice(start, end)));
    start = end;
  }
  return blocks;
}

// Pieces are {type: "text" | "strong" | "emphasis" | "code", text}.
export function parseInline(text) {
  return text.split(INLINE).filter(Boolean).map(pieceOf);
}

function endOfBlock(lines, start) {
  const first = lines[start];
  if (FENCE.test(first)) {
    const close = lines.findIndex((line, index) => index > start && FENCE.test(line));
    return close === -1 ? lines.length : close + 1;
  }
  if (HEADING.test(first) || RULE.test(first)) return start + 1;
  if (isTable(lines, start)) {
    const end = lines.findIndex((line, index) => index > start && !ROW.test(line) && !TABLE_RULE.test(line));
    return end === -1 ? lines.length : end;
  }
  const kind = kindOf(first);
  let end = start + 1;
  while (end < lines.length && continues(lines[end], kind)) end += 1;
  return end;
}

const isTable = (lines, start) => ROW.test(lines[start]) && TABLE_RULE.test(lines[start + 1] ?? "");

function continues(line, kind) {
  if (line.trim() === "" || FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return false;
  if (kind === "paragraph") return !QUOTE.test(line) && !ITEM.test(line);
  return kind === "list" ? !QUOTE.test(line) : QUOTE.test(line);
}

function kindOf(line) {
  if (QUOTE.test(line)) return "quote";
  return ITEM.test(line) ? "list" : "paragraph";
}

function blockOf(lines) {
  const raw = lines.join("\n");
  const [first] = lines;
  if (FENCE.test(first))
    return {
      type: "code",
      raw,
      text: lines
        .slice(1)
        .filter((line) => !FENCE.test(line))
        .join("\n"),
    };
  if (isTable(lines, 0)) {
    const [head, , ...rows] = lines.map(cellsOf);
    return { type: "table", raw, head, rows };
  }
  const heading = HEADING.exec(first);
  if (heading) return { type: "heading", raw, level: heading[1].length, text: heading[2] };
  if (RULE.test(first)) return { type: "rule", raw };
  if (QUOTE.test(first)) {
    return { type: "quote", raw, blocks: parseBlocks(lines.map((line) => line.replace(QUOTE, "")).join("\n")) };
  }
  if (ITEM.test(first)) return { type: "list", raw, ordered: /^ *\d/.test(first), items: itemsOf(lines) };
  return { type: "paragraph", raw, text: raw };
}

const cellsOf = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

function itemsOf(lines) {
  const items = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
    else items[items.length - 1] += `\n${line.trim()}`;
  }
  return items;
}

function pieceOf(raw) {
  if (raw.length > 4 && raw.startsWith("**") && raw.endsWith("**"))
    return { type: "strong", text: raw.slice(2, -2) };
  if (raw.length > 2 && raw.startsWith("`") && raw.endsWith("`")) return { type: "code", text: raw.slice(1, -1) };
  if (raw.length > 2 && raw.startsWith("*") && raw.endsWith("*") && !raw.startsWith("**")) {
    return { type: "emphasis", text: raw.slice(1, -1) };
  }
  return { type: "text", text: raw };
}

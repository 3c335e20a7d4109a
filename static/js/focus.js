// Decides where the focus is after something was drawn anew: where it was, or on what has taken that place.

// Remember `node` by what it is inside `root`; the answer finds it, or its equivalent, after `root` was drawn anew.
export function remember(node, root) {
  const rank = alike(node, root).indexOf(node);
  return () => {
    if (node.isConnected) return node;
    const candidates = alike(node, root);
    return candidates[rank] ?? candidates.at(-1) ?? linkedAlike(node, root);
  };
}

export function keepFocus(root, draw) {
  const held = document.activeElement;
  const find = root.contains(held) ? remember(held, root) : null;
  draw();
  const found = find?.();
  if (found && found !== document.activeElement) found.focus({ preventScroll: true });
}

const alike = (node, root) =>
  [...root.querySelectorAll(node.localName)].filter((candidate) => kindOf(candidate) === kindOf(node));

function kindOf(node) {
  const name = node.getAttribute("aria-label") ?? node.textContent;
  return JSON.stringify([node.className, node.getAttribute("href"), name]);
}

// When the reply no longer marks the same place, another link to the same passage will do.
function linkedAlike(node, root) {
  const href = node.getAttribute("href");
  return href && [...root.querySelectorAll("a")].find((link) => link.getAttribute("href") === href);
}

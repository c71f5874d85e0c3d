// Every path from a card to the loss: which cards and wires lie on one, and their products.

/** Cards and wires on some path from `card` to the loss, and the number of paths. */
function pathsOf(card) {
  const level = card.level;
  const counts = new Map([[level.cards[level.root], 1]]);
  const upward = reachable(card);
  for (const other of [...upward].sort((a, b) => b.order - a.order)) {
    if (counts.has(other)) continue;
    const count = other.uses.reduce((total, wire) => total + (counts.get(wire.target) ?? 0), 0);
    if (count) counts.set(other, count);
  }
  const cards = new Set([...upward].filter((other) => counts.has(other)));
  const wires = new Set(
    [...cards].flatMap((other) => other.uses.filter((wire) => cards.has(wire.target))),
  );
  return { cards, wires, count: counts.get(card) ?? 0 };
}

/** The card and everything computed from it. */
function reachable(card) {
  const found = new Set([card]);
  for (const other of found) for (const wire of other.uses) found.add(wire.target);
  return found;
}

/** The first few paths, each a list of wires. */
function listPaths(card, limit) {
  const root = card.level.cards[card.level.root];
  const { cards } = pathsOf(card);
  const found = [];
  const open = [[card, []]];
  while (open.length && found.length < limit) {
    const [at, wires] = open.pop();
    if (at === root) found.push(wires);
    else for (const wire of at.uses) if (cards.has(wire.target)) open.push([wire.target, [...wires, wire]]);
  }
  return found;
}

/** What the side panel says about the paths of the selected card. */
function pathWords(card) {
  if (card !== state.selected || state.asked) return [];
  if (card.level.root === null) return [];
  const { count } = pathsOf(card);
  if (!count) return [element("p", {}, "No path leads from here to the loss.")];
  const many = count === 1 ? "1 path" : `${count > 1e6 ? count.toExponential(1) : count} paths`;
  const lines = listPaths(card, 6).map(pathLine);
  if (count > lines.length) lines.push(element("li", {}, "…"));
  return [element("p", {}, `${many} to the loss:`), element("ul", {}, ...lines)];
}

function pathLine(wires) {
  const names = wires.map((wire) => called(wire.target));
  const scalar = wires.every((wire) => wire.upstream && !wire.gain);
  const words = [`→ ${names.join(" → ")}`];
  if (scalar && wires.length) {
    const value = wires.reduce((total, wire) => total * exact(wire.local), toNumber(DATA.graph.seed));
    const factors = wires.map((wire) => shown(wire.local)).reverse().join(" × ");
    words.push(": ", tinted("local", factors), " = ", tinted("gradient", format(value)));
  }
  return element("li", {}, ...words);
}

// What the page knows: the block of JSON that Python wrote, and how its parts hang together.

const DATA = JSON.parse(document.getElementById("data").textContent);
const LAST = DATA.last;

const SPECIAL = { inf: Infinity, "-inf": -Infinity, nan: NaN };

/** A number comes as [Python's repr, as it is shown]. */
const exact = ([repr]) => SPECIAL[repr] ?? Number(repr);
const shown = (number) => (number ? number[1] : "");

/** Cards know their wires: `operands` lead to a card, `uses` leave it. Messages run against them. */
for (const level of DATA.levels) {
  for (const card of level.cards) Object.assign(card, { level, operands: [], uses: [] });
  for (const wire of level.wires) {
    wire.source = level.cards[wire.source];
    wire.target = level.cards[wire.target];
    wire.source.uses.push(wire);
    wire.target.operands.push(wire);
  }
  for (const card of level.cards) card.uses.sort((a, b) => a.step - b.step);
}

/** What is being looked at. Change it with `show`, which repaints. */
const state = {
  level: DATA.levels[0],
  step: 0,
  selected: null, // the card whose paths are lit
  pointed: null, // the card under the mouse or the focus
  asked: null, // the card whose gradient the quiz hides
};

const painters = [];

function show(change) {
  const before = { ...state };
  Object.assign(state, change);
  for (const paint of painters) paint(before);
}

const byId = (id) => document.getElementById(id);

/** An HTML element. Children are elements or text; text stays text. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** An SVG element inside `parent`. */
function drawn(parent, tag, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}

// What the page knows: the block of JSON that Python wrote, how its parts hang together, and the
// numbers of its pictures, which `refresh` computes from their sources.

const DATA = JSON.parse(document.getElementById("data").textContent);
const engine = makeEngine(DATA.graph);
const LAST = engine.last; // step k is the state after k messages
const FIRST = -engine.operations.length; // negative steps are the forward pass
const HEATS = 5;

/** What a source gives at a step, at the end of the sweep unless given; null where it has none. */
const numberOf = (source, step = LAST) => (source === null ? null : evaluate(engine, source, step));

/** A number in three forms: as Python's repr has it, as it is shown, as it is. */
const pair = (x) => (x === null ? null : [repr(x), format(x), x]);
const exact = (pair) => pair[2];
const shown = (pair) => (pair ? pair[1] : "");
function repr(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  return Number.isInteger(x) && Math.abs(x) < 1e16 ? `${Object.is(x, -0) ? "-0" : x}.0` : String(x);
}

/** Cards know their wires: `operands` lead to a card, `uses` leave it. Messages run against them. */
for (const level of DATA.levels) {
  for (const card of level.cards) Object.assign(card, { level, operands: [], uses: [] });
  for (const wire of level.wires) {
    wire.source = level.cards[wire.source];
    wire.target = level.cards[wire.target];
    wire.source.uses.push(wire);
    wire.target.operands.push(wire);
    wire.step = Math.max(0, ...wire.edges.map((e) => engine.sentAt[e])) || null;
    Object.assign(wire, { from: { local: wire.local, upstream: wire.upstream, message: wire.message } });
  }
  for (const card of level.cards) card.uses.sort((a, b) => a.step - b.step);
}

/** The numbers on a level's wires, as they are at the end of the sweep. */
function refresh(level) {
  let strongest = 0;
  for (const wire of level.wires) {
    wire.local = pair(numberOf(wire.from.local));
    wire.message = wire.step === null ? null : pair(numberOf(wire.from.message));
    const upstream = numberOf(wire.from.upstream);
    const same = wire.local && wire.message && upstream !== null
      && isClose(upstream * exact(wire.local), exact(wire.message));
    wire.upstream = same ? pair(upstream) : null;
    wire.figures = wire.said.map((source) => pair(numberOf(source)));
    if (wire.gain && wire.local && Number.isNaN(exact(wire.local))) wire.local = wire.figures[0] = null;
    const size = wire.message ? Math.abs(exact(wire.message)) : 0;
    if (size > strongest && size !== Infinity) strongest = size;
  }
  for (const wire of level.wires) wire.ribbonWidth = ribbonWidth(wire, strongest);
}

const isClose = (a, b) => Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));

/** How wide the ribbon of a message is; 0 for none. */
function ribbonWidth(wire, strongest) {
  const message = wire.message ? exact(wire.message) : 0;
  if (message === 0) return 0;
  const share = strongest ? Math.min(1, Math.abs(message) / strongest) : 1;
  return 2.4 + 10 * (Number.isNaN(share) ? 1 : share);
}

/** The name of the colours a gradient is shown in; "" for none. A shade per half decade. */
function heatOf(x) {
  if (x === 0 || x === null) return "";
  if (!Number.isFinite(x)) return "bad";
  const halves = Math.trunc(2 * Math.log10(Math.max(1, engine.strongest / Math.abs(x))));
  return `heat-${Math.max(0, HEATS - 1 - halves)}`;
}

/** A sentence of Python's: the words of the first case that holds. */
function sentenceOf({ about, cases }) {
  const x = about === null ? null : numberOf(about);
  const holds = cases.find(([low, high]) =>
    about === null || (x !== null && toNumber(low) <= x && x < toNumber(high)));
  const words = holds ? holds[2] : [];
  return words.map((w) => (typeof w === "string" ? w : written(numberOf(w[0]), w[1]))).join("");
}

/** The level that Python's detail="auto" takes. */
const OPENING = DATA.levels.find(({ name }) => name === DATA.opening);

/** What is being looked at. Change it with `show`, which repaints. */
const state = {
  level: OPENING,
  step: 0,
  selected: null, // the card whose paths are lit
  pointed: null, // the card under the mouse or the focus
  asked: null, // what the exercise hides: { card, wire, what: "value" | "local" | "gradient" }
  version: 0, // counts the moves of numbers
};

const painters = [];

function show(change) {
  const before = { ...state };
  Object.assign(state, change);
  for (const paint of painters) paint(before);
}

/** Whether one of these parts of the state is another than before. */
const differs = (before, ...keys) => keys.some((key) => before[key] !== state[key]);

const byId = (id) => document.getElementById(id);

/** An HTML element. Children are elements or text; text stays text. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

function button(text, action, attributes = {}) {
  const node = element("button", { type: "button", ...attributes }, text);
  node.addEventListener("click", action);
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

// The sweep and the forward pass: what is known after so many steps.

/** The gradient of a card's row as far as the sweep has come: {text, heat, number} or null. */
function gradient(card, row = card.rows[0], step = state.step) {
  if (hides(card, "gradient")) return { text: "?", heat: "asked", number: null };
  const x = numberOf(row.grad, step);
  return x === null ? null : { text: fitted(x, row.room[1], row.size), heat: heatOf(x), number: x };
}

/** The value of a card's row as far as the forward pass has come: {text, number} or null. */
function value(card, row = card.rows[0], step = state.step) {
  if (hides(card, "value")) return { text: "?", number: null };
  const x = numberOf(row.value, step);
  return x === null ? null : { text: `${row.bars}${fitted(x, row.room[0], row.size)}${row.bars}`, number: x };
}

/** Whether the exercise hides this of a card, or of one of its wires. */
const hides = (thing, what) =>
  state.asked !== null && state.asked.what === what && (state.asked.card === thing || state.asked.wire === thing);

/** Before the forward pass has been here there is no value, and no local derivative either. */
const isUncomputed = (card) => card.rows.every((row) => !value(card, row));

/** Whether the local derivative of a wire may be read: it is computed, and no exercise asks for it. */
const isOpen = (wire) => !hides(wire, "local") && !(state.step < 0 && isUncomputed(wire.target));

const reached = (card) => card.rows.some((row) => gradient(card, row));

/** Whether a wire's message has been sent, and may be read. */
const passed = (wire) =>
  wire.step !== null && wire.step <= state.step
  && !(state.asked?.what === "gradient" && (state.asked.card === wire.source || state.asked.wire === wire));

/** The wire of this level whose message came last, if it came at this very step. */
const activeWire = () => state.level.wireAt.get(state.step) ?? null;

/** The card of this level whose value was computed at this very step of the forward pass. */
const activeCard = () => (state.step > 0 ? null : state.level.cardAt.get(state.step) ?? null);

// Where the units of a walk end: every message, every card, every step of time.

const UNITS = { message: "stops", card: "cardStops", time: "timeStops" };

for (const level of DATA.levels) {
  const sent = level.wires.filter((wire) => wire.step !== null);
  level.wireAt = new Map(sent.map((wire) => [wire.step, wire]));
  level.cardAt = new Map();
  for (const card of level.cards) {
    card.computed = card.alias ? FIRST : Math.max(...card.rows.map((row) => computedAt(row.value)));
    if (card.computed > FIRST) level.cardAt.set(card.computed, card);
  }
  const forward = [FIRST, ...level.cardAt.keys()];
  const complete = new Map(); // the last message to each card
  for (const wire of sent) complete.set(wire.source, Math.max(complete.get(wire.source) ?? 0, wire.step));
  const columns = new Map();
  for (const [card, step] of complete) columns.set(card.column, Math.max(columns.get(card.column) ?? 0, step));
  const computed = new Map();
  for (const card of level.cardAt.values()) {
    computed.set(card.column, Math.max(computed.get(card.column) ?? FIRST, card.computed));
  }
  const ordered = (steps) => [...new Set(steps)].sort((a, b) => a - b);
  level.stops = ordered([...forward, 0, ...sent.map((wire) => wire.step)]);
  level.cardStops = ordered([...forward, 0, ...complete.values()]);
  level.timeStops = ordered([FIRST, ...computed.values(), 0, ...columns.values(), LAST]);
}

/** The first step at which a value is there: its operation's turn in the forward pass. */
function computedAt(source) {
  if (!Array.isArray(source)) return FIRST;
  const [kind, ...parts] = source;
  if (kind === "v") return engine.code[parts[0]] ? FIRST + engine.place[parts[0]] + 1 : FIRST;
  if (kind === "g" || kind === "p" || kind === "m") return FIRST;
  return Math.max(FIRST, ...parts.map(computedAt));
}

const stops = () => state.level[UNITS[byId("unit").value]];
const stopAfter = (step) => stops().find((stop) => stop > step) ?? stops().at(-1);
const stopBefore = (step) => stops().findLast((stop) => stop < step) ?? FIRST;

/** After how many messages a card's gradient is complete. */
const completed = (card) => Math.max(0, ...card.uses.map((wire) => wire.step ?? 0));

/** The wires whose messages a card has received by some step, in the order of the sweep. */
const arrived = (card, step = state.step) =>
  card.uses.filter((wire) => wire.step !== null && wire.step <= step);

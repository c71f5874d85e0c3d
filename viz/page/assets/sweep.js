// The sweep: what is known after so many messages.

/** The entry of a number's history [step, repr, shown, heat] that holds now, or undefined. */
function latest(history, step = state.step) {
  return history.findLast((entry) => entry[0] <= step);
}

/** The gradient of a card's row as far as the sweep has come: {text, heat} or null. */
function gradient(card, row = card.rows[0]) {
  if (state.asked === card) return { text: "?", heat: "asked" };
  const entry = latest(row.history);
  return entry ? { text: entry[2], heat: entry[3], number: exact([entry[1]]) } : null;
}

const reached = (card) => card.rows.some((row) => gradient(card, row));

/** Whether a wire's message has been sent, and may be read. */
const passed = (wire) =>
  wire.step !== null && wire.step <= state.step && wire.source !== state.asked;

/** The wire of this level whose message came last, if it came at this very step. */
const activeWire = () => state.level.wireAt.get(state.step) ?? null;

/** Steps at which this level shows something new. */
function stopAfter(step) {
  return state.level.stops.find((stop) => stop > step) ?? state.level.stops.at(-1);
}
function stopBefore(step) {
  return state.level.stops.findLast((stop) => stop < step) ?? 0;
}

for (const level of DATA.levels) {
  const sent = level.wires.filter((wire) => wire.step !== null);
  level.wireAt = new Map(sent.map((wire) => [wire.step, wire]));
  level.stops = [0, ...new Set(sent.map((wire) => wire.step))].sort((a, b) => a - b);
}

/** How the messages that have reached a card add up: ["0.541", "1.103"], or one, or none. */
function addends(card, step = state.step) {
  return card.uses.filter((wire) => wire.step !== null && wire.step <= step);
}

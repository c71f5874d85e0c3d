// Sentences: the step of the sweep, a card, and how messages add up.

/** A card's name in a sentence; one that is called after its operation, "+", stands in brackets. */
const called = (card) => (card.named ? card.short : `(${card.short})`);

const partial = (result, operand) => `∂${called(result)}/∂${called(operand)}`;
/** What the sum of a card's messages is: its gradient, or what one use adds to it. */
const totalOf = (card) => (card.alias ? "this use adds" : `dL/d${called(card)} =`);

/** A number in the colour of its kind. */
const tinted = (kind, text) => element("span", { class: kind }, text);

/** "0.541 + 1.103 = 1.643" where a message meets others, or the share of earlier sweeps; else "". */
function sum(wire) {
  const { rows } = wire.source;
  const after = rows.length > 1 ? null : numberOf(rows[0].grad, wire.step);
  if (after === null) return "";
  const start = wire.source.alias ? null : numberOf(rows[0].grad, 0);
  const earlier = start === null || wire.source === rootCard() ? [] : [format(start)];
  const terms = [...earlier, ...arrived(wire.source, wire.step).map((use) => shown(use.message))];
  if (terms.length < 2) return "";
  if (terms.length <= 4) return `${plus(terms)} = ${format(after)}`;
  const before = numberOf(rows[0].grad, wire.step - 1);
  return `${plus([format(before ?? 0), shown(wire.message)])} = ${format(after)}`;
}

const rootCard = (level = state.level) => (level.root === null ? null : level.cards[level.root]);

/** Terms joined with + or, before a negative one, −. */
function plus(terms) {
  return terms.reduce((text, term) =>
    term.startsWith("−") ? `${text} − ${term.slice(1)}` : `${text} + ${term}`);
}

/** What a screen reader says of a card. */
function label(card) {
  const rows = card.rows.map((row) => {
    const known = gradient(card, row);
    const computed = value(card, row);
    const number = `${row.name} ${computed ? `value ${computed.text.replace("?", "asked for")}` : "not computed yet"}`.trim();
    return `${number}, gradient ${known ? known.text.replace("?", "asked for") : "not reached yet"}`;
  });
  const operation = card.op ? ` (${card.op})` : "";
  const use = card.alias ? ", one use of a shared weight" : "";
  return `${card.name.slice(0, 200)}${operation}${use}: ${rows.join("; ")}`;
}

/** The full sentence of a card, as elements. */
function describe(card) {
  const parts = [element("p", { class: "name" }, card.name)];
  if (card.formula) parts.push(element("p", {}, `= ${card.formula}`));
  if (card.alias) parts.push(element("p", { class: "muted" }, "one use of a shared weight"));
  for (const row of card.rows) {
    const known = gradient(card, row);
    const name = row.name ? `${row.name}: ` : "";
    const computed = value(card, row);
    const exactly = computed && (computed.number === null ? "?" : repr(computed.number));
    const number = tinted("value", computed ? `value ${exactly}, ` : "not computed yet, ");
    const rest = known
      ? tinted("gradient", `gradient ${known.text}`)
      : tinted("muted", LAST ? "gradient not reached yet" : "backward not run");
    parts.push(element("p", {}, name, number, rest));
  }
  parts.push(...received(card), ...locals(card));
  if (card.note) parts.push(element("p", { class: "muted" }, card.note));
  if (card.scope) parts.push(element("p", { class: "muted" }, `made in ${card.scope}`));
  return parts;
}

function received(card) {
  const wires = arrived(card).filter(passed);
  if (!wires.length) return [];
  const lines = wires.slice(0, 8).map((wire) =>
    element("li", {}, `from ${called(wire.target)}: `, ...product(wire)));
  const total = gradient(card);
  const head = wires.length > 1 && card.rows.length === 1
    ? `${wires.length} messages add up to ${total.text}` : "received";
  return [element("p", {}, `${head}:`), element("ul", {}, ...lines)];
}

function locals(card) {
  const wires = card.operands.filter((wire) => wire.local && !wire.gain);
  if (!wires.length) return [];
  const lines = wires.slice(0, 8).map((wire) =>
    element("li", {}, `${partial(card, wire.source)} = `, tinted("local", isOpen(wire) ? shown(wire.local) : "?")));
  if (wires.length > 8) lines.push(element("li", {}, `and ${wires.length - 8} more`));
  return [element("p", {}, "local derivatives:"), element("ul", {}, ...lines)];
}

/** upstream × local derivative = message, as elements; between vectors norms and the gain. */
function product(wire) {
  const norm = (text) => (wire.gain ? `‖${text}‖` : text);
  const message = tinted("gradient", norm(shown(wire.message)));
  if (!wire.upstream) return [message];
  return [
    tinted("gradient", norm(shown(wire.upstream))), " × ", tinted("local", shown(wire.local)),
    " = ", message,
  ];
}

// The narration beside the picture

painters.push((before) => {
  if (!differs(before, "level", "step", "asked", "version")) return;
  byId("narration").hidden = state.asked !== null;
  byId("equation").replaceChildren(...equation());
  byId("sentence").textContent = sentence();
  byId("position").textContent = position();
});

/** "3 of 14", or in the forward pass "value 2 of 5". */
function position() {
  if (state.step < 0) return `value ${state.step - FIRST} of ${-FIRST}`;
  return LAST ? `${state.step} of ${LAST}` : "";
}

const line = (name, ...parts) => element("p", { class: name }, ...parts);

function equation() {
  const wire = activeWire();
  if (state.step < 0) return computation(activeCard());
  if (!wire && state.step === 0 && LAST) {
    return [line("", "dL/dL = ", tinted("gradient", format(toNumber(DATA.graph.seed))))];
  }
  if (!wire) return [];
  const lines = [
    line("route", `${called(wire.target)} → ${called(wire.source)}`),
    line("", ...product(wire)),
  ];
  const total = sum(wire);
  if (total) lines.push(line("gradient", total));
  return lines;
}

/** How the value that was just computed came about. */
function computation(card) {
  if (!card) return [];
  const known = value(card);
  return [
    line("route", called(card)),
    line("", card.formula ? `${card.formula} = ` : "", tinted("value", known ? known.text : "")),
  ];
}

function sentence() {
  const wire = activeWire();
  if (state.step < 0) {
    const card = activeCard();
    return card
      ? `The forward pass computes ${called(card)} from what stands before it.`
      : "The forward pass has not begun: only inputs and parameters have a value.";
  }
  if (!LAST) return "There is no loss to sweep back from.";
  if (!wire) {
    return state.step === 0
      ? "The forward pass is done: every card has its value. The sweep starts at the loss."
      : `After ${state.step} messages.`;
  }
  const [from, to] = [called(wire.target), called(wire.source)];
  const text = wire.gain
    ? `${from} sends its gradient to ${to}; on the way its norm is multiplied by the gain.`
    : `${from} sends its gradient times the local derivative ${partial(wire.target, wire.source)} to ${to}.`;
  const shared = wire.source.shared;
  const more = sum(wire) ? ` ${to} is used more than once, and messages add.` : "";
  const weight = shared !== null && shared !== undefined ? ` ${sharedSoFar(shared)}` : "";
  const end = state.step === LAST ? ` That was the last message. ${findings()}` : "";
  return text + more + weight + end;
}

/** What the sweep has found out, once it is over. */
function findings() {
  const finding = sentenceOf(DATA.finding);
  return [finding && `${finding}.`, sentenceOf(DATA.subtitle)].filter(Boolean).join(" ");
}

/** "W_h over time so far: 0.740 + 0.851 = 1.591." */
function sharedSoFar(index) {
  const weight = DATA.shared[index];
  const parts = weight.parts.map((part) => numberOf(part, state.step)).filter((x) => x !== null);
  if (parts.length < 2) return "";
  const terms = parts.length <= 4 ? plus(parts.map((x) => format(x))) : "Σ";
  return `${weight.name}, summed over its uses so far: ${terms} = ${format(numberOf(weight.sum, state.step))}.`;
}

// The card under the mouse, the focus, or else the selected one

painters.push((before) => {
  if (!differs(before, "level", "step", "asked", "pointed", "selected", "version")) return;
  const card = state.pointed ?? state.selected;
  byId("card-text").replaceChildren(...(card
    ? [...describe(card), ...knobOf(card), ...pathWords(card)]
    : [element("p", { class: "muted" }, "Point at a card for all there is to say of it.")]));
});

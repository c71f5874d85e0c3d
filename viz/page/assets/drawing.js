// The picture as SVG: made once per level; after that only what a step changes is touched.

const canvas = byId("canvas");
const world = drawn(canvas, "g", { id: "world" });

function drawLevel(level) {
  world.replaceChildren();
  const [frames, wires, cards, notes] = [1, 2, 3, 4].map(() => drawn(world, "g"));
  for (const shapes of level.frames) drawShapes(drawn(frames, "g", { class: "frame" }), shapes);
  for (const wire of level.wires) drawWire(wires, wire);
  for (const card of level.cards) drawCard(cards, card);
  level.fork = drawn(notes, "g", { class: "fork", "aria-hidden": "true" });
}

function write(parent, name, x, y, size, anchor, text) {
  const attributes = { class: name, x, y, "font-size": size, "text-anchor": anchor };
  return drawn(parent, "text", attributes, text);
}

// Shapes come painted from Python: ["r", ...] a rectangle, ["t", ...] a line of text, ["c", ...]
// a curve with its arrow head. Their kind is their class, colours are names of variables.

const drawShapes = (parent, shapes) => shapes.map((shape) => drawShape(parent, shape));

function drawShape(parent, [sort, kind, ...rest]) {
  if (sort === "r") return drawRect(parent, kind, ...rest);
  return sort === "t" ? drawText(parent, kind, ...rest) : drawCurve(parent, kind, ...rest);
}

function drawRect(parent, kind, x, y, width, height, rx, fill) {
  const box = drawn(parent, "rect", { class: kind, x, y, width, height, rx });
  box.style.fill = fill ? `var(--${fill})` : "none";
  return box;
}

function drawText(parent, kind, x, y, size, anchor, words) {
  const line = write(parent, kind, x, y, size, anchor, "");
  for (const [text, colour, bold] of words) {
    const span = words.length > 1 ? drawn(line, "tspan", {}, text) : line;
    if (span === line) line.textContent = text;
    span.style.fill = `var(--${colour})`;
    if (bold) span.style.fontWeight = "bold";
  }
  return line;
}

function drawCurve(parent, kind, width, dashes, points, head) {
  const path = drawn(parent, "path", { class: kind, d: curve(points), "stroke-width": width });
  if (dashes) path.setAttribute("stroke-dasharray", dashes);
  if (head.length) drawn(parent, "path", { class: "head", d: `M${head.slice(0, 2)}L${head.slice(2)}z` });
  return path;
}

/** Control points x, y, x, y, ... of a Bezier curve as the text of a path. */
function curve(points) {
  return `M${points.slice(0, 2)}C${points.slice(2)}`;
}

const ofKind = (shapes, ...kinds) => shapes.filter(([, kind]) => kinds.includes(kind));

/** What a card or a wire remembers of how it was painted. */
const NEW = { painted: "", sight: null, away: false, wide: null, sign: "" };

function drawWire(parent, wire) {
  const kind = `wire${wire.recurrent ? " recurrent" : ""}${wire.cut ? " cut" : ""}`;
  const group = drawn(parent, "g", { class: kind, "aria-hidden": "true" });
  const [[, , , , points, head]] = ofKind(wire.shapes, "line");
  const path = curve(points);
  Object.assign(wire, { element: group, kind, path, ...NEW, painted: kind, sent: null, text: null, ...spanOf(points) });
  wire.ribbon = drawn(group, "path", { class: "ribbon", d: `${path}L${head.slice(0, 2)}` });
  for (const shape of wire.shapes) {
    if (shape[1] === "local") wire.text = drawShape(group, shape);
    else if (shape[1] !== "message") drawShape(group, shape);
  }
}

/** The box around the points of a curve. */
function spanOf(points) {
  const [xs, ys] = [0, 1].map((odd) => points.filter((_, i) => i % 2 === odd));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** The numbers of a wire: its local derivative, the width of its ribbon, its message if sent. */
function writeWire(wire) {
  const message = wire.message ? exact(wire.message) : 0;
  const sign = !Number.isFinite(message) ? "bad" : message < 0 ? "negative" : "";
  const width = wire.ribbonWidth.toFixed(1);
  if (wire.wide !== width) wire.ribbon.setAttribute("stroke-width", (wire.wide = width));
  if (wire.sign !== sign) {
    wire.sign = sign;
    wire.ribbon.setAttribute("stroke-dasharray", sign === "negative" ? "7 3.5" : "");
    wire.ribbon.style.stroke = sign === "bad" ? "var(--bad-fill)" : "";
  }
  if (wire.text) label_(wire.text, wire.before[0], wire.figures[0], "local");
  if (wire.sent) label_(wire.sent, wire.before[1], wire.figures[1], "gradient");
}

function label_(text, before, number, colour) {
  const words = `${before}${shown(number)}`;
  if (text.words === words) return;
  text.words = text.textContent = words;
  redden(text, text, Boolean(number) && !Number.isFinite(exact(number)), colour);
}

const pen = document.createElement("canvas").getContext("2d"); // measures words without a layout

/** Put nan and inf on red: a box behind the text, which goes when the number is one again. */
function redden(text, number, bad, colour) {
  const fill = `var(--${bad ? "bad-text" : colour})`;
  if (number.style.fill !== fill) number.style.fill = fill;
  text.classList.toggle("bad", bad);
  text.back?.remove();
  text.back = null;
  if (!bad) return;
  const [x, y, size] = ["x", "y", "font-size"].map((name) => Number(text.getAttribute(name)));
  pen.font = `bold ${size}px Arial, "Liberation Sans", Helvetica, sans-serif`;
  const width = pen.measureText(text.textContent).width;
  const left = x - { start: 0, middle: width / 2, end: width }[text.getAttribute("text-anchor")];
  text.back = drawn(text.parentNode, "rect", {
    class: "bad", x: left - 2, y: y - 0.92 * size, width: width + 4, height: 1.15 * size,
  });
  text.back.style.fill = "var(--bad-fill)";
  text.parentNode.insertBefore(text.back, text);
}

/** The message on a wire, written when it is first sent: a page with fewer words loads faster. */
function writeMessage(wire) {
  const [shape] = ofKind(wire.shapes, "message");
  if (!shape) return;
  wire.sent = drawShape(wire.element, shape);
  label_(wire.sent, wire.before[1], wire.figures[1], "gradient");
}

function drawCard(parent, card) {
  const { x, y, width, height } = card;
  const kind = `card ${card.role}${card.alias ? " alias" : ""}`;
  const attributes = {
    class: kind, role: "img", "aria-roledescription": "card", tabindex: "-1", id: `card-${card.id}`,
  };
  const group = drawn(parent, "g", attributes);
  const paint = card.alias ? "alias" : card.role;
  const radius = Math.min(10, height / 2);
  drawn(group, "rect", {
    class: "ring", x: x - 4, y: y - 4, width: width + 8, height: height + 8, rx: radius + 4,
  });
  const box = drawn(group, "rect", { class: "box", x, y, width, height, rx: radius });
  box.style.fill = `var(--${paint}-fill)`;
  box.style.stroke = `var(--${paint}-border)`;
  Object.assign(card, { element: group, kind, ...NEW });
  const known = card.shapes.filter(([, name]) => !["heat", "negative", "grad", "value"].includes(name));
  drawShapes(group, known);
  const [heats, grads, values] = ["heat", "grad", "value"].map((name) => ofKind(card.shapes, name));
  card.cells = card.rows.map((row, i) => drawCell(group, heats[i], grads[i], values[i]));
  group.addEventListener("pointerenter", () => show({ pointed: card }));
  group.addEventListener("pointerleave", () => show({ pointed: null }));
  group.addEventListener("focus", () => show({ pointed: card }));
}

/** The places of a row: its value, and the cell of its gradient with the bar that says negative. */
function drawCell(group, heat, grad, value) {
  const cell = { value: value ? drawShape(group, value) : null, heat: null };
  if (cell.value) cell.number = cell.value.lastElementChild ?? cell.value;
  if (cell.number) cell.number.style.fill = "var(--value)";
  if (!heat) return cell;
  const [, , x, y, , height] = heat;
  cell.heat = drawShape(group, heat);
  cell.bar = drawn(group, "rect", { class: "negative", x, y, width: 2.5, height, fill: "none" });
  const [, , right, baseline, size] = grad ?? [0, 0, x + heat[4] - 3, y + height - 4, 11];
  cell.text = write(group, "grad", right, baseline, size, "end", "");
  return cell;
}

// Repainting: what can be seen is painted at once, the rest of a large picture a little later

const ALL_AT_ONCE = 120; // cards of a picture that is painted whole
const SLICE = 6; // milliseconds of painting at a time, of what cannot be seen
const EDGE = 60; // points that names and rings stand out
let sight = { active: null, lit: null, version: 0 }; // what the picture has to show; a new one per change
let rest = null; // the timer of what is left to paint

painters.push((before) => {
  if (before.level !== state.level) {
    refresh(state.level);
    drawLevel(state.level);
  } else if (before.version !== state.version) refresh(state.level);
  if (!differs(before, "level", "step", "asked", "selected", "version")) return;
  sight = {
    active: activeWire(), lit: state.selected ? pathsOf(state.selected) : null, version: state.version,
  };
  world.classList.toggle("lit", sight.lit !== null);
  world.classList.toggle("sweeping", LAST > 0);
  if (before.level !== state.level) begin();
  else paintSeen();
  paintPulse(sight.active, before);
  paintFork(sight.active);
});

/** Bring what can be seen up to date and leave the rest for later; what is far away is not laid out. */
function paintSeen() {
  const { wires, cards } = state.level;
  const small = cards.length <= ALL_AT_ONCE;
  const [left, top] = [-camera.x / camera.scale - EDGE, -camera.y / camera.scale - EDGE];
  const right = left + room.width / camera.scale + 2 * EDGE;
  const bottom = top + room.height / camera.scale + 2 * EDGE;
  const later = [];
  for (const thing of [...wires, ...cards]) {
    const seen = small || (thing.x < right && thing.x + thing.width > left
      && thing.y < bottom && thing.y + thing.height > top);
    putAway(thing, !seen);
    if (seen) bringUp(thing);
    else if (thing.sight !== sight) later.push(thing);
  }
  clearTimeout(rest);
  if (later.length) rest = setTimeout(paintRest, 30, later);
}

function paintRest(later) {
  const end = performance.now() + SLICE;
  while (later.length && performance.now() < end) bringUp(later.pop());
  if (later.length) rest = setTimeout(paintRest, 10, later);
}

/** The whole picture up to date and laid out, as whoever copies it needs it. */
function paintAll() {
  for (const thing of [...state.level.wires, ...state.level.cards]) {
    putAway(thing, false);
    bringUp(thing);
  }
}

function putAway(thing, away) {
  if (away === thing.away) return;
  thing.away = away;
  if (away) thing.element.setAttribute("display", "none");
  else thing.element.removeAttribute("display");
}

/** Paint a card or a wire, unless it shows that already. */
function bringUp(thing) {
  if (thing.sight === sight) return;
  if (thing.cells) paintCard(thing);
  else {
    if (thing.sight?.version !== sight.version) writeWire(thing);
    paintWire(thing);
  }
  thing.sight = sight;
}

function paintWire(wire) {
  const { active, lit } = sight;
  const classes = [wire.kind];
  if (passed(wire)) {
    classes.push("passed");
    if (!wire.sent) writeMessage(wire);
  }
  else if (wire.step !== null && wire.step <= state.step) classes.push("asking");
  if (!isOpen(wire)) classes.push("hidden-local");
  if (wire === active && passed(wire)) classes.push("active");
  if (lit?.wires.has(wire)) classes.push("on-path");
  setOnce(wire, classes.join(" "));
}

function paintCard(card) {
  const { active, lit } = sight;
  const classes = [card.kind];
  if (!reached(card)) classes.push("unreached");
  if (isUncomputed(card)) classes.push("uncomputed");
  if (card === state.asked?.card) classes.push("asking");
  else if (card === active?.source) classes.push("receives");
  if (card === active?.target && !state.asked) classes.push("sends");
  if (card === activeCard()) classes.push("receives");
  if (lit?.cards.has(card)) classes.push("on-path");
  if (card === state.selected) classes.push("selected");
  if (card.matches) classes.push("match");
  setOnce(card, classes.join(" "));
  const changed = card.rows.map((row, i) => paintCell(card, row, card.cells[i]));
  if (changed.some(Boolean)) card.element.setAttribute("aria-label", label(card));
}

function setOnce(thing, classes) {
  if (thing.painted === classes) return;
  thing.painted = classes;
  thing.element.setAttribute("class", classes);
}

/** Write what is known of a row; whether that is something else than before. */
function paintCell(card, row, cell) {
  const [computed, known] = [value(card, row), gradient(card, row)];
  const text = computed ? computed.text : "";
  const fresh = cell.written !== text;
  if (cell.value && fresh) {
    cell.number.textContent = text;
    const bad = Boolean(computed) && computed.number !== null && !Number.isFinite(computed.number);
    redden(cell.value, cell.number, bad, "value");
  }
  cell.written = text;
  if (!cell.heat) return fresh;
  const [grad, heat] = known ? [known.text, known.heat] : ["", ""];
  const negative = Boolean(known) && known.number < 0 && heat !== "bad";
  if (cell.shown !== grad) cell.text.textContent = grad;
  if (cell.colour !== heat) {
    cell.heat.style.fill = heat === "" ? "none" : `var(--${heat}-fill)`;
    cell.text.style.fill = heat === "" ? "" : `var(--${heat}-text)`;
  }
  if (cell.negative !== negative) cell.bar.style.fill = negative ? "var(--gradient)" : "none";
  const again = fresh || cell.shown !== grad;
  Object.assign(cell, { shown: grad, colour: heat, negative });
  return again;
}

/** A stroke that runs along the wire the way the message goes, from the result to the operand. */
function paintPulse(active, before) {
  world.querySelector(".pulse")?.remove();
  const forward = before.step < state.step;
  if (!active || !forward || !passed(active) || before.level !== state.level) return;
  const pulse = drawn(active.element, "path", { class: "pulse", d: active.path });
  const length = pulse.getTotalLength();
  pulse.setAttribute("stroke-dasharray", `14 ${length + 28}`);
  pulse.style.strokeDashoffset = `${-length}`;
  pulse.style.setProperty("--travel", "14");
}

/** Beside the card that has just received another message: 0.541 + 1.103 = 1.643. */
function paintFork(active) {
  const group = state.level.fork;
  group.replaceChildren();
  const text = active && passed(active) ? sum(active) : "";
  if (!text) return;
  const card = active.source;
  const size = 12;
  const width = text.length * size * 0.56 + 16;
  const room = state.level.width - width - 4; // it stays on the picture
  const x = Math.max(4, Math.min(room, card.x + card.width / 2 - width / 2));
  const y = card.y - 27 < 4 ? card.y + card.height + 7 : card.y - 27;
  drawn(group, "rect", { x, y, width, height: 20, rx: 10 });
  write(group, "", x + width / 2, y + 14, size, "middle", text);
}

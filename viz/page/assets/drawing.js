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

function drawWire(parent, wire) {
  const kind = `wire${wire.recurrent ? " recurrent" : ""}${wire.cut ? " cut" : ""}`;
  const group = drawn(parent, "g", { class: kind, "aria-hidden": "true" });
  const said = wire.shapes.findIndex(([, name]) => name === "message");
  // nan and inf stand on red: the rectangle before the message belongs to it.
  const red = said > 0 && wire.shapes[said - 1][1] === "bad" ? 1 : 0;
  wire.later = said < 0 ? [] : wire.shapes.slice(said - red);
  const [[, , , , points, head]] = ofKind(wire.shapes, "line");
  Object.assign(wire, { element: group, kind, path: curve(points), painted: kind, sent: null });
  if (wire.ribbon) {  // along the line and on to the tip of its arrow
    const [width, dashes] = wire.ribbon;
    const d = `${wire.path}L${head.slice(0, 2)}`;
    const ribbon = drawn(group, "path", { class: "ribbon", d, "stroke-width": width });
    if (dashes) ribbon.setAttribute("stroke-dasharray", dashes);
    if (red) ribbon.style.stroke = "var(--bad-fill)";
  }
  drawShapes(group, said < 0 ? wire.shapes : wire.shapes.slice(0, said - red));
}

/** The message on a wire, written when it is first sent: a page with fewer words loads faster. */
function writeMessage(wire) {
  wire.sent = drawShapes(wire.element, wire.later);
}

function drawCard(parent, card) {
  const { x, y, width, height } = card;
  const kind = `card ${card.role}${card.alias ? " alias" : ""}`;
  const attributes = { class: kind, role: "button", tabindex: "-1", id: `card-${card.id}` };
  const group = drawn(parent, "g", attributes);
  const paint = card.alias ? "alias" : card.role;
  const radius = Math.min(10, height / 2);
  drawn(group, "rect", {
    class: "ring", x: x - 4, y: y - 4, width: width + 8, height: height + 8, rx: radius + 4,
  });
  const box = drawn(group, "rect", { class: "box", x, y, width, height, rx: radius });
  box.style.fill = `var(--${paint}-fill)`;
  box.style.stroke = `var(--${paint}-border)`;
  Object.assign(card, { element: group, kind, painted: "" });
  const known = card.shapes.filter(([, name]) => !["heat", "negative", "grad"].includes(name));
  drawShapes(group, known);
  const heats = ofKind(card.shapes, "heat");
  card.cells = ofKind(card.shapes, "grad").map((text, i) => drawCell(group, heats[i], text));
  group.addEventListener("pointerenter", () => show({ pointed: card }));
  group.addEventListener("pointerleave", () => show({ pointed: null }));
  group.addEventListener("focus", () => show({ pointed: card }));
}

/** The cell of a gradient, empty until the sweep has come; a bar says that it is negative. */
function drawCell(group, heat, [, , right, baseline, size]) {
  const [, , x, y, , height] = heat;
  const bar = { class: "negative", x, y, width: 2.5, height, fill: "none" };
  return {
    heat: drawShape(group, heat),
    bar: drawn(group, "rect", bar),
    text: write(group, "grad", right, baseline, size, "end", ""),
  };
}

// Repainting

painters.push((before) => {
  if (before.level !== state.level) {
    drawLevel(state.level);
    begin();
  }
  const changed = ["level", "step", "asked", "selected"].some((key) => before[key] !== state[key]);
  if (!changed) return;
  const active = activeWire();
  const lit = state.selected ? pathsOf(state.selected) : null;
  world.classList.toggle("lit", lit !== null);
  world.classList.toggle("sweeping", LAST > 0);
  for (const wire of state.level.wires) paintWire(wire, active, lit);
  for (const card of state.level.cards) paintCard(card, active, lit);
  paintPulse(active, before);
  paintFork(active);
});

function paintWire(wire, active, lit) {
  const classes = [wire.kind];
  if (passed(wire)) {
    classes.push("passed");
    if (!wire.sent) writeMessage(wire);
  }
  else if (wire.source === state.asked && wire.upstream) classes.push("asking");
  if (wire === active && passed(wire)) classes.push("active");
  if (lit?.wires.has(wire)) classes.push("on-path");
  setOnce(wire, classes.join(" "));
}

function paintCard(card, active, lit) {
  const classes = [card.kind];
  if (!reached(card)) classes.push("unreached");
  if (card === state.asked) classes.push("asking");
  else if (card === active?.source) classes.push("receives");
  if (card === active?.target && !state.asked) classes.push("sends");
  if (lit?.cards.has(card)) classes.push("on-path");
  if (card === state.selected) classes.push("selected");
  if (card.matches) classes.push("match");
  setOnce(card, classes.join(" "));
  card.rows.forEach((row, i) => paintCell(card, row, card.cells[i]));
}

function setOnce(thing, classes) {
  if (thing.painted === classes) return;
  thing.painted = classes;
  thing.element.setAttribute("class", classes);
}

function paintCell(card, row, cell) {
  const known = gradient(card, row);
  const text = known ? known.text : "";
  const heat = known ? known.heat : "";
  if (cell.shown === text && cell.colour === heat) return;
  Object.assign(cell, { shown: text, colour: heat });
  cell.text.textContent = text;
  cell.heat.style.fill = heat === "" ? "none" : `var(--${heat}-fill)`;
  const negative = known && known.number < 0 && heat !== "bad";
  cell.bar.style.fill = negative ? "var(--gradient)" : "none";
  cell.text.style.fill = heat === "" ? "" : `var(--${heat}-text)`;
  card.element.setAttribute("aria-label", label(card));
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
  const x = card.x + card.width / 2 - width / 2;
  const y = card.y - 27;
  drawn(group, "rect", { x, y, width, height: 20, rx: 10 });
  write(group, "", x + width / 2, y + 14, size, "middle", text);
}

// The picture as SVG: made once per level; after that only what a step changes is touched.

const canvas = byId("canvas");
const world = drawn(canvas, "g", { id: "world" });

function drawLevel(level) {
  world.replaceChildren();
  const [frames, wires, cards, notes] = [1, 2, 3, 4].map(() => drawn(world, "g"));
  for (const frame of level.frames) drawFrame(frames, frame);
  for (const wire of level.wires) drawWire(wires, wire);
  for (const card of level.cards) drawCard(cards, card);
  level.fork = drawn(notes, "g", { class: "fork", "aria-hidden": "true" });
}

function write(parent, name, x, y, size, anchor, text) {
  const attributes = { class: name, x, y, "font-size": size, "text-anchor": anchor };
  return drawn(parent, "text", attributes, text);
}

/** The message on a wire, written when it is first sent: a page with fewer words loads faster. */
function writeMessage(wire) {
  const arrow = wire.rising ? "↓" : "←";
  wire.sent = writeAt(wire.element, "message", wire.messageAt, `${arrow} ${shown(wire.message)}`);
}

const writeAt = (parent, name, [x, y, anchor], text) => write(parent, name, x, y, 11, anchor, text);

function drawFrame(parent, { x, y, width, height, title }) {
  const group = drawn(parent, "g", { class: "frame" });
  drawn(group, "rect", { x, y, width, height, rx: 10 });
  write(group, "title", x + 12, y + 19, 14, "start", title);
}

function drawWire(parent, wire) {
  const kind = wire.recurrent ? "wire recurrent" : "wire";
  const group = drawn(parent, "g", { class: kind, "aria-hidden": "true" });
  const path = curve(wire.points);
  if (wire.ribbon) drawn(group, "path", { class: "ribbon", d: path, "stroke-width": wire.ribbon });
  drawn(group, "path", { class: "line", d: path });
  drawn(group, "path", { class: "head", d: arrowHead(wire.points) });
  if (wire.local) writeAt(group, "local", wire.localAt, `×${shown(wire.local)}`);
  Object.assign(wire, { element: group, kind, path, painted: kind, sent: null });
}

/** Control points x, y, x, y, ... of a Bezier curve as the text of a path. */
function curve(points) {
  return `M${points.slice(0, 2)}C${points.slice(2)}`;
}

/** A triangle at the end of a curve, in the direction in which it arrives. */
function arrowHead(points) {
  const [x, y] = points.slice(-2);
  let from = points.length - 4;
  while (from > 0 && Math.hypot(x - points[from], y - points[from + 1]) < 0.5) from -= 2;
  const size = Math.hypot(x - points[from], y - points[from + 1]) || 1;
  const [dx, dy] = [(x - points[from]) / size, (y - points[from + 1]) / size];
  const [bx, by] = [x - 8 * dx, y - 8 * dy];
  return `M${x},${y}L${bx - 3 * dy},${by + 3 * dx}L${bx + 3 * dy},${by - 3 * dx}z`;
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
  group.style.color = `var(--${paint}-text)`;
  Object.assign(card, { element: group, kind, painted: "", cells: [] });
  if (height < 30) drawSlim(group, card);
  else drawFull(group, card);
  group.addEventListener("pointerenter", () => show({ pointed: card }));
  group.addEventListener("pointerleave", () => show({ pointed: null }));
  group.addEventListener("focus", () => show({ pointed: card }));
}

/** Name, value and gradient in one line, where many leaves stand in a stack. */
function drawSlim(group, card) {
  const middle = card.y + card.height / 2;
  write(group, "name", card.x + 7, middle + 4, 10.5, "start", card.short);
  drawRow(group, card, card.rows[0], middle, card.x + card.width * 0.66, "end");
}

/** Name and operation above, then a line for each number, then the note. */
function drawFull(group, card) {
  const lines = 1 + card.rows.length + (card.note ? 1 : 0);
  const pitch = Math.min(18, (card.height - 6) / lines);
  let y = card.y + (card.height - pitch * lines) / 2 + pitch / 2;
  write(group, "name", card.x + 8, y + 5, 13, "start", card.short);
  if (card.op) write(group, "op", card.x + card.width - 8, y + 5, 12, "end", card.op);
  for (const row of card.rows) {
    y += pitch;
    if (row.name) write(group, "row-name", card.x + 9, y + 4, 10, "start", row.name);
    const at = card.x + (row.name ? card.width * 0.5 : 8);
    drawRow(group, card, row, y, at, row.name ? "end" : "start");
  }
  if (card.note) write(group, "note", card.x + card.width / 2, y + pitch + 4, 10, "middle", card.note);
}

function drawRow(group, card, row, y, x, anchor) {
  write(group, "value", x, y + 4.5, 12.5, anchor, shown(row.value));
  const right = card.x + card.width - 5;
  const left = Math.max(card.x + card.width * 0.5, x + (anchor === "end" ? 6 : 40));
  const size = { x: left, y: y - 8.5, width: right - left, height: 17, rx: 3 };
  const heat = drawn(group, "rect", { class: "heat", ...size, fill: "none" });
  const text = write(group, "grad", right - 3, y + 4.5, 12.5, "end", "");
  card.cells.push({ heat, text });
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

// Training in the page: steps downhill, the loss over the updates, a slider back through them, and
// how large the gradient of each loss was at each hidden state: |dL_k/dh_t| at every update.

const updates = []; // { leaves: their values, loss, reach: |dL/dh_t| of every loss in ROOTS }
const STATES = DATA.reach.states.map(([, places]) => places);
const single = DATA.reach.losses.filter(([, , i]) => i !== engine.root);
const ROOTS = STATES.length // [name, last step, place] of the losses that are looked at, their sum first
  ? [[single.length ? "all losses" : "the loss", STATES.length - 1, engine.root], ...single] : [];
let shownUpdate = -1;

/** The leaves that a step moves: the weights of the model, else every leaf that has a knob. */
function trained() {
  const found = [];
  const collect = (weight) => {
    if (Array.isArray(weight)) weight.forEach(collect);
    else if (weight && typeof weight === "object") found.push(weight.node);
  };
  if (DATA.weights) Object.values(DATA.weights).forEach(collect);
  else for (const { items } of DATA.knobs) found.push(...items.map(([, i]) => i));
  return [...new Set(found)];
}

function remember() {
  updates.push({
    leaves: engine.leaves.map((i) => engine.value[i]),
    loss: engine.value[engine.root],
    reach: ROOTS.map(([, , root]) => reachOf(engine, root, STATES).map(Math.abs)),
  });
  shownUpdate = updates.length - 1;
}

/** So many steps against the gradient; stops where the loss is no number or a branch is crossed. */
function descend(times) {
  const rate = parse(byId("rate").value);
  if (!(rate > 0) || !Number.isFinite(rate)) return say("The learning rate is a number above 0, such as 0.1.");
  if (engine.root === null) return say("There is no loss to go down.");
  if (updates.length && shownUpdate < updates.length - 1) updates.length = shownUpdate + 1;
  if (!updates.length) remember();
  const places = trained();
  const first = new Map(engine.leaves.map((i) => [i, engine.value[i]]));
  let done = 0;
  for (; done < times; done++) {
    const slopes = engine.gradientsFrom(engine.root, toNumber(DATA.graph.seed));
    const before = new Map(places.map((i) => [i, engine.value[i]]));
    engine.forwardWith(new Map(places.map((i) => [i, engine.value[i] - rate * slopes[i]])));
    if (engine.crossed(DATA.guards) || !Number.isFinite(engine.value[engine.root])) {
      const crossed = engine.crossed(DATA.guards);
      engine.forwardWith(before);
      say(crossed ? `Stopped after ${done} steps: the program compared ${crossed}.`
        : `Stopped after ${done} steps: the loss is no number any more. Try a smaller learning rate.`);
      break;
    }
    remember();
  }
  undone.push(first);
  if (done === times) say(`${updates.length - 1} updates: the loss is ${format(engine.value[engine.root])}.`);
  moved("training");
  paintTraining();
}

function toUpdate(k) {
  shownUpdate = Math.min(Math.max(k, 0), updates.length - 1);
  engine.forwardWith(new Map(engine.leaves.map((i, j) => [i, updates[shownUpdate].leaves[j]])));
  moved("update");
  paintTraining();
}

function forgetTraining() {
  updates.length = 0;
  shownUpdate = -1;
  paintTraining();
}

// The curve and the map

const [WIDE, HIGH] = [300, 80];

function paintTraining() {
  const box = byId("training");
  box.hidden = updates.length < 2;
  if (box.hidden) return;
  const slider = byId("update");
  Object.assign(slider, { max: updates.length - 1, value: shownUpdate });
  byId("update-said").textContent = `update ${shownUpdate} of ${updates.length - 1}, loss ${format(updates[shownUpdate].loss)}`;
  byId("curve").replaceChildren(lossCurve());
  if (ROOTS.length) paintReach();
}

function picture(height, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  return svg;
}

function lossCurve() {
  const losses = updates.map((update) => update.loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const at = (k) => [
    (k / (losses.length - 1)) * WIDE, HIGH - 4 - ((losses[k] - low) / (high - low || 1)) * (HIGH - 8),
  ];
  const svg = picture(HIGH, `The loss over ${losses.length - 1} updates, from ${format(losses[0])} to ${format(losses.at(-1))}`);
  drawn(svg, "path", { class: "losses", d: `M${losses.map((_, k) => at(k).map((x) => x.toFixed(1))).join("L")}` });
  const [x, y] = at(shownUpdate);
  drawn(svg, "circle", { class: "here", cx: x, cy: y, r: 4 });
  return svg;
}

const TRIANGLE = "each";
const lossChosen = byId("reach-loss");
if (ROOTS.length > 2) lossChosen.append(element("option", { value: TRIANGLE }, "each loss"));
ROOTS.forEach(([name], i) => lossChosen.append(element("option", { value: i }, name)));
byId("reach-box").hidden = !ROOTS.length;
lossChosen.addEventListener("change", paintReach);

/** |dL_k/dh_t|: of every loss at this update, or of one loss at every update. */
function paintReach() {
  const triangle = lossChosen.value === TRIANGLE;
  const { row, column } = heat.chosen ?? {};
  byId("reach").replaceChildren(triangle ? everyLoss() : oneLoss(Number(lossChosen.value)));
  byId("reach-said").textContent = triangle
    ? `|dLₖ/dhₜ| at update ${shownUpdate}: a row for each loss, time to the right`
    : `|d${lossChosen.value > 0 ? ROOTS[lossChosen.value][0] : "L"}/dhₜ|: time upwards, updates to the right`;
  choose(cellAt(row, column) ?? null);
}

/** A row for each loss, the last one on top, and a column for each state that it can reach. */
function everyLoss() {
  const losses = ROOTS.map(([name, last], i) => ({ name, last, i })).slice(1).reverse();
  const cells = losses.flatMap(({ name, last, i }, row) =>
    updates[shownUpdate].reach[i].slice(0, last + 1).map((size, t) => ({ row, column: t, size, name, t, k: shownUpdate })));
  const all = updates.flatMap(({ reach }) => reach.slice(1).flat());
  const label = `The size of the gradients of ${losses.length} losses at ${STATES.length} states, update ${shownUpdate}`;
  const states = DATA.reach.states.map(([name]) => name);
  return heatMap(cells, losses.map(({ name }) => name), states, all, label);
}

/** A row for each state, time upwards, and a column for each update; a hundred of them at most. */
function oneLoss(i) {
  const [name, last] = ROOTS[i];
  const rows = Math.min(last + 1, STATES.length);
  const columns = Math.min(updates.length, 100);
  const cells = Array.from({ length: columns }).flatMap((_, column) => {
    const k = Math.round((column * (updates.length - 1)) / Math.max(1, columns - 1));
    return updates[k].reach[i].slice(0, rows).map((size, t) => ({ row: rows - 1 - t, column, size, name, t, k }));
  });
  const label = `The size of the gradient of ${name} at ${rows} states over ${updates.length - 1} updates`;
  const states = DATA.reach.states.slice(0, rows).map(([name]) => name).reverse();
  return heatMap(cells, states, Array(columns).fill(""), updates.flatMap(({ reach }) => reach[i]), label);
}

/** Cells in rows and columns: the darker, the larger, half a decade a shade; their words on them. */
function heatMap(cells, rows, columns, sizes, label) {
  const [left, foot] = [22, columns[0] ? 14 : 0]; // where the names stand
  const pitch = Math.max(6, Math.min(16, 160 / rows.length)), wide = (WIDE - left) / columns.length;
  const largest = sizes.reduce((most, x) => (Number.isFinite(x) && x > most ? x : most), 1e-300);
  const svg = picture(rows.length * pitch + foot, label);
  svg.setAttribute("aria-hidden", "true"); // the box around it is what can be focused
  const named = (names, room, x, y) => names.forEach((name, i) => {
    if (i % Math.ceil(14 / room) === 0) write(svg, "axis", x(i), y(i), 10, "middle", name);
  });
  named(rows, pitch, () => left / 2, (i) => (i + 0.5) * pitch + 3.5);
  named(columns, wide, (i) => left + (i + 0.5) * wide, () => rows.length * pitch + 11);
  for (const cell of cells) {
    const { row, column, size, name, t, k } = cell;
    const halves = Math.trunc(2 * Math.log10(Math.max(1, largest / size)));
    const shade = Number.isFinite(size) ? `heat-${Math.max(0, HEATS - 1 - halves)}` : "bad";
    cell.words = `${name} at ${DATA.reach.states[t][0]}, update ${k}: ${repr(size)}`;
    cell.box = { x: left + column * wide, y: row * pitch, width: wide + 0.3, height: pitch + 0.3 };
    cell.element = drawn(svg, "rect", cell.box);
    cell.element.style.fill = size === 0 ? "none" : `var(--${shade}-fill)`;
    drawn(cell.element, "title", {}, cell.words);
  }
  heat = { svg, cells, chosen: null };
  byId("reach").setAttribute("aria-label", label);
  return svg;
}

// A cell of the map is chosen by a click or by arrow keys: what it holds is said below the map

let heat = { svg: null, cells: [], chosen: null };

function choose(cell) {
  heat.svg.querySelector(".chosen")?.remove();
  heat.chosen = cell;
  byId("reach-cell").textContent = cell ? cell.words : "";
  if (cell) drawn(heat.svg, "rect", { class: "chosen", ...cell.box });
}

const cellAt = (row, column) => heat.cells.find((cell) => cell.row === row && cell.column === column);

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

byId("reach").addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!arrow && (event.key !== "Enter" || !heat.chosen)) return;
  event.preventDefault();
  event.stopPropagation(); // the sweep stands still meanwhile
  if (!arrow) return toUpdate(heat.chosen.k);
  const { row, column } = heat.chosen ?? {};
  const next = heat.chosen ? cellAt(row + arrow[0], column + arrow[1]) : heat.cells.find(({ k }) => k === shownUpdate);
  if (next) choose(next);
});
byId("reach").addEventListener("click", (event) => {
  const cell = heat.cells.find(({ element }) => element === event.target);
  if (cell) choose(cell);
});

byId("downhill").addEventListener("click", () => descend(1));
byId("downhill-many").addEventListener("click", () => descend(50));
byId("update").addEventListener("input", () => toUpdate(Number(byId("update").value)));

// Training in the page: steps downhill, the loss over the updates, a slider back through them, and
// how large the gradient of each hidden state was at each update.

const updates = []; // { values of the leaves, loss, |dL/dh_t| }
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
    reach: DATA.states.map(([, source]) => Math.abs(numberOf(source) ?? 0)),
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
  byId("reach").replaceChildren(...(DATA.states.length ? [reachMap()] : []));
  byId("reach-said").hidden = !DATA.states.length;
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

/** Time upwards, updates to the right: the darker, the larger |dL/dh_t| was, in half decades. */
function reachMap() {
  const rows = DATA.states.length;
  const pitch = Math.max(6, Math.min(14, 120 / rows));
  const columns = Math.min(updates.length, 100);
  const largest = Math.max(...updates.flatMap((update) => update.reach.filter(Number.isFinite)), 1e-300);
  const svg = picture(rows * pitch, `The size of the gradient of ${rows} states over ${updates.length - 1} updates`);
  for (let c = 0; c < columns; c++) {
    const update = updates[Math.round((c * (updates.length - 1)) / Math.max(1, columns - 1))];
    update.reach.forEach((size, t) => {
      const halves = size > 0 ? Math.trunc(2 * Math.log10(Math.max(1, largest / size))) : 99;
      const shade = Math.max(0, HEATS - 1 - halves);
      const cell = drawn(svg, "rect", {
        x: (c * WIDE) / columns, y: (rows - 1 - t) * pitch, width: WIDE / columns + 0.3, height: pitch,
      });
      cell.style.fill = size > 0 ? `var(--heat-${shade}-fill)` : "none";
    });
  }
  return svg;
}

byId("downhill").addEventListener("click", () => descend(1));
byId("downhill-many").addEventListener("click", () => descend(50));
byId("update").addEventListener("input", () => toUpdate(Number(byId("update").value)));

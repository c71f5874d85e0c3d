// Live: a knob and a number field for every leaf, steps downhill, and what the gradient promised.

const start = engine.value.slice(); // the numbers that the page came with
const undone = []; // earlier values, the latest last
const MOST_KNOBS = 60; // of a group that are shown at once

/** Numbers have moved: everything on the page follows, or the move is taken back. */
function moved(what, before = null) {
  const crossed = engine.crossed(DATA.guards);
  if (crossed && before) {
    engine.forwardWith(before);
    say(`Stopped: the program compared ${crossed} and took the other branch, which is not recorded.`);
  }
  show({ version: state.version + 1 });
  for (const knob of knobsShown) knob.follow();
  return !crossed;
}

const say = (text) => (byId("promise").textContent = text);

/** Give leaves other numbers; `promise` holds the change of the loss against the gradient. */
function setLeaves(numbers, promise = true) {
  const before = new Map([...numbers.keys()].map((i) => [i, engine.value[i]]));
  const root = engine.root;
  const [loss, told] = root === null ? [0, 0] : [engine.value[root], promised(numbers)];
  undone.push(before);
  if (undone.length > 500) undone.shift();
  engine.forwardWith(numbers);
  if (!moved("set", before)) return undone.pop() && false;
  if (promise && root !== null) {
    say(`The loss goes from ${format(loss)} to ${format(engine.value[root])}. `
      + `The gradient promised ${format(loss + told)}.`);
  }
  return true;
}

/** Gradient times step, summed over the leaves that move; earlier sweeps' shares left out. */
function promised(numbers) {
  const slopes = engine.gradientsFrom(engine.root, toNumber(DATA.graph.seed));
  let total = 0;
  for (const [i, x] of numbers) total += slopes[i] * (x - engine.value[i]);
  return total;
}

function undo() {
  const before = undone.pop();
  if (!before) return say("There is nothing to take back.");
  engine.forwardWith(before);
  moved("undo");
  say("The latest change is taken back.");
}

function reset() {
  undone.push(new Map(engine.leaves.map((i) => [i, engine.value[i]])));
  engine.forwardWith(new Map(engine.leaves.map((i) => [i, start[i]])));
  quiz.seed = null;
  moved("reset");
  forgetTraining();
  say("All numbers are as the page came with them.");
}

// Knobs

const knobsShown = new Set();

/** A slider and a field for one leaf. Letters or an empty field are answered, and change nothing. */
function makeKnob(name, i) {
  const slider = element("input", { type: "range", "aria-label": `${name}, slider`, class: "turn" });
  const field = element("input", {
    type: "text", inputmode: "decimal", "aria-label": name, autocomplete: "off", spellcheck: "false",
  });
  const knob = { element: element("div", { class: "knob" }, element("span", {}, name), slider, field) };
  let reach = 0;
  knob.follow = () => {
    const x = engine.value[i];
    if (Math.abs(x) > reach || !reach) {
      reach = Math.max(2, 2 * Math.abs(x));
      Object.assign(slider, { min: -reach, max: reach, step: reach / 200 });
    }
    if (document.activeElement !== slider) slider.value = x;
    if (document.activeElement !== field) field.value = format(x).replaceAll("−", "-");
    field.removeAttribute("aria-invalid");
  };
  slider.addEventListener("input", () => {
    field.value = format(Number(slider.value)).replaceAll("−", "-");
    setLeaves(new Map([[i, Number(slider.value)]]));
  });
  field.addEventListener("change", () => {
    const x = parse(field.value);
    if (!Number.isFinite(x)) {
      field.setAttribute("aria-invalid", "true");
      say(`${name} takes a number such as 1.5, -0.25, 3e-4 or 1/3, got “${field.value.slice(0, 40)}”.`);
      return;
    }
    setLeaves(new Map([[i, x]]));
    knob.follow();
  });
  knob.follow();
  return knob;
}

function knobGroup({ name, items }, open) {
  const box = element("details", { class: "group" }, element("summary", {}, `${name} (${items.length})`));
  const fill = () => {
    if (!box.open || box.children.length > 1) return;
    for (const [label, i] of items.slice(0, MOST_KNOBS)) {
      const knob = makeKnob(label, i);
      knobsShown.add(knob);
      box.append(knob.element);
    }
    if (items.length > MOST_KNOBS) {
      box.append(element("p", { class: "muted" }, `and ${items.length - MOST_KNOBS} more: select a card to move its number`));
    }
  };
  box.addEventListener("toggle", fill);
  box.open = open;
  fill();
  return box;
}

let cardKnob = null;

/** The knob of a selected leaf, beside what is said of its card. */
function knobOf(card) {
  if (!DATA.live || card !== state.selected || card.node === null || engine.code[card.node]) return [];
  if (cardKnob?.node !== card.node) {
    if (cardKnob) knobsShown.delete(cardKnob);
    cardKnob = Object.assign(makeKnob(card.name, card.node), { node: card.node });
    knobsShown.add(cardKnob);
  }
  return [cardKnob.element];
}

function buildKnobs() {
  byId("live").hidden = !DATA.live || !DATA.knobs.length;
  let shown = 0;
  byId("knobs").append(...DATA.knobs.map((group) => {
    const open = shown + group.items.length <= 12;
    shown += group.items.length;
    return knobGroup(group, open);
  }));
}

// The numbers as JSON that load_state_dict takes

/** The model's weights with the numbers of now; null where there is no model. */
function stateDict(weight = DATA.weights) {
  if (weight === null || typeof weight !== "object") return weight;
  if (Array.isArray(weight)) return weight.map((part) => stateDict(part));
  if ("node" in weight && typeof weight.node === "number") return engine.value[weight.node];
  return Object.fromEntries(Object.entries(weight).map(([name, part]) => [name, stateDict(part)]));
}

/** All leaves by name, where there is no model. */
const leavesByName = () =>
  Object.fromEntries(Object.entries(DATA.names).filter(([, i]) => !engine.code[i]).map(([name, i]) => [name, engine.value[i]]));

const numbersAsJson = () => JSON.stringify(DATA.weights ? stateDict() : leavesByName(), null, 1);

byId("undo-live").addEventListener("click", undo);
byId("reset-live").addEventListener("click", reset);
byId("copy-numbers").addEventListener("click", () =>
  copy(numbersAsJson(), DATA.weights ? "The weights are copied, as JSON for load_state_dict." : "The leaves are copied as JSON."));

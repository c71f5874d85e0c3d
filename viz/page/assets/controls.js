// Buttons, keys, search, themes: everything that changes what is shown.

// The sweep

const slider = byId("slider");
let timer = null;

function go(step) {
  if (state.asked) return;
  show({ step: Math.min(Math.max(step, FIRST), LAST) });
  const card = activeWire()?.source ?? (state.step < 0 ? activeCard() : null);
  if (card) reveal(card);
}

let untouched = true; // nobody has stepped yet: the first play begins with the forward pass

function play() {
  if (state.asked) return;
  if (untouched || state.step >= stops().at(-1)) go(FIRST);
  untouched = false;
  document.body.classList.add("playing");
  byId("play").setAttribute("aria-label", "Pause");
  tick();
}

function tick() {
  timer = setTimeout(() => {
    go(stopAfter(state.step));
    if (state.step >= stops().at(-1)) pause();
    else tick();
  }, Number(byId("speed").value) || Math.max(16, 60000 / stops().length));
}

function pause() {
  clearTimeout(timer);
  timer = null;
  document.body.classList.remove("playing");
  byId("play").setAttribute("aria-label", "Play");
}

const stepTo = (step) => (pause(), (untouched = false), go(step));
const forward = () => stepTo(stopAfter(state.step));
const backward = () => stepTo(stopBefore(state.step));
const toStart = () => stepTo(FIRST);
const toSweep = () => stepTo(0);
const toEnd = () => stepTo(LAST);

/** On to where the gradient of the selected card is complete. */
function runToCard() {
  const card = state.selected ?? state.pointed;
  if (!card) return announce("Select a card first.");
  stepTo(completed(card) || card.computed);
}
const toggle = () => (timer === null ? play() : pause());

const onClick = {
  next: forward, back: backward, first: toStart, last: toEnd, play: toggle, sweep: toSweep, "run-to": runToCard,
};
for (const [id, action] of Object.entries(onClick)) byId(id).addEventListener("click", action);
Object.assign(slider, { min: FIRST, max: LAST });
slider.addEventListener("input", () => stepTo(Number(slider.value)));

painters.push(() => {
  slider.value = state.step;
  const wire = activeWire();
  slider.setAttribute("aria-valuetext",
    state.step < 0 ? position() : wire ? `message ${state.step} of ${LAST}, to ${called(wire.source)}` : `message ${state.step} of ${LAST}`);
  const locked = Boolean(state.asked) || LAST === FIRST;
  for (const id of ["first", "back"]) byId(id).disabled = locked || state.step === FIRST;
  for (const id of ["next", "last"]) byId(id).disabled = locked || state.step >= LAST;
  byId("play").disabled = byId("sweep").disabled = slider.disabled = locked;
  byId("run-to").disabled = locked || !state.selected;
});

// Levels

function showLevel(level) {
  if (level === state.level) return;
  pause();
  show({ level, selected: null, pointed: null, asked: null });
  for (const button of byId("levels").children) {
    button.setAttribute("aria-pressed", button.value === level.name);
  }
  if (quiz.on) {
    newRound();
    nextQuestion();
  }
}

for (const level of DATA.levels) {
  const button = element("button", { type: "button", value: level.name }, level.label);
  button.setAttribute("aria-pressed", level === state.level);
  button.addEventListener("click", () => showLevel(level));
  byId("levels").append(button);
}
byId("levels").hidden = DATA.levels.length < 2;

// Cards

function select(card) {
  const question = quiz.on && card ? questionAt(card) : null;
  if (question) return ask(question);
  show({ selected: card === state.selected ? null : card });
}

canvas.addEventListener("click", (event) => {
  if (travelled > 4) return;
  const group = event.target.closest(".card");
  select(group ? state.level.cards.find((card) => card.element === group) : null);
});

/** Focus the card so many places further in the order of the sweep. */
function walk(places) {
  const cards = state.level.cards;
  const at = cards.findIndex((card) => card.element === document.activeElement);
  const start = at < 0 ? (places > 0 ? -1 : cards.length) : at;
  const next = cards[Math.min(Math.max(start + places, 0), cards.length - 1)];
  reveal(next);
  next.element.focus();
}

// Search

const search = byId("search");
let found = [];
let at = -1;

/** Names are compared without case, underscores and subscripts: h_1, h1 and h₁ are the same. */
const plain = (text) =>
  text.toLowerCase().replaceAll("_", "").replace(/[₀-₉]/g, (digit) => digit.codePointAt(0) - 0x2080);

function find() {
  const wanted = plain(search.value.trim());
  for (const card of state.level.cards) card.matches = false;
  found = wanted ? state.level.cards.filter((card) => plain(card.name).includes(wanted)) : [];
  for (const card of found) card.matches = true;
  at = -1;
  world.classList.toggle("found", wanted !== "");
  for (const card of state.level.cards) card.element.classList.toggle("match", card.matches);
  byId("search-count").textContent = wanted ? (found.length ? `${found.length} found` : "none") : "";
}

function nextFound(places) {
  if (!found.length) return;
  at = (at + places + found.length) % found.length;
  byId("search-count").textContent = `${at + 1} of ${found.length}`;
  show({ pointed: found[at] });
  reveal(found[at]);
}

search.addEventListener("input", find);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") nextFound(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") {
    search.value = "";
    find();
    canvas.focus();
  }
});

// Colours: those of the system unless one theme is chosen

const theme = byId("theme");
for (const name of ["system", ...DATA.themes]) theme.append(element("option", { value: name }, name));
theme.value = DATA.theme;
theme.addEventListener("change", () => setTheme(theme.value));
function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

// Keys

const help = byId("help");
const openHelp = () => help.showModal();
byId("help-open").addEventListener("click", openHelp);

const KEYS = {
  n: forward, ArrowRight: forward, b: backward, ArrowLeft: backward, " ": toggle,
  Home: toStart, End: toEnd, ArrowDown: () => walk(1), ArrowUp: () => walk(-1),
  "/": () => search.focus(), "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3),
  f: fit, t: toggleTable, q: toggleQuiz, "?": openHelp, s: toSweep, r: runToCard,
  p: present, "[": fold, F: fullScreen, u: undo,
  l: () => showLevel(DATA.levels[(DATA.levels.indexOf(state.level) + 1) % DATA.levels.length]),
  Escape: () => show({ selected: null, pointed: null }),
};

// A button that was reached by keyboard keeps its space bar; one that was clicked leaves it to
// the sweep.
let clicked = false;
document.addEventListener("pointerdown", () => (clicked = true), true);
document.addEventListener("keyup", (event) => {
  if (event.key === " " && clicked && event.target.matches("button")) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const target = event.target;
  const typing = target.matches("input[type=text], input[type=search], select");
  if (typing) return;
  const slides = target.matches("input[type=range]") && target.id !== "slider"; // a knob, the updates
  if (slides && /^(Arrow|Home|End|Page)/.test(event.key)) return;
  const card = state.level.cards.find((other) => other.element === target);
  if (card && event.key === "Enter") return select(card);
  if (event.key === "Tab") clicked = false;
  if (event.key === " " && target.matches("button, summary") && !clicked) return;
  if (target.matches("#table, .scroll") && event.key.startsWith("Arrow")) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

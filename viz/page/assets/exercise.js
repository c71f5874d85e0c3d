// Exercises: questions that Python has made, whose answers the page computes from its numbers. A
// number is hidden, the answer is checked, and what went wrong is explained.

const ROUND = 8; // questions
const WORDS = DATA.exercise.words;
const quiz = { on: false, list: [], at: 0, asked: 0, right: 0, tried: false, seed: null };

/** The same draws as microgrid.exercise.Draw. */
function makeDraw(seed) {
  let now = seed >>> 0;
  return (count) => {
    now = (Math.imul(1664525, now) + 1013904223) >>> 0;
    return Math.floor(((now >>> 8) * count) / 16777216);
  };
}

/** Fresh numbers for all leaves that are not 0; the ones of `microgrid exercise --seed`. */
function freshen(seed) {
  const { pool, leaves } = DATA.exercise;
  const changed = leaves.filter((i) => engine.value[i] !== 0);
  const small = (x) => Number.isFinite(x) && Math.abs(x) <= 1e4;
  const draw = makeDraw(seed);
  for (let tries = 0; tries < 100; tries++) {
    const numbers = new Map(changed.map((i) => [i, pool[draw(pool.length)]]));
    engine.forwardWith(numbers);
    const fits = engine.operations.every((i) => small(engine.value[i])) && engine.local.every(small);
    if (fits && !engine.crossed(DATA.guards)) break;
  }
  quiz.seed = seed;
  moved("fresh numbers");
}

/** A round of questions: the kinds take turns, the easy ones first. */
function newRound() {
  const draw = makeDraw(quiz.seed ?? Math.floor(Math.random() * 4294967296));
  const kinds = new Map();
  for (const question of DATA.exercise.questions) {
    if (!onLevel(question)) continue;
    if (!kinds.has(question.kind)) kinds.set(question.kind, []);
    kinds.get(question.kind).push(question);
  }
  quiz.list = [];
  const left = [...kinds.values()];
  while (quiz.list.length < ROUND && left.some((list) => list.length)) {
    for (const list of left) {
      if (list.length && quiz.list.length < ROUND) quiz.list.push(list.splice(draw(list.length), 1)[0]);
    }
  }
  const order = [...kinds.keys()];
  quiz.list.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  Object.assign(quiz, { at: -1, asked: 0, right: 0 });
}

const cardOf = (node, { cards } = state.level) =>
  cards.find((card) => card.node === node && !card.alias) ?? cards.find((card) => card.node === node);

/** The wire that stands for this edge of the graph alone. */
const wireOf = (edge, { wires } = state.level) => wires.find(({ edges }) => edges.length === 1 && edges[0] === edge);

/** Questions are about single Values and edges, which a coarse level has few of. */
const onLevel = ({ node, edge }, level = state.level) =>
  cardOf(node, level) !== undefined && (edge === null || wireOf(edge, level) !== undefined);

/** The level to be asked on: this one if it fills a round, or the one with the most questions. */
function levelToAsk() {
  const count = (level) => DATA.exercise.questions.filter((question) => onLevel(question, level)).length;
  if (count(state.level) >= ROUND) return state.level;
  return DATA.levels.reduce((most, level) => (count(level) > count(most) ? level : most), state.level);
}

const HIDDEN = { value: "value", local: "local", message: "gradient", fork: "gradient", weight: "gradient" };

function ask(question) {
  Object.assign(quiz, { tried: false, question });
  pause();
  const card = cardOf(question.node);
  const wire = question.edge === null ? null : wireOf(question.edge);
  const asked = { card: wire ? null : card, wire, what: HIDDEN[question.kind] ?? "none" };
  if (question.kind === "message") asked.wire = wire;
  show({ asked, step: Math.min(LAST, stepOf(question, card)), selected: null });
  reveal(wire ? wire.source : card);
  const at = quiz.list.indexOf(question);
  if (at >= 0) quiz.at = at;
  byId("quiz-question").textContent = at < 0 ? question.text : `${at + 1} of ${quiz.list.length}. ${question.text}`;
  byId("quiz-hint").textContent = "";
  byId("quiz-verdict").replaceChildren();
  byId("quiz-form").hidden = question.choices.length > 0;
  byId("quiz-choices").replaceChildren(...question.choices.map((name, i) =>
    button(name, () => answerWith(i), { class: "choice" })));
  byId("quiz-answer").value = "";
  score();
  if (!question.choices.length) byId("quiz-answer").focus();
}

/** After how many messages everything that a question needs is there. */
function stepOf(question, card) {
  if (question.kind === "value" || question.kind === "local") return 0;
  if (question.kind === "fork" || question.kind === "weight") {
    return card.alias ? LAST : Math.max(question.step, completed(card));
  }
  return question.step;
}

function nextQuestion() {
  byId("quiz-form").hidden = false;
  if (!quiz.list.length) {
    byId("quiz-question").textContent = DATA.exercise.questions.length
      ? "Questions are asked on single operations: choose that level."
      : "This graph has nothing to ask.";
    byId("quiz-form").hidden = true;
    return;
  }
  quiz.at += 1;
  if (quiz.at >= quiz.list.length) finish();
  else ask(quiz.list[quiz.at]);
}

function finish() {
  show({ asked: null });
  byId("quiz-form").hidden = true;
  byId("quiz-choices").replaceChildren();
  byId("quiz-question").textContent = `The end: ${quiz.right} of ${quiz.asked} right at first try.`;
  byId("quiz-hint").textContent = "New numbers ask the same kinds of questions again.";
  byId("quiz-verdict").replaceChildren();
  quiz.at = -1;
}

/** A number as people write it: 1.5, -0,25, −3e-4, 1/3, 5 × -1. NaN where it is none. */
function parse(text) {
  const plain = text.trim().replaceAll("−", "-").replaceAll(",", ".");
  return plain.split(/[*×·]/).map(fraction).reduce((a, b) => a * b);
}

function fraction(text) {
  const parts = text.replace(/^\s*\((.*)\)\s*$/, "$1").split("/"); // (-1), as the page itself writes it
  if (!parts.every((part) => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(part.trim()))) return NaN;
  return parts.map(Number).reduce((a, b) => a / b);
}

/** Within a percent, or the same to three decimals, as microgrid.exercise has it. */
const near = (a, b) => Math.abs(a - b) <= 0.01 * Math.abs(b) || a.toFixed(3) === b.toFixed(3);

/** The right answer to a question, for the numbers there are now. */
function answerOf(question) {
  if (!question.products.length) return numberOf(question.answer);
  const sizes = question.products.map((source) => Math.abs(numberOf(source)));
  return sizes.indexOf(Math.min(...sizes));
}

function answerWith(answer) {
  const { question } = quiz;
  if (!state.asked) return;
  const expected = answerOf(question);
  const right = question.choices.length ? answer === expected : near(answer, expected);
  if (!quiz.tried) quiz.asked += 1;
  if (right && !quiz.tried) quiz.right += 1;
  quiz.tried = true;
  score();
  if (right) settle(WORDS.right);
  else verdict(slipOf(question, answer));
}

/** The sentence of the slip that gives this number. */
function slipOf(question, answer) {
  if (question.choices.length) return WORDS.not_that;
  const slip = question.slips.find(([source]) => near(answer, numberOf(source)));
  return slip ? slip[1] : `${WORDS.not_yet} ${question.hint}`;
}

const score = () => (byId("quiz-score").textContent = quiz.asked ? `${quiz.right} of ${quiz.asked} right at first try` : "");

function verdict(text, ...more) {
  byId("quiz-verdict").replaceChildren(element("p", { class: "verdict" }, text), ...more);
}

function settle(text) {
  const { question } = quiz;
  const expected = answerOf(question);
  const answer = question.choices.length ? question.choices[expected] : format(expected);
  const lines = [...explanation(question), ...question.choices.map((name, i) =>
    element("p", {}, `${name}: ${format(numberOf(question.products[i]))}`))];
  show({ asked: null });
  byId("quiz-hint").textContent = "";
  byId("quiz-form").hidden = true;
  byId("quiz-choices").replaceChildren();
  verdict(text, element("p", {}, tinted("gradient", answer)), element("p", {}, question.hint), ...lines);
  byId("quiz-next").focus();
}

byId("quiz-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const answer = parse(byId("quiz-answer").value);
  if (!Number.isFinite(answer)) verdict(WORDS.no_number);
  else answerWith(answer);
});
byId("quiz-help").addEventListener("click", () => {
  if (quiz.question) byId("quiz-hint").textContent = quiz.question.hint;
});
byId("quiz-show").addEventListener("click", () => {
  if (state.asked) settle(WORDS.told);
});
byId("quiz-next").addEventListener("click", nextQuestion);
byId("quiz-fresh").addEventListener("click", () => {
  show({ asked: null });
  freshen(Math.floor(Math.random() * 1e6));
  newRound();
  nextQuestion();
});
byId("quiz-fresh").hidden = !DATA.live;

function toggleQuiz() {
  quiz.on = !quiz.on;
  byId("quiz").hidden = !quiz.on;
  byId("quiz-toggle").setAttribute("aria-pressed", quiz.on);
  if (!quiz.on) return show({ asked: null });
  const level = levelToAsk();
  if (level !== state.level) return showLevel(level);
  newRound();
  nextQuestion();
}
byId("quiz-toggle").addEventListener("click", toggleQuiz);

/** In the quiz a click on a card asks for its gradient, or for what sends it there. */
function questionAt(card) {
  const all = DATA.exercise.questions;
  return all.find((q) => ["fork", "weight"].includes(q.kind) && q.node === card.node)
    ?? all.find((q) => q.kind === "message" && engine.from[q.edge] === card.node)
    ?? all.find((q) => q.node === card.node);
}

/** The messages that make a gradient, line by line. */
function explanation(question) {
  const card = cardOf(question.kind === "message" ? engine.from[question.edge] : question.node);
  if (!card || card.alias || !["fork", "message"].includes(question.kind)) return [];
  const wires = card.uses.filter((wire) => wire.step !== null && wire.upstream).slice(0, 12);
  const lines = wires.map((wire) => element("p", {}, `from ${called(wire.target)}: `, ...product(wire)));
  const total = `${plus(wires.map((wire) => shown(wire.message)))} = ${format(numberOf(card.rows[0].grad))}`;
  return wires.length > 1 ? [...lines, element("p", {}, tinted("gradient", total))] : lines;
}

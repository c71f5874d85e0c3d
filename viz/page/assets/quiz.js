// The quiz: a gradient is hidden, the answer is checked, and what went wrong is explained.

const quiz = { on: false, asked: 0, right: 0, tried: false };

/** Cards one can work out: every message into them is a product of two visible numbers. */
function askable(card) {
  const wires = card.uses.filter((wire) => wire.step !== null);
  const total = card.rows[0].history.at(-1);
  return wires.length > 0 && card.rows.length === 1 && wires.every((wire) => wire.upstream && !wire.gain)
    && total !== undefined && Number.isFinite(exact([total[1]]));
}

const completed = (card) => card.rows[0].history.at(-1)[0];
const passesThrough = (card) =>
  card.uses.length === 1 && card.uses[0].local && exact(card.uses[0].local) === 1;

/** The questions of a level, in the order of the sweep. */
function questions() {
  const cards = state.level.cards.filter(askable);
  const worth = cards.filter((card) => !passesThrough(card));
  return (worth.length ? worth : cards).sort((a, b) => completed(a) - completed(b));
}

function ask(card) {
  quiz.tried = false;
  pause();
  show({ asked: card, step: completed(card), selected: null });
  reveal(card);
  byId("quiz-question").textContent = question(card);
  byId("quiz-hint").textContent = `${totalOf(card)} ?`;
  byId("quiz-verdict").replaceChildren();
  byId("quiz-answer").value = "";
  byId("quiz-answer").focus();
}

function question(card) {
  const uses = arrived(card);
  if (card.alias) return `What does the use of ${called(card)} in ${called(uses[0].target)} add to its gradient?`;
  const times = uses.length === 1 ? "It is used once." : `It is used ${uses.length} times.`;
  return `What is the gradient of ${called(card)}? ${times}`;
}

function nextQuestion() {
  const all = questions();
  if (!all.length) {
    byId("quiz-question").textContent = "There is no gradient to ask for at this level.";
    byId("quiz-hint").textContent = "";
    return;
  }
  const now = state.asked ?? quiz.last;
  ask(all[(all.indexOf(now) + 1) % all.length]);
}

/** A number as people write it: 1.5, -0,25, −3e-4, 1/3. NaN where it is none. */
function parse(text) {
  const plain = text.trim().replaceAll("−", "-").replaceAll(",", ".");
  const parts = plain.split("/");
  if (!parts.every((part) => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(part.trim()))) return NaN;
  return parts.map(Number).reduce((a, b) => a / b);
}

const near = (a, b) => Math.abs(a - b) <= 0.01 * Math.abs(b);
const rounded = (pair) => parse(shown(pair));

/** Right within a percent, of the exact gradient or of what the rounded numbers give. */
function isRight(answer, card) {
  const wires = arrived(card);
  const byHand = wires.reduce((total, w) => total + rounded(w.upstream) * rounded(w.local), 0);
  const total = exact([card.rows[0].history.at(-1)[1]]);
  return near(answer, total) || near(answer, byHand) || parse(format(total)) === answer;
}

/** The likeliest mistake behind a wrong answer, in one sentence. */
function diagnose(answer, card) {
  const wires = arrived(card);
  const total = exact([card.rows[0].history.at(-1)[1]]);
  const messages = wires.map((wire) => exact(wire.message));
  const [first] = wires;
  if (near(-answer, total)) return "The size is right, the sign is not.";
  if (wires.length > 1) {
    const alone = wires.find((wire) => near(answer, exact(wire.message)));
    if (alone) {
      return `That is the message from ${called(alone.target)} alone: ${called(card)} is used `
        + `${wires.length} times, and messages add.`;
    }
    if (near(answer, messages.reduce((a, b) => a * b))) return "You multiplied the messages; they add.";
    if (near(answer, total / wires.length)) return "That is the mean of the messages; they add.";
  }
  const [upstream, local] = [exact(first.upstream), exact(first.local)];
  if (near(answer, upstream)) {
    return `That is the gradient of ${called(first.target)} itself: multiply it by the local derivative.`;
  }
  if (near(answer, local)) {
    return `That is the local derivative alone: multiply it by the gradient of ${called(first.target)}.`;
  }
  if (near(answer, upstream + local)) return "You added the two numbers; the chain rule multiplies.";
  if (local && near(answer, upstream / local)) return "You divided; the chain rule multiplies.";
  if (card.rows[0].value && near(answer, exact(card.rows[0].value))) return `That is the value of ${called(card)}, not its gradient.`;
  return "Not yet. Each use sends back: the gradient above it × the local derivative on the edge.";
}

/** The whole computation, line by line. */
function explanation(card) {
  const wires = arrived(card);
  const lines = wires.slice(0, 12).map((wire) =>
    element("p", {}, `from ${called(wire.target)}: `, ...product(wire)));
  const total = card.rows[0].history.at(-1)[2];
  const sums = wires.length > 1 ? `${plus(wires.slice(0, 12).map((w) => shown(w.message)))} = ` : "";
  lines.push(element("p", {}, `${totalOf(card)} ${sums}`, tinted("gradient", total)));
  return lines;
}

function verdict(text, ...more) {
  byId("quiz-verdict").replaceChildren(element("p", { class: "verdict" }, text), ...more);
}

function settle(text) {
  const card = state.asked;
  quiz.last = card;
  const lines = explanation(card);
  show({ asked: null });
  byId("quiz-hint").textContent = "";
  verdict(text, ...lines);
  byId("quiz-next").focus();
}

byId("quiz-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const card = state.asked;
  if (!card) return;
  const answer = parse(byId("quiz-answer").value);
  if (Number.isNaN(answer)) {
    verdict("That is no number. Write 1.5, -0.25, 3e-4 or 1/3.");
    return;
  }
  if (!quiz.tried) quiz.asked += 1;
  const right = isRight(answer, card);
  if (right && !quiz.tried) quiz.right += 1;
  quiz.tried = true;
  byId("quiz-score").textContent = `${quiz.right} of ${quiz.asked} right at first try`;
  if (right) settle("Right.");
  else {
    const [wire] = arrived(card);
    byId("quiz-hint").textContent = `${shown(wire.upstream)} × ${shown(wire.local)}`
      + (arrived(card).length > 1 ? " + …" : "") + " = ?";
    verdict(diagnose(answer, card));
  }
});

byId("quiz-show").addEventListener("click", () => {
  if (state.asked) settle("The answer:");
});
byId("quiz-next").addEventListener("click", nextQuestion);

function toggleQuiz() {
  quiz.on = !quiz.on;
  byId("quiz").hidden = !quiz.on;
  byId("quiz-toggle").setAttribute("aria-pressed", quiz.on);
  if (quiz.on) nextQuestion();
  else show({ asked: null });
}
byId("quiz-toggle").addEventListener("click", toggleQuiz);

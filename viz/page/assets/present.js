// Presenting: full screen, larger type, the side folded away, links to just this view, and the
// picture as a file.

/** Put text on the clipboard and say so; where that is forbidden, show it to be copied by hand. */
async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
    announce(done);
  } catch {
    byId("copied").value = text;
    byId("copy-box").showModal();
    byId("copied").select();
  }
}

const announce = (text) => (byId("announced").textContent = text);

/** The address of this very view: step, level, moved numbers, the exercise's seed. */
function permalink() {
  const wish = new URLSearchParams();
  wish.set("step", state.step);
  if (DATA.levels.length > 1) wish.set("level", state.level.name);
  if (quiz.seed !== null) wish.set("seed", quiz.seed);
  if (quiz.on) wish.set("quiz", "");
  for (const [name, i] of Object.entries(DATA.names)) {
    if (quiz.seed === null && !engine.code[i] && engine.value[i] !== start[i]) wish.set(name, engine.value[i]);
  }
  return `${location.href.split("#")[0]}#${wish}`;
}

/** Begin where the address says; what does not fit this graph is said and left out. */
function followAddress() {
  const wish = new URLSearchParams(location.hash.slice(1));
  const unknown = [], wrong = [], numbers = new Map();
  let seed = null;
  for (const [name, text] of wish) {
    if (name === "seed") seed = parse(text);
    else if (!["step", "level", "quiz"].includes(name)) {
      const i = Object.hasOwn(DATA.names, name) ? DATA.names[name] : undefined;
      const x = parse(text);
      if (i === undefined || engine.code[i] || !DATA.live) unknown.push(name);
      else if (!Number.isFinite(x)) wrong.push(`${name} takes a number such as 1.5, got “${text.slice(0, 40)}”.`);
      else numbers.set(i, x);
    }
  }
  const level = DATA.levels.find(({ name }) => name === wish.get("level"));
  if (wish.has("level") && !level) unknown.push("level");
  state.level = null;
  showLevel(level ?? OPENING);
  if (seed !== null && Number.isInteger(seed) && seed >= 0 && DATA.live) freshen(seed);
  else if (seed !== null) unknown.push("seed");
  if (numbers.size) setLeaves(numbers, false);
  const step = Number(wish.get("step") ?? 0);
  if (!Number.isFinite(step)) unknown.push("step");
  go(Number.isFinite(step) ? Math.trunc(step) : 0);
  if (unknown.length) {
    wrong.unshift(`The address names what this page does not have: ${unknown.slice(0, 5).map((name) => name.slice(0, 40)).join(", ")}.`);
  }
  if (wrong.length) say(wrong.slice(0, 3).join(" "));
  if (wish.has("quiz")) toggleQuiz();
}

// Files

function download(content, name, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const fileName = () => (document.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "picture").slice(0, 60);

/** The picture of now as an SVG that stands alone: every style that the page gives is written in. */
function standalone() {
  paintAll();
  const { width, height } = state.level;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const attributes = { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` };
  for (const [name, x] of Object.entries(attributes)) svg.setAttribute(name, x);
  const ground = drawn(svg, "rect", { width, height });
  ground.style.fill = getComputedStyle(document.body).backgroundColor;
  const copy = world.cloneNode(true);
  copy.removeAttribute("transform");
  svg.append(copy);
  for (const node of copy.querySelectorAll(".pulse, .ring")) node.dataset.gone = "";
  const [from, to] = [world, copy].map((node) => [...node.querySelectorAll("*")]);
  from.forEach((node, i) => styleInto(to[i], getComputedStyle(node)));
  for (const node of svg.querySelectorAll("[data-gone]")) node.remove();
  return svg;
}

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor", "display", "visibility", "stroke-linecap"];

function styleInto(node, style) {
  for (const name of STYLES) node.style.setProperty(name, style.getPropertyValue(name));
  for (const name of ["role", "tabindex", "class", "aria-label", "aria-hidden"]) node.removeAttribute(name);
}

const asText = (svg) => new XMLSerializer().serializeToString(svg);

/** The picture on a canvas, twice as large, and from there a PNG: no image is loaded for it. */
function asPng(done) {
  paintAll();
  const { width, height } = state.level;
  const scale = Math.min(2, 8000 / Math.max(width, height));
  const paper = document.createElement("canvas");
  Object.assign(paper, { width: Math.ceil(width * scale), height: Math.ceil(height * scale) });
  const pen = paper.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, width, height);
  for (const node of world.querySelectorAll("rect, path, text")) paint(pen, node);
  paper.toBlob(done, "image/png");
}

function paint(pen, node) {
  const style = getComputedStyle(node);
  if (style.display === "none" || style.visibility === "hidden" || node.closest(".pulse, .ring")) return;
  pen.globalAlpha = opacityOf(node);
  if (node.tagName === "text") return paintText(pen, node);
  const shape = node.tagName === "path" ? new Path2D(node.getAttribute("d")) : new Path2D();
  if (node.tagName === "rect") {
    const [x, y, w, h, r] = ["x", "y", "width", "height", "rx"].map((name) => Number(node.getAttribute(name) ?? 0));
    shape.roundRect(x, y, w, h, r);
  }
  if (style.fill !== "none") {
    pen.fillStyle = style.fill;
    pen.fill(shape);
  }
  if (style.stroke !== "none") {
    pen.strokeStyle = style.stroke;
    pen.lineWidth = parseFloat(style.strokeWidth) || 1;
    pen.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(",").map(parseFloat));
    pen.stroke(shape);
  }
}

function paintText(pen, node) {
  const spans = node.children.length ? [...node.children] : [node];
  const widths = spans.map((span) => {
    const style = getComputedStyle(span);
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    return pen.measureText(span.textContent).width;
  });
  const whole = widths.reduce((a, b) => a + b, 0);
  const anchor = node.getAttribute("text-anchor");
  let x = Number(node.getAttribute("x")) - (anchor === "end" ? whole : anchor === "middle" ? whole / 2 : 0);
  spans.forEach((span, i) => {
    const style = getComputedStyle(span);
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    pen.fillStyle = style.fill;
    pen.fillText(span.textContent, x, Number(node.getAttribute("y")));
    x += widths[i];
  });
}

function opacityOf(node) {
  let opacity = 1;
  for (let at = node; at !== world; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
  return opacity;
}

/** Forward pass and sweep as one SVG that plays: each number appears when its step has come. */
function animated() {
  const seconds = Math.min(0.6, 60 / state.level.stops.length);
  const before = state.step;
  show({ step: LAST, selected: null, pointed: null });
  for (const wire of state.level.wires) if (!wire.sent && wire.step !== null) writeMessage(wire);
  const svg = standalone();
  const timeOf = (step) => state.level.stops.findIndex((stop) => stop >= step) * seconds;
  const [, wires, cards] = [...svg.querySelector("g").children];
  const appear = (node, step) => {
    if (node && step > FIRST) {
      const fade = { attributeName: "opacity", from: 0, to: 1, begin: "0s", dur: `${timeOf(step).toFixed(2)}s` };
      drawn(node, "animate", { ...fade, calcMode: "discrete", values: "0;1", keyTimes: "0;1", fill: "freeze" });
    }
  };
  state.level.wires.forEach((wire, i) => {
    const group = wires.children[i];
    if (wire.step === null) return;
    appear(group.children[0], wire.step);
    appear(wire.sent && group.lastElementChild, wire.step);
  });
  state.level.cards.forEach((card, i) => animateCard(cards.children[i], card, appear));
  show({ step: before });
  return svg;
}

function animateCard(group, card, appear) {
  const texts = [...group.querySelectorAll("text")];
  card.cells.forEach((cell, i) => {
    const at = (node) => node && texts[[...card.element.querySelectorAll("text")].indexOf(node)];
    appear(at(cell.value), computedAt(card.rows[i].value));
    if (!cell.heat) return;
    const shapes = [...card.element.children].filter((node) => !node.matches(".ring"));  // as in the copy
    for (const node of [cell.heat, cell.bar, cell.text]) appear(group.children[shapes.indexOf(node)], completed(card) || 0.5);
  });
}

/** Do what reads the picture's styles while it is visible: a table may stand before it. */
function visibly(read) {
  const { visibility } = canvas.style;
  const far = canvas.getAttribute("class");
  canvas.style.visibility = "";
  canvas.removeAttribute("class");
  read();
  canvas.setAttribute("class", far ?? "");
  paintSeen();
  canvas.style.visibility = visibility;
}

const SAVE = {
  svg: () => visibly(() => download(asText(standalone()), `${fileName()}.svg`, "image/svg+xml")),
  png: () => visibly(() => asPng((blob) => download(blob, `${fileName()}.png`))),
  animated: () => visibly(() => download(asText(animated()), `${fileName()}-sweep.svg`, "image/svg+xml")),
};
byId("save").addEventListener("change", () => {
  SAVE[byId("save").value]?.();
  byId("save").value = "";
});
byId("copy-link").addEventListener("click", () => copy(permalink(), "The link to this view is copied."));

// Size

function toggle_(name, id) {
  const on = document.body.classList.toggle(name);
  byId(id).setAttribute("aria-pressed", on);
}
const fold = () => toggle_("folded", "fold");
const present = () => toggle_("presenting", "larger");
function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => announce("This browser allows no full screen here."));
}
byId("fold").addEventListener("click", fold);
byId("larger").addEventListener("click", present);
byId("full-screen").addEventListener("click", fullScreen);
if (new URLSearchParams(location.search).has("embed")) document.body.classList.add("embed", "folded");
byId("fold").setAttribute("aria-pressed", document.body.classList.contains("folded"));

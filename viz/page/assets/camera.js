// Zoom and pan: one transform on the world.

const camera = { x: 0, y: 0, scale: 1, free: false }; // free: moved by hand
const MARGIN = 16;
const READABLE = 0.6; // the smallest scale to begin with
let room = canvas.getBoundingClientRect(); // asked for once: it costs a layout of the page

function aim(x, y, scale) {
  Object.assign(camera, { x, y, scale, free: true });
  world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  canvas.classList.toggle("far", scale < 0.3); // words that small only cost time
  canvas.classList.toggle("farther", scale < 0.12);
  paintSeen();
}

/** Show the whole picture. */
function fit() {
  look(fitting());
}

/** Show the whole picture if it can be read so, or else as much around the loss as can. */
function begin() {
  look(Math.max(fitting(), READABLE));
  camera.free = false;
}

function fitting() {
  const { width, height } = room;
  const level = state.level;
  const scale = Math.min((width - 2 * MARGIN) / level.width, (height - 2 * MARGIN) / level.height);
  return Math.min(Math.max(scale, 0.02), 2);
}

/** Look at the picture at a scale: its middle, or the loss where there is more than has room. */
function look(scale) {
  const { width, height } = room;
  const { cards, root, ...level } = state.level;
  const loss = cards[root ?? cards.length - 1];
  const shift = (room, length, middle) =>
    length * scale + 2 * MARGIN <= room
      ? (room - length * scale) / 2
      : Math.min(MARGIN, Math.max(room - MARGIN - length * scale, room / 2 - middle * scale));
  aim(
    shift(width, level.width, loss.x + loss.width / 2),
    shift(height, level.height, loss.y + loss.height / 2),
    scale,
  );
}

/** Zoom by a factor around a point of the canvas, its middle unless given. */
function zoom(factor, at) {
  const { width, height } = room;
  const [x, y] = at ?? [width / 2, height / 2];
  const scale = Math.min(Math.max(camera.scale * factor, 0.02), 8);
  const ratio = scale / camera.scale;
  aim(x - (x - camera.x) * ratio, y - (y - camera.y) * ratio, scale);
}

/** Move just so far that a card can be seen. */
function reveal(card) {
  const { width, height } = room;
  const shift = (from, length, room) => {
    const [near, far] = [from - 40, from + length + 40];
    return near < 0 ? -near : far > room ? room - far : 0;
  };
  const dx = shift(camera.x + card.x * camera.scale, card.width * camera.scale, width);
  const dy = shift(camera.y + card.y * camera.scale, card.height * camera.scale, height);
  if (dx || dy) aim(camera.x + dx, camera.y + dy, camera.scale);
}

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), place(event));
  },
  { passive: false },
);

// One finger or the mouse drags, two fingers pinch. A press that does not move is a click.
const fingers = new Map();
let travelled = 0;

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  fingers.set(event.pointerId, place(event));
  travelled = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const now = place(event);
  const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
  travelled += Math.hypot(dx, dy);
  if (travelled > 4) canvas.setPointerCapture(event.pointerId);
  canvas.classList.toggle("dragging", travelled > 4);
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) zoom(distance(now, other) / (distance(before, other) || 1), other);
  else if (travelled > 4) aim(camera.x + dx, camera.y + dy, camera.scale);
  fingers.set(event.pointerId, now);
});
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    canvas.classList.remove("dragging");
  });
}

byId("zoom-in").addEventListener("click", () => zoom(1.3));
byId("zoom-out").addEventListener("click", () => zoom(1 / 1.3));
byId("zoom-fit").addEventListener("click", fit);

// A window that changes its size keeps its middle, once the picture was moved by hand.
new ResizeObserver(([{ contentRect }]) => {
  const [dx, dy] = [contentRect.width - room.width, contentRect.height - room.height];
  room = contentRect;
  if (!camera.free) begin();
  else if (dx || dy) aim(camera.x + dx / 2, camera.y + dy / 2, camera.scale);
  const asked = state.asked?.card ?? state.asked?.wire?.source; // a question makes less room for its card
  if (asked) reveal(asked);
}).observe(canvas);

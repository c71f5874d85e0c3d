// Zoom and pan: one transform on the world.

const camera = { x: 0, y: 0, scale: 1 };
const MARGIN = 16;

function aim(x, y, scale) {
  Object.assign(camera, { x, y, scale });
  world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  canvas.classList.toggle("far", scale < 0.3); // words that small only cost time
}

/** Show the whole picture. */
function fit() {
  const { width, height } = canvas.getBoundingClientRect();
  const level = state.level;
  const scale = Math.min((width - 2 * MARGIN) / level.width, (height - 2 * MARGIN) / level.height);
  const bounded = Math.min(Math.max(scale, 0.02), 2);
  aim((width - level.width * bounded) / 2, (height - level.height * bounded) / 2, bounded);
}

/** Zoom by a factor around a point of the canvas, its middle unless given. */
function zoom(factor, at) {
  const { width, height } = canvas.getBoundingClientRect();
  const [x, y] = at ?? [width / 2, height / 2];
  const scale = Math.min(Math.max(camera.scale * factor, 0.02), 8);
  const ratio = scale / camera.scale;
  aim(x - (x - camera.x) * ratio, y - (y - camera.y) * ratio, scale);
}

/** Move just so far that a card can be seen. */
function reveal(card) {
  const { width, height } = canvas.getBoundingClientRect();
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

// A window that changes its size keeps the middle where it was.
let room = null;
new ResizeObserver(([{ contentRect }]) => {
  if (room && camera.touched) {
    aim(camera.x + (contentRect.width - room.width) / 2,
        camera.y + (contentRect.height - room.height) / 2, camera.scale);
  } else if (contentRect.width) fit();
  room = contentRect;
}).observe(byId("stage"));

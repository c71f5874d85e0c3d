// Numbers that know how they follow from the graph, as microgrid/quantity.py has them:
// [kind, ...arguments] over values "v", gradients "g", local derivatives "p", messages "m".

const COMBINED = {
  sum: (xs) => xs.reduce((a, b) => a + b, 0),
  product: (xs) => xs.reduce((a, b) => a * b, 1),
  ratio: ([a, b]) => a / b,
  norm: (xs) => Math.sqrt(xs.reduce((total, x) => total + x * x, 0)),
  size: ([x]) => Math.abs(x),
  largest: (xs) => xs.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)),
  smallest: (xs) => xs.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a)),
};

/** What a source gives after k messages; null where a part of it is not there yet.
 * A sum has what is there. */
function evaluate(engine, source, k) {
  if (typeof source === "number" || typeof source === "string") return toNumber(source);
  const [kind, ...parts] = source;
  if (kind === "v") return engine.valueAt(parts[0], k);
  if (kind === "g") return engine.gradientAt(parts[0], k);
  if (kind === "p") return engine.local[parts[0]];
  if (kind === "m") return engine.messageAt(parts[0], k);
  if (kind === "through") return engine.gradientThrough(...parts);
  if (kind === "from") return engine.gradientsFrom(parts[0], evaluate(engine, parts[2], k))[parts[1]];
  const numbers = parts.map((part) => evaluate(engine, part, k));
  const known = numbers.filter((x) => x !== null);
  const arrived = parts.some((part, i) => Array.isArray(part) && numbers[i] !== null);
  if (known.length < numbers.length && !(kind === "sum" && arrived)) return null;
  return COMBINED[kind](known);
}

/** |d(root)/dh_t| for every state, each given by the places of its units. */
function reachOf(engine, root, states) {
  const found = engine.gradientsFrom(root);
  return states.map((places) => COMBINED.norm(places.map((i) => found[i])));
}

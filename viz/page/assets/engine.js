// The engine of the page: values, local derivatives, messages and gradients of a graph in arrays.
// OPS, the rows of the op table, was printed by Python and stands above this file.

const SPECIAL = { inf: Infinity, "-inf": -Infinity, nan: NaN };
const toNumber = (x) => (typeof x === "number" ? x : SPECIAL[x]);

const TESTS = {
  less: (a, b) => a < b, less_equal: (a, b) => a <= b, greater: (a, b) => a > b,
  greater_equal: (a, b) => a >= b, equal: (a, b) => a === b, not_equal: (a, b) => a !== b,
};

/**
 * A recorded graph that can be computed again with other leaves.
 *
 * Nodes are in order of creation. Step k of the sweep is the state after k messages; negative
 * steps are the forward pass: at step -j the last j operations have no value yet.
 */
function makeEngine(graph) {
  const n = graph.code.length;
  const code = Uint16Array.from(graph.code), first = Int32Array.from(graph.first);
  const from = Int32Array.from(graph.from), rows = [null, ...graph.ops.map((name) => OPS[name])];
  const value = new Float64Array(n + graph.constants.length), local = new Float64Array(from.length);
  const gradient = new Float64Array(n), message = new Float64Array(from.length);
  graph.constants.forEach((x, i) => (value[n + i] = toNumber(x)));
  const leaves = [], operations = [], place = new Int32Array(n); // its place among the operations
  for (let i = 0; i < n; i++) (code[i] ? operations : leaves).push(i);
  operations.forEach((i, j) => (place[i] = j));
  leaves.forEach((i, j) => (value[i] = toNumber(graph.leaves[j])));

  // The sweep's order never changes: which edge message k takes, and which messages reach a node.
  const edges = [], senders = [], sentAt = new Int32Array(from.length), arrived = new Map();
  const reached = new Uint8Array(n);
  if (graph.root !== null) reached[graph.root] = 1;
  for (let i = n - 1; i >= 0; i--) {
    if (!reached[i] || !code[i]) continue;
    for (let e = first[i]; e < first[i + 1]; e++) {
      if (from[e] >= n) continue;
      reached[from[e]] = 1;
      edges.push(e);
      senders.push(i);
      sentAt[e] = edges.length;
      if (!arrived.has(from[e])) arrived.set(from[e], []);
      arrived.get(from[e]).push(edges.length);
    }
  }
  const after = new Float64Array(edges.length + 1); // the receiver's gradient after each message
  const held = new Map(graph.held.map(([i, x]) => [i, toNumber(x)]));
  let seed = toNumber(graph.seed), strongest = 0;

  /** Values and local derivatives of every operation. */
  function forward() {
    for (const i of operations) {
      const row = rows[code[i]], e = first[i], count = first[i + 1] - e;
      const out = row.forward(value, from, e, count);
      value[i] = out;
      row.partials(local, out, value, from, e, count);
    }
  }

  /** The messages of the sweep in order, and every gradient after each of them. */
  function backward() {
    gradient.fill(0);
    for (const [i, x] of held) gradient[i] = x;
    if (graph.root !== null) gradient[graph.root] += seed;
    strongest = Number.isFinite(seed) ? Math.abs(seed) : 0;
    for (let k = 1; k <= edges.length; k++) {
      const e = edges[k - 1], to = from[e];
      message[e] = gradient[senders[k - 1]] * local[e];
      after[k] = gradient[to] += message[e];
      const size = Math.abs(after[k]);
      if (size > strongest && size !== Infinity) strongest = size;
    }
  }

  function compute() {
    forward();
    backward();
  }

  /** Other numbers for some leaves (a Map of place to number), and everything that follows. */
  function forwardWith(numbers) {
    for (const [i, x] of numbers) value[i] = x;
    compute();
  }

  /** The gradient of a node after k messages; null where nothing has reached it. */
  function gradientAt(i, k) {
    const list = arrived.get(i);
    if (i === graph.root && !list) return k < 0 ? null : gradient[i];
    const start = held.get(i) ?? (i === graph.root ? seed : null);
    if (!list || k < list[0]) return k < 0 && !held.has(i) ? null : start;
    if (k >= list[list.length - 1]) return gradient[i];
    let low = 0, high = list.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (list[middle] <= k) low = middle;
      else high = middle - 1;
    }
    return after[list[low]];
  }

  /** The value of a node; null where the forward pass has not come to it. */
  const valueAt = (i, k) =>
    k < 0 && code[i] && place[i] >= operations.length + k ? null : value[i];

  /** What an edge has sent back after k messages; null before it has. */
  const messageAt = (e, k) => (sentAt[e] && sentAt[e] <= k ? message[e] : null);

  /** The first recorded comparison that comes out otherwise now: in words, or null. */
  function crossed(guards) {
    const side = ([kind, x]) => (kind === "v" ? value[x] : toNumber(x));
    const found = guards.find(([name, a, b, outcome]) => TESTS[name](side(a), side(b)) !== outcome);
    return found ? found[4] : null;
  }

  /** d(root)/d(node) for every node, starting from another root: a new array. */
  function gradientsFrom(root, start = 1) {
    const found = new Float64Array(n);
    found[root] = start;
    for (let i = root; i >= 0; i--) {
      if (!code[i] || found[i] === 0) continue;
      for (let e = first[i]; e < first[i + 1]; e++) {
        if (from[e] < n) found[from[e]] += found[i] * local[e];
      }
    }
    return found;
  }

  /** d(above)/d(below) along the paths through `nodes` alone, which come oldest first. */
  function gradientThrough(nodes, above, below) {
    const found = new Map([[above, 1]]);
    for (const i of nodes.toReversed()) {
      const upstream = found.get(i);
      if (upstream === undefined) continue;
      for (let e = first[i]; e < first[i + 1]; e++) {
        if (from[e] < n) found.set(from[e], (found.get(from[e]) ?? 0) + upstream * local[e]);
      }
    }
    return found.get(below) ?? 0;
  }

  compute();
  return {
    n, code, first, from, value, local, gradient, message, leaves, operations, edges, senders, sentAt,
    last: edges.length, root: graph.root, compute, forward, gradientAt, valueAt, messageAt, crossed,
    gradientsFrom, gradientThrough, forwardWith, place, arrivals: (i) => arrived.get(i) ?? [],
    get strongest() { return strongest; },
  };
}

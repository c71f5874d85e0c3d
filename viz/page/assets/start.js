// The first view. The address may say where to begin: page.html#step=12&level=cell&h_0=1&quiz

document.title = sentenceOf(DATA.title);
painters.push((before) => {
  if (differs(before, "version", "level")) byId("title").textContent = sentenceOf(DATA.title);
});
setTheme(DATA.theme);
buildShared();
buildPanels();
buildKnobs();
followAddress();
byId("title").textContent = sentenceOf(DATA.title);

/** For teachers who embed the page, and for tests. Names are the labels of the graph. */
function placeOf(name) {
  if (Object.hasOwn(DATA.names, name)) return DATA.names[name];
  throw new Error(`there is no ${JSON.stringify(name)} on this page; names() lists them`);
}
window.microgrid = Object.freeze({
  names: () => Object.keys(DATA.names),
  value: (name) => engine.value[placeOf(name)],
  gradient: (name) => engine.gradientAt(placeOf(name), LAST),
  set(name, x) {
    const i = placeOf(name);
    if (engine.code[i]) throw new Error(`${name} is computed; only a leaf can be set`);
    if (typeof x !== "number" || !Number.isFinite(x)) throw new Error(`${name} takes a finite number, got ${x}`);
    if (!DATA.live) throw new Error("this page is still: viz.player(x, path, live=True) makes it live");
    return setLeaves(new Map([[i, x]]));
  },
});

// Within another page, such as a notebook's widget, the leaves go to and fro by name.

const leavesOf = () => Object.fromEntries(
  Object.entries(DATA.names).filter(([, i]) => !engine.code[i]).map(([name, i]) => [name, engine.value[i]]));

if (window.parent !== window && DATA.live) {
  let told = JSON.stringify(leavesOf());
  painters.push((before) => {
    const now = JSON.stringify(leavesOf());
    if (!differs(before, "version") || now === told) return;
    told = now;
    window.parent.postMessage({ microgrid: leavesOf() }, "*");
  });
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || typeof data?.microgrid !== "object" || data.microgrid === null) return;
    const moves = new Map();
    for (const [name, x] of Object.entries(data.microgrid)) {
      const i = Object.hasOwn(DATA.names, name) ? DATA.names[name] : undefined;
      if (i !== undefined && !engine.code[i] && Number.isFinite(x) && engine.value[i] !== x) moves.set(i, x);
    }
    if (!moves.size) return;
    for (const [i, x] of moves) engine.value[i] = x;
    told = JSON.stringify(leavesOf());
    engine.compute();
    moved("told");
  });
}

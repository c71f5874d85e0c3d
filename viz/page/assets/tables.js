// The same data as tables: every card, and every shared weight summed over time.

const tableBox = byId("table");

function buildTable() {
  const heads = ["Card", "Value", "Gradient", "Operation", "Local derivatives", "Made in"];
  const text = new Set([0, 3, 4, 5]); // the numbers stand beside the name, wherever a window ends
  const head = heads.map((name, i) =>
    element("th", { scope: "col", ...(text.has(i) ? { class: "text" } : {}) }, name));
  const rows = state.level.cards.flatMap((card) => card.rows.map((row) => tableRow(card, row)));
  tableBox.replaceChildren(
    element("table", {}, element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows)),
  );
  tableBox.level = state.level;
}

function tableRow(card, row) {
  const name = row.name ? `${card.name} ${row.name}` : card.name;
  row.cell = element("td", { class: "gradient" });
  row.number = element("td", { class: "value" });
  row.locals = element("td", { class: "text local" }, localDerivatives(card));
  const line = element("tr", {},
    element("th", { scope: "row" }, card.alias ? `${name} (used at ${whereUsed(card)})` : name),
    row.number,
    row.cell,
    element("td", { class: "text" }, card.formula || card.op),
    row.locals,
    element("td", { class: "text muted" }, card.scope || whereUsed(card)));
  line.addEventListener("click", () => select(card));
  row.line = line;
  return line;
}

function localDerivatives(card) {
  return card.operands.filter((wire) => wire.local).slice(0, 12)
    .map((wire) => `${wire.source.name}: ${isOpen(wire) ? shown(wire.local) : "?"}`).join(",  ");
}

/** The time step of a card in words; of a use of a weight also who uses it. */
function whereUsed(card) {
  const [use] = card.alias ? card.uses : [];
  const column = 0 < card.column && card.column <= DATA.columns.length ? `t = ${card.column}` : "";
  if (!use) return column;
  const { named, short, scope } = use.target;
  const gate = scope.replace(/^(.*\/)?t=\d+\/?/, ""); // of a nameless sum: cell/forget
  return [column, named ? short : gate || short].filter(Boolean).join(", ");
}

painters.push((before) => {
  if (tableBox.hidden) return;
  if (tableBox.level !== state.level || differs(before, "version")) buildTable();
  const closed = state.step < 0 || state.asked !== null;
  for (const card of state.level.cards) {
    for (const row of card.rows) {
      if (closed || tableBox.closed) row.locals.textContent = localDerivatives(card);
      const known = gradient(card, row);
      const text = known ? known.text : "";
      if (row.cell.textContent !== text) row.cell.textContent = text;
      const computed = value(card, row);
      row.number.textContent = computed ? computed.text : "";
      row.number.title = computed && computed.number !== null ? repr(computed.number) : "";
      if (before.selected !== state.selected) row.line.classList.toggle("selected", card === state.selected);
    }
  }
  tableBox.closed = closed; // there are local derivatives that may not be read yet
});

function toggleTable() {
  tableBox.hidden = !tableBox.hidden;
  byId("table-toggle").setAttribute("aria-pressed", !tableBox.hidden);
  canvas.style.visibility = tableBox.hidden ? "" : "hidden";
  show({});
  if (!tableBox.hidden) tableBox.focus();
}
byId("table-toggle").addEventListener("click", toggleTable);

// One gradient, summed over time

const sharedCells = [];

function heatCell(source) {
  const cell = element("td");
  sharedCells.push({ cell, source });
  return cell;
}

/** Write a gradient into a cell of a table, on its heat. */
function warm(cell, x, mute = false) {
  const heat = heatOf(x);
  cell.textContent = x === null || mute ? "" : format(x);
  cell.style.background = heat ? `var(--${heat}-fill)` : "";
  cell.style.color = heat ? `var(--${heat}-text)` : "";
}

function buildShared() {
  if (!DATA.shared.length) return;
  const heads = [element("td"), ...DATA.columns.map((name) => element("th", { scope: "col" }, name))];
  heads.push(element("th", { scope: "col", class: "sum" }, "Σ"));
  const rows = DATA.shared.map((weight) => {
    const sum = heatCell(weight.sum);
    sum.className = "sum";
    const cells = weight.parts.map(heatCell);
    return element("tr", {}, element("th", { scope: "row" }, weight.name), ...cells, sum);
  });
  byId("panels").append(element("section", {},
    element("h2", {}, "One gradient, summed over time"),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Shared weights" },
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)),
        element("tbody", {}, ...rows)))));
}

// Tables that give everything away are shown when the sweep is over

const panelCells = [];

function buildPanels() {
  for (const panel of DATA.panels) {
    const rows = panel.rows.map((cells) => element("tr", {}, ...cells.map(panelCell)));
    byId("findings").append(element("section", {},
      element("h2", {}, panel.title),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": panel.title },
        element("table", {}, element("tbody", {}, ...rows)))));
  }
}

function panelCell(cell) {
  const scope = { name: { scope: "row" }, head: { scope: "col" } }[cell.kind];
  const tag = scope && cell.text ? "th" : "td";
  const made = element(tag, tag === "th" ? scope : {}, cell.text);
  if (cell.number !== null) panelCells.push({ made, ...cell });
  return made;
}

painters.push((before) => {
  byId("findings").hidden = state.step < LAST || state.asked !== null || LAST === 0;
  if (byId("findings").hidden || !differs(before, "version", "step", "asked", "level")) return;
  for (const { made, kind, number, mute } of panelCells) {
    const x = numberOf(number);
    if (kind === "grad") warm(made, x, mute);
    else made.textContent = x === null ? "" : format(x);
  }
});

painters.push((before) => {
  if (!differs(before, "step", "asked", "version")) return;
  const hidden = state.asked?.card?.shared != null;
  for (const { cell, source } of sharedCells) {
    warm(cell, hidden || source === null ? null : numberOf(source, state.step));
  }
});

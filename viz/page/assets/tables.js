// The same data as tables: every card, and every shared weight summed over time.

const tableBox = byId("table");

function buildTable() {
  const heads = ["Card", "Operation", "Value", "Gradient", "Local derivatives", "Made in"];
  const text = new Set([0, 1, 4, 5]);
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
  const slopes = card.operands.filter((wire) => wire.local).slice(0, 12)
    .map((wire) => `${wire.source.name}: ${shown(wire.local)}`).join(",  ");
  row.cell = element("td", { class: "gradient" });
  const line = element("tr", {},
    element("th", { scope: "row" }, card.alias ? `${name} (a use)` : name),
    element("td", { class: "text" }, card.formula || card.op),
    element("td", { class: "value", title: row.value?.[0] ?? "" }, shown(row.value)),
    row.cell,
    element("td", { class: "text local" }, slopes),
    element("td", { class: "text muted" }, card.scope));
  line.addEventListener("click", () => select(card));
  row.line = line;
  return line;
}

painters.push((before) => {
  if (tableBox.hidden) return;
  if (tableBox.level !== state.level) buildTable();
  for (const card of state.level.cards) {
    for (const row of card.rows) {
      const known = gradient(card, row);
      const text = known ? known.text : "";
      if (row.cell.textContent !== text) row.cell.textContent = text;
      if (before.selected !== state.selected) row.line.classList.toggle("selected", card === state.selected);
    }
  }
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

function heatCell(history) {
  const cell = element("td");
  sharedCells.push({ cell, history });
  return cell;
}

function buildShared() {
  if (!DATA.shared.length) return;
  const heads = ["", ...DATA.columns].map((name) => element("th", { scope: "col" }, name));
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

function buildPanels() {
  for (const panel of DATA.panels) {
    const rows = panel.rows.map((cells) => element("tr", {}, ...cells.map(panelCell)));
    byId("findings").append(element("section", {},
      element("h2", {}, panel.title),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": panel.title },
        element("table", {}, element("tbody", {}, ...rows)))));
  }
}

function panelCell({ text, kind, heat }) {
  const scope = { name: { scope: "row" }, head: { scope: "col" } }[kind];
  const cell = element(scope ? "th" : "td", scope ?? {}, text);
  if (heat) {
    cell.style.background = `var(--${heat}-fill)`;
    cell.style.color = `var(--${heat}-text)`;
  }
  return cell;
}

painters.push(() => {
  byId("findings").hidden = state.step < LAST || state.asked !== null || LAST === 0;
});

painters.push((before) => {
  if (before.step === state.step && before.asked === state.asked) return;
  for (const part of sharedCells) {
    const hidden = state.asked && state.asked.shared !== null;
    const entry = hidden ? undefined : latest(part.history);
    if (part.entry === entry) continue;
    part.entry = entry;
    part.cell.textContent = entry ? entry[2] : "";
    part.cell.style.background = entry?.[3] ? `var(--${entry[3]}-fill)` : "";
    part.cell.style.color = entry?.[3] ? `var(--${entry[3]}-text)` : "";
  }
});

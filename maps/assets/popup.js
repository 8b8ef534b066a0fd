/* What a feature says when it is clicked: its name, its fields, and its figures by year. */
"use strict";

function popup(state, layer, i) {
  const shapes = layer.on, told = layer.rows ? layer : shapes;
  const box = element("div", undefined, "popup");
  const title = box.appendChild(element("h2", shapes.titles[i]));
  title.dir = "auto";
  box.append(pairs(shapes.fields[i]), ...charts(state, shapes, i));
  const year = state.data.years[state.year];
  const rows = (told.rows[i] || []).filter((row) => !shapes.rows_of_shown_year || row[0] === year);
  if (rows.length) box.append(rowsTable(told.head, rows, year, shapes.rows_of_shown_year));
  return box;
}

function rowsTable(head, rows, year, hideYear) {
  const skip = hideYear ? 1 : 0;
  const table = element("table");
  if (hideYear) table.append(element("caption", year));
  const line = table.createTHead().insertRow();
  for (const name of head.slice(skip)) line.append(Object.assign(element("th", name), { scope: "col" }));
  const body = table.createTBody();
  for (const row of rows) {
    const tr = body.insertRow();
    if (!hideYear && row[0] === year) tr.className = "shown";
    row.slice(skip).forEach((text, column) => tr.append(column ? element("td", text, "number") : Object.assign(element("th", text), { scope: "row" })));
  }
  return table;
}

function shorten(text) {
  return text.length > 60 ? text.slice(0, 59) + "…" : text;
}

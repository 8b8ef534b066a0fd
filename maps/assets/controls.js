/* What the reader may change: the layers shown, the year, and what to look for. */
"use strict";

function show(state, row, on) {
  if (row.view && on) for (const other of state.rows) if (other.view) state.shown[other.key] = false;
  state.shown[row.key] = on;
  document.querySelector(`.controls input[value="${row.key}"]`).checked = on;
}

function wireLayers(state) {
  for (const row of state.rows)
    document.querySelector(`.controls input[value="${row.key}"]`).addEventListener("change", (event) => {
      show(state, row, event.target.checked);
      for (const { map } of state.views) map.closePopup();
      redraw(state);
    });
}

function wireYear(state) {
  const slider = document.getElementById("year");
  if (!slider) return;
  slider.value = state.year;
  slider.addEventListener("input", () => {
    state.year = Number(slider.value);
    const year = state.data.years[state.year];
    slider.setAttribute("aria-valuetext", year);
    document.getElementById("year-text").textContent = year;
    redraw(state);
    for (const { map } of state.views) map.eachLayer((layer) => layer instanceof L.Popup && layer.update());
  });
}

/* The online background, fetched for the first time when it is ticked. */
function wireTiles(state) {
  const box = document.getElementById("tiles"), { tiles } = state.data.basemap;
  if (!box) return;
  const behind = state.views.map(({ map }) => [map, L.tileLayer(tiles.url, { maxZoom: 19, zIndex: 0 })]);
  box.addEventListener("change", () => {
    for (const [map, layer] of behind) box.checked ? layer.addTo(map) : layer.remove();
  });
}

function wireVariants(state) {
  for (const choice of document.querySelectorAll(".controls input[name=variant]"))
    choice.addEventListener("change", () => {
      state.variant = Number(choice.value);
      redraw(state);
    });
}

function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/\s+/g, " ").replace(/[^\p{L}\p{N} ]/gu, "").toLowerCase().trim();
}

function wireSearch(state, allShapes) {
  const entries = [];
  for (const [key, shapes] of Object.entries(allShapes))
    if (shapes.searchable) shapes.titles.forEach((title, i) => shapes.geometry[i] && entries.push({ key, i, title, folded: fold(title) }));
  for (const [point, title] of state.data.basemap.places) entries.push({ point, title, folded: fold(title) });
  document.getElementById("titles").append(...entries.map(({ title }) => Object.assign(element("option"), { value: title })));
  let last = "", turn = 0;
  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = fold(document.getElementById("query").value);
    turn = query === last ? turn + 1 : 0;
    last = query;
    const rank = (entry) => 3 * hidden(state, entry) + (entry.folded === query ? 0 : entry.folded.startsWith(query) ? 1 : 2);
    const hits = query ? entries.filter((entry) => entry.folded.includes(query)).sort((a, b) => rank(a) - rank(b)) : [];
    const status = document.getElementById("found");
    if (!hits.length) { status.textContent = query ? "Nothing of that name on this map." : ""; return; }
    const hit = hits[turn % hits.length];
    const many = hits.length > 1 ? `${(turn % hits.length) + 1} of ${hits.length}; Find again for the next.` : "";
    status.textContent = [many, visit(state, hit)].filter(Boolean).join(" ");
  });
}

/* 0 for a feature that is on the map now, 1 for a settlement, 2 for a feature of another view: what is shown comes first. */
function hidden(state, { key, point }) {
  if (point) return 1;
  return state.rows.some((row) => row.shapes === key && state.shown[row.key]) ? 0 : 2;
}

const NEAR = 12; /* zoom at which a found school still has its neighbours round it */

/* The feature in the middle of every map that has it, with its popup open; a settlement in the middle of the map. Returns
   what had to be shown for it, in words. */
function visit(state, { key, i, point }) {
  if (point) {
    const [{ map }] = state.views;
    map.setView(point, Math.max(map.getZoom(), NEAR), { animate: false });
    return "";
  }
  const rows = state.rows.filter((row) => row.shapes === key);
  const row = rows.find((candidate) => state.shown[candidate.key]) || rows[0];
  const said = state.shown[row.key] ? "" : `Now showing: ${row.name}.`;
  show(state, row, true);
  redraw(state);
  const found = state.views.map(({ map, layers }) => ({ map, layer: layers.find((layer) => layer.key === row.key) }));
  const there = found.filter(({ map, layer }) => layer && map.hasLayer(layer.items[i]));
  for (const { map, layer } of there.slice(0, 1)) {
    const item = layer.items[i];
    map.getContainer().scrollIntoView({ block: "nearest" });
    if (item.getBounds) map.fitBounds(item.getBounds(), { maxZoom: NEAR, padding: [60, 60], animate: false });
    else map.setView(item.getLatLng(), Math.max(map.getZoom(), NEAR), { animate: false });
  }
  for (const { layer } of there) layer.items[i].openPopup(layer.items[i].getBounds ? L.latLng(layer.on.middle[i]) : undefined);
  return said;
}

/* Two maps next to each other, each with a side of the reader's choice, that move, zoom and change together. */
"use strict";
placeplan.compare = compare;

function compare(maps) {
  const state = readState();
  const { data } = state;
  for (const map of maps) openView(state, map);
  link(state);
  state.views.forEach((view, n) => {
    view.common = makeLayers(state, view.map, data.layers, data.shapes);
    view.made = {};
    view.facts = document.getElementById(`facts-${n + 1}`);
    wireSide(state, view, document.getElementById(`side-${n + 1}`));
  });
  tellFacts(state);
  wireLayers(state);
  wireYear(state);
  wireTiles(state);
  document.getElementById("year")?.addEventListener("input", () => tellFacts(state));
  wireSearch(state, Object.assign({}, data.shapes, ...data.sides.map((side) => side.shapes)));
  wirePrint(state);
  redraw(state);
}

function wireSide(state, view, select) {
  choose(state, view, select.value);
  select.addEventListener("change", () => {
    view.map.closePopup();
    choose(state, view, select.value);
    if (view.side.focus) view.map.fitBounds(view.side.focus, { paddingTopLeft: [40, 50], paddingBottomRight: [90, 70], animate: false });
    tellFacts(state);
    redraw(state);
  });
}

/* Put the chosen side on a map, in place of the one that was there. */
function choose(state, view, chosen) {
  const side = state.data.sides.find(({ key }) => key === chosen);
  for (const layer of view.layers) if (!view.common.includes(layer)) layer.group.remove();
  view.side = side;
  view.made[side.key] ||= makeLayers(state, view.map, side.layers, side.shapes);
  view.layers = [...view.common, ...view.made[side.key]];
  view.map.getContainer().parentElement.setAttribute("aria-label", `Map: ${side.name}`);
}

/* Below each map what is said of its side in the shown year, and by name what the other map codes otherwise. */
function tellFacts(state) {
  for (const view of state.views) {
    const facts = view.side.facts[Math.min(state.year, view.side.facts.length - 1)];
    const coded = view.layers.filter((layer) => layer.codes).map((layer) => [layer.name, differing(state, view, layer)]);
    view.facts.replaceChildren(pairs([...facts, ...coded]));
  }
}

function differing(state, view, layer) {
  const names = layer.on.titles.filter((_, i) => differs(state, view, layer, i));
  return names.length ? `${names.length}: ${names.slice(0, 8).join("; ")}${names.length > 8 ? ` and ${names.length - 8} more` : ""}` : "nowhere";
}

/* The map that moves leads, the other follows at once; labels are placed anew when the leader rests. */
function link(state) {
  const maps = state.views.map(({ map }) => map);
  const [first] = maps;
  let leader = null;
  for (const map of maps) {
    map.setMinZoom(first.getMinZoom());
    if (state.data.focus) first.fitBounds(state.data.focus, { paddingTopLeft: [12, 50], paddingBottomRight: [60, 50], animate: false });
    map.setView(first.getCenter(), first.getZoom(), { animate: false });
    map.on("move", () => {
      if (leader) return;
      leader = map;
      for (const other of maps) if (other !== map) other.setView(map.getCenter(), map.getZoom(), { animate: false });
      leader = null;
    });
    map.on("zoomend moveend", () => leader || maps.forEach(tidy));
  }
}

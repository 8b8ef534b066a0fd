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
    wireSide(state, view, document.getElementById(`side-${n + 1}`), document.getElementById(`facts-${n + 1}`));
    choose(state, view);
  });
  wireLayers(state);
  wireYear(state);
  document.getElementById("year")?.addEventListener("input", () => state.views.forEach((view) => tellFacts(state, view)));
  wireSearch(state, Object.assign({}, data.shapes, ...data.sides.map((side) => side.shapes)));
  redraw(state);
}

function wireSide(state, view, select, facts) {
  Object.assign(view, { select, facts });
  select.addEventListener("change", () => {
    view.map.closePopup();
    choose(state, view);
    redraw(state);
  });
}

/* Put the chosen side on a map, in place of the one that was there. */
function choose(state, view) {
  const side = state.data.sides.find(({ key }) => key === view.select.value);
  for (const layer of view.layers) if (!view.common.includes(layer)) layer.group.remove();
  view.side = side;
  view.made[side.key] ||= makeLayers(state, view.map, side.layers, side.shapes);
  view.layers = [...view.common, ...view.made[side.key]];
  view.map.getContainer().parentElement.setAttribute("aria-label", `Map: ${side.name}`);
  tellFacts(state, view);
}

function tellFacts(state, { side, facts }) {
  facts.replaceChildren(pairs(side.facts[Math.min(state.year, side.facts.length - 1)]));
}

/* The map that moves leads, the other follows at once; labels are placed anew when the leader rests. */
function link(state) {
  const maps = state.views.map(({ map }) => map);
  const [first] = maps;
  let leader = null;
  for (const map of maps) {
    map.setMinZoom(first.getMinZoom());
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

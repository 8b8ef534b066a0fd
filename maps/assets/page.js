/* The script of a placeplan map page. It reads #map-data, draws it on the Leaflet map it is given and answers the
   controls. window.placeplan.counts says how many features of each layer are drawn, on all maps of the page together. */
"use strict";
window.placeplan = { counts: {}, start, state: null };

function start(map) {
  const state = readState();
  const view = openView(state, map);
  view.layers = makeLayers(state, map, state.data.layers, state.data.shapes);
  wireLayers(state);
  wireYear(state);
  wireVariants(state);
  wireTiles(state);
  wireSearch(state, state.data.shapes);
  wirePrint(state);
  map.on("zoomend moveend", () => tidy(map));
  redraw(state);
}

/* The page's data; `rows` are its layers as the controls list them, each key once. */
function readState() {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const layers = [...data.layers, ...data.sides.flatMap((side) => side.layers)];
  const rows = layers.filter((layer, n) => layers.findIndex(({ key }) => key === layer.key) === n);
  const shown = Object.fromEntries(rows.map((row) => [row.key, row.shown]));
  addHatches(layers);
  placeplan.state = { data, rows, shown, year: data.first_year, variant: 0, views: [] };
  return placeplan.state;
}

/* Maps on paper: each takes the size that the style of the printed page gives it and shows the ground that it shows on
   screen. The class is set beforehand, since a map has to be drawn anew before the browser lays the paper out. */
"use strict";

function wirePrint(state) {
  let before = [];
  window.addEventListener("beforeprint", () => {
    if (before.length) return;
    before = state.views.map(({ map }) => ({ map, bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom() }));
    document.body.classList.add("printing");
    for (const { map } of before) map.invalidateSize({ animate: false, pan: false });
    const { bounds: all } = state.data;
    for (const { map, bounds } of before) map.fitBounds(bounds.contains(all) ? all : bounds, { padding: [6, 6], animate: false });
    for (const { map } of before) tidy(map);
  });
  window.addEventListener("afterprint", () => {
    document.body.classList.remove("printing");
    for (const { map } of before) map.invalidateSize({ animate: false, pan: false });
    for (const { map, center, zoom } of before) map.setView(center, zoom, { animate: false });
    before = [];
  });
}

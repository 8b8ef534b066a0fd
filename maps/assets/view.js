/* One Leaflet map of the page and what is drawn on it. The state is the page's: its data, the year, which layers are
   shown, and its views, one a map. */
"use strict";

function openView(state, map) {
  const view = { map, layers: [], counts: {} };
  map.createPane("roads").style.zIndex = 420;
  map.createPane("lines").style.zIndex = 430;
  map.createPane("labels").style.zIndex = 650;
  for (const name of ["roads", "labels"]) map.getPane(name).style.pointerEvents = "none";
  map.fitBounds(state.data.bounds, { padding: [12, 12], animate: false });
  map.setMinZoom(map.getZoom() - 2);
  addBasemap(map, state.data.basemap);
  addFullScreen(map);
  map.on("popupopen", ({ popup }) => {
    const content = popup.getElement().querySelector(".leaflet-popup-content");
    Object.assign(content, { tabIndex: 0, role: "region", ariaLabel: content.querySelector("h2")?.textContent || "" });
  });
  state.views.push(view);
  return view;
}

/* A button that fills the screen with the map, its controls and its legend. */
function addFullScreen(map) {
  if (!document.fullscreenEnabled) return;
  const control = L.control({ position: "topleft" });
  control.onAdd = () => {
    const button = element("button", "Full screen", "full-screen");
    button.type = "button";
    L.DomEvent.disableClickPropagation(button);
    button.addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.querySelector(".map-and-controls").requestFullscreen();
    });
    document.addEventListener("fullscreenchange", () => {
      button.textContent = document.fullscreenElement ? "Leave full screen" : "Full screen";
      map.invalidateSize();
    });
    return button;
  };
  control.addTo(map);
}

function addBasemap(map, { boundaries, roads, places }) {
  const plain = (geometry, style, pane) =>
    L.geoJSON({ type: "Feature", geometry, properties: {} }, { style, pane, interactive: false }).addTo(map);
  for (const geometry of boundaries) plain(geometry, { color: "#969696", weight: 0.7, fill: false, className: "boundary" }, "roads");
  for (const [geometry, weight] of roads) plain(geometry, { color: "#8c6d5a", weight, opacity: 0.55, className: "road" }, "roads");
  for (const [point, name] of places) L.marker(point, { icon: label(name, "place"), pane: "labels", interactive: false, keyboard: false }).addTo(map);
}

/* Layers for one map, not shown yet: each is a copy of what the page's data say, with its items on that map. */
function makeLayers(state, map, layers, shapes) {
  return layers.map((told) => {
    const layer = { ...told, on: shapes[told.shapes], group: L.layerGroup() };
    addItems(state, map, layer);
    return layer;
  });
}

function addItems(state, map, layer) {
  const shapes = layer.on, size = map.getSize();
  layer.items = shapes.geometry.map((geometry, i) => {
    if (!geometry) return null;
    const style = styleOf(state, layer, i) || layer.styles[0];
    const item = geometry.type === "Point"
      ? L.marker([geometry.coordinates[1], geometry.coordinates[0]], { icon: icon(layer, style), keyboard: false, zIndexOffset: 1000 * style.size_px })
      : skipped(path(layer, geometry, pathStyle(state, layer, style, i)));
    item.bindPopup(() => popup(state, layer, i), { maxWidth: Math.min(340, size.x - 60), minWidth: 200, maxHeight: Math.min(480, size.y - 60), autoPanPadding: [8, 8] });
    item.bindTooltip(() => { const node = element("span", [shorten(shapes.titles[i]), shapes.hints[i]].filter(Boolean).join(": ")); node.dir = "auto"; return node; }, { sticky: true });
    return item.addTo(layer.group);
  });
  if (!layer.labels) return;
  layer.texts = shapes.middle.map((point, i) => point && L.marker(point, { icon: label("", `strong ${{ LineString: "on-line", Point: "of-point" }[shapes.geometry[i].type] || ""}`), pane: "labels", interactive: false, keyboard: false }).addTo(layer.group));
}

/* Keyboards reach a feature by Find: hundreds of outlines between two controls would be in their way. */
function skipped(item) {
  item.on("add", () => item.getElement?.()?.setAttribute("tabindex", "-1"));
  return item;
}

function path(layer, geometry, style) {
  const isLine = geometry.type.endsWith("LineString");
  const options = { ...style, className: `feature layer-${layer.key}`, pane: isLine ? "lines" : "overlayPane" };
  if (layer.on.geometry.length > 2000) options.renderer = L.canvas({ pane: options.pane });
  const deep = geometry.type === "Polygon" || geometry.type === "MultiLineString" ? 1 : geometry.type === "MultiPolygon" ? 2 : 0;
  const points = L.GeoJSON.coordsToLatLngs(geometry.coordinates, deep);
  return isLine ? L.polyline(points, options) : L.polygon(points, options);
}

/* A layer's figures in the shown year: they are one row, or a row a year, or rows by year for each variant. */
function ofYear(state, values) {
  const own = Array.isArray(values[0]?.[0]) ? values[state.variant] : values;
  return Array.isArray(own[0]) ? own[state.year] : own;
}

function styleOf(state, layer, i) {
  return layer.styles[ofYear(state, layer.style_of)[i]];
}

function pathStyle(state, layer, style, i) {
  return {
    color: style.line, weight: layer.line_px ? ofYear(state, layer.line_px)[i] : style.line_px, opacity: layer.line_px ? style.opacity : 1,
    fillColor: style.paint, fillOpacity: style.opacity, dashArray: style.dash || null,
  };
}

function redraw(state) {
  for (const view of state.views) redrawView(state, view);
  for (const { key } of state.rows) placeplan.counts[key] = state.views.reduce((sum, view) => sum + (view.counts[key] || 0), 0);
  drawLegend(state);
  for (const { map } of state.views) tidy(map);
}

function redrawView(state, view) {
  view.counts = {};
  for (const layer of view.layers) {
    const shown = state.shown[layer.key];
    if (shown) layer.group.addTo(view.map);
    else layer.group.remove();
    if (shown) restyle(state, view, layer);
    if (shown && layer.line_px) layer.items.forEach((item) => item && item.bringToFront());
    view.counts[layer.key] = layer.items.filter((item) => item && view.map.hasLayer(item)).length;
  }
}

function restyle(state, view, layer) {
  if (layer.by_year || layer.codes) layer.items.forEach((item, i) => {
    if (!item) return;
    const style = styleOf(state, layer, i);
    if (!style || !differs(state, view, layer, i)) { layer.group.removeLayer(item); return; }
    layer.group.addLayer(item);
    if (item.setStyle) item.setStyle(pathStyle(state, layer, style, i));
    else item.setIcon(icon(layer, style));
  });
  if (!layer.labels) return;
  const texts = ofYear(state, layer.labels);
  layer.texts.forEach((text, i) => text && (text.getElement().firstChild.textContent = texts[i]));
}

/* A layer with codes marks what another map of the page codes otherwise. */
function differs(state, view, layer, i) {
  if (!layer.codes) return true;
  const others = state.views.filter((other) => other !== view).map((other) => other.layers.find(({ key }) => key === layer.key));
  return others.some((other) => other && other.codes[i] !== layer.codes[i]);
}

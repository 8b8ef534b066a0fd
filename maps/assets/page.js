/* The script of a placeplan map page. It reads #map-data, draws it on the Leaflet map it is given and answers the
   controls. Every text reaches the page through textContent. window.placeplan.counts says how many features of each
   layer are on the map. */
"use strict";
window.placeplan = { counts: {}, start };

function start(map) {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const view = { map, data, year: data.first_year };
  map.createPane("roads").style.zIndex = 420;
  map.createPane("lines").style.zIndex = 430;
  map.createPane("labels").style.zIndex = 650;
  for (const name of ["roads", "labels"]) map.getPane(name).style.pointerEvents = "none";
  addHatches(data.layers);
  map.fitBounds(data.bounds, { padding: [12, 12], animate: false });
  map.setMinZoom(map.getZoom() - 2);
  addBasemap(view);
  for (const layer of data.layers) addItems(view, layer);
  wireLayers(view);
  wireYear(view);
  wireSearch(view);
  map.on("zoomend moveend", () => tidy(map));
  redraw(view);
}

/* ---- drawing ---- */

const SVG = "http://www.w3.org/2000/svg";
const OUTLINES = {
  circle: "M12 3a9 9 0 1 0 .01 0z",
  square: "M4 4h16v16H4z",
  diamond: "M12 1l10 11-10 11L2 12z",
  triangle: "M12 2l11 19H1z",
  "triangle-down": "M12 22L1 3h22z",
  star: "M12 0l3.4 8.1 8.6.7-6.6 5.7 2.1 8.5-7.5-4.6-7.5 4.6 2.1-8.5L0 8.8l8.6-.7z",
  cross: "M5 1l7 7 7-7 4 4-7 7 7 7-4 4-7-7-7 7-4-4 7-7-7-7z",
};

function svg(tag, attributes, children = []) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function symbol(style, size) {
  return svg("svg", { width: size, height: size, viewBox: "-1 -1 26 26", "aria-hidden": "true" }, [
    svg("path", {
      d: OUTLINES[style.shape], fill: style.fill, stroke: style.line, "fill-opacity": style.opacity,
      "stroke-width": (style.line_px * 24) / size, "stroke-linejoin": "round",
    }),
  ]);
}

function addHatches(layers) {
  const patterns = [];
  for (const layer of layers)
    layer.styles.forEach((style, i) => {
      style.paint = style.fill;
      if (!style.hatch) return;
      const id = `hatch-${layer.key}-${i}`;
      style.paint = `url(#${id})`;
      patterns.push(svg("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, [
        svg("rect", { width: 8, height: 8, fill: style.fill }),
        svg("rect", { width: 2, height: 8, fill: "#252525", "fill-opacity": 0.55 }),
      ]));
    });
  document.body.append(svg("svg", { width: 0, height: 0, "aria-hidden": "true", class: "hatches" }, [svg("defs", {}, patterns)]));
}

function addBasemap({ map, data }) {
  const { boundaries, roads, places } = data.basemap;
  const plain = (geometry, style, pane) =>
    L.geoJSON({ type: "Feature", geometry, properties: {} }, { style, pane, interactive: false }).addTo(map);
  for (const geometry of boundaries) plain(geometry, { color: "#969696", weight: 0.7, fill: false, className: "boundary" }, "roads");
  for (const [geometry, weight] of roads) plain(geometry, { color: "#8c6d5a", weight, opacity: 0.55, className: "road" }, "roads");
  for (const [point, name] of places) L.marker(point, { icon: label(name, "place"), pane: "labels", interactive: false, keyboard: false }).addTo(map);
}

function label(text, className) {
  const html = element("span", text);
  html.dir = "auto";
  return L.divIcon({ html, className: `map-label ${className}`, iconSize: [0, 0] });
}

function styleOf(view, layer, i) {
  return layer.styles[(layer.by_year ? layer.style_of[view.year] : layer.style_of)[i]];
}

function pathStyle(layer, style, i) {
  return {
    color: style.line, weight: layer.line_px ? layer.line_px[i] : style.line_px, opacity: layer.line_px ? style.opacity : 1,
    fillColor: style.paint, fillOpacity: style.opacity, dashArray: style.dash || null,
  };
}

function icon(layer, style) {
  return L.divIcon({ html: symbol(style, style.size_px), className: `marker ${style.size_px < 18 ? "small " : ""}feature layer-${layer.key}`, iconSize: [style.size_px, style.size_px] });
}

function addItems(view, layer) {
  const shapes = view.data.shapes[layer.shapes];
  const size = view.map.getSize();
  layer.group = L.layerGroup();
  layer.items = shapes.geometry.map((geometry, i) => {
    if (!geometry) return null;
    const style = styleOf(view, layer, i);
    const item = geometry.type === "Point"
      ? L.marker([geometry.coordinates[1], geometry.coordinates[0]], { icon: icon(layer, style), keyboard: false, zIndexOffset: 1000 * style.size_px })
      : path(layer, shapes, geometry, pathStyle(layer, style, i));
    item.bindPopup(() => popup(view, shapes, i), { maxWidth: Math.min(340, size.x - 60), minWidth: 200, maxHeight: Math.min(420, size.y - 90), autoPanPadding: [8, 8] });
    item.bindTooltip(() => { const node = element("span", shorten(shapes.titles[i])); node.dir = "auto"; return node; }, { sticky: true });
    return item.addTo(layer.group);
  });
  if (!layer.labels) return;
  layer.texts = shapes.middle.map((point, i) => point && L.marker(point, { icon: label("", shapes.geometry[i].type === "LineString" ? "strong on-line" : "strong"), pane: "labels", interactive: false, keyboard: false }).addTo(layer.group));
}

function path(layer, shapes, geometry, style) {
  const isLine = geometry.type.endsWith("LineString");
  const options = { ...style, className: `feature layer-${layer.key}`, pane: isLine ? "lines" : "overlayPane" };
  if (shapes.geometry.length > 2000) options.renderer = L.canvas({ pane: options.pane });
  const deep = geometry.type === "Polygon" || geometry.type === "MultiLineString" ? 1 : geometry.type === "MultiPolygon" ? 2 : 0;
  const points = L.GeoJSON.coordsToLatLngs(geometry.coordinates, deep);
  return isLine ? L.polyline(points, options) : L.polygon(points, options);
}

function shorten(text) {
  return text.length > 60 ? text.slice(0, 59) + "…" : text;
}

/* ---- popup ---- */

function popup(view, shapes, i) {
  const box = element("div", undefined, "popup");
  const title = box.appendChild(element("h2", shapes.titles[i]));
  title.dir = "auto";
  const list = box.appendChild(element("dl"));
  for (const [name, value] of shapes.fields[i]) {
    list.append(element("dt", name), element("dd", value));
    list.lastChild.dir = "auto";
  }
  const year = view.data.years[view.year];
  const rows = (shapes.rows[i] || []).filter((row) => !shapes.rows_of_shown_year || row[0] === year);
  if (rows.length) box.append(rowsTable(shapes.head, rows, year, shapes.rows_of_shown_year));
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

/* ---- controls ---- */

function show(view, layer, on) {
  layer.shown = on;
  const input = document.querySelector(`.controls input[value="${layer.key}"]`);
  input.checked = on;
  if (layer.view && on) for (const other of view.data.layers) if (other.view && other !== layer) other.shown = false;
}

function redraw(view) {
  const { map, data } = view;
  for (const layer of data.layers) {
    if (layer.shown) layer.group.addTo(map);
    else layer.group.remove();
    if (layer.shown) restyle(view, layer);
    if (layer.shown && layer.line_px) layer.items.forEach((item) => item && item.bringToFront());
    placeplan.counts[layer.key] = layer.items.filter((item) => item && map.hasLayer(item)).length;
  }
  drawLegend(view);
  tidy(map);
}

function restyle(view, layer) {
  layer.items.forEach((item, i) => {
    if (!item || !layer.by_year) return;
    const style = styleOf(view, layer, i);
    if (item.setStyle) item.setStyle(pathStyle(layer, style, i));
    else item.setIcon(icon(layer, style));
  });
  if (!layer.labels) return;
  const texts = layer.by_year ? layer.labels[view.year] : layer.labels;
  layer.texts.forEach((text, i) => text && (text.getElement().firstChild.textContent = texts[i]));
}

function wireLayers(view) {
  for (const layer of view.data.layers)
    document.querySelector(`.controls input[value="${layer.key}"]`).addEventListener("change", (event) => {
      show(view, layer, event.target.checked);
      view.map.closePopup();
      redraw(view);
    });
}

function wireYear(view) {
  const slider = document.getElementById("year");
  if (!slider) return;
  slider.value = view.year;
  slider.addEventListener("input", () => {
    view.year = Number(slider.value);
    const year = view.data.years[view.year];
    slider.setAttribute("aria-valuetext", year);
    document.getElementById("year-text").textContent = year;
    redraw(view);
    view.map.eachLayer((layer) => layer instanceof L.Popup && layer.update());
  });
}

function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[^\p{L}\p{N} ]/gu, "").toLowerCase().trim();
}

function wireSearch(view) {
  const entries = [];
  for (const [key, shapes] of Object.entries(view.data.shapes))
    if (shapes.searchable) shapes.titles.forEach((title, i) => shapes.geometry[i] && entries.push({ key, i, title, folded: fold(title) }));
  document.getElementById("titles").append(...entries.map(({ title }) => Object.assign(element("option"), { value: title })));
  let last = "", turn = 0;
  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = fold(document.getElementById("query").value);
    turn = query === last ? turn + 1 : 0;
    last = query;
    const rank = (entry) => (entry.folded === query ? 0 : entry.folded.startsWith(query) ? 1 : 2);
    const hits = query ? entries.filter((entry) => entry.folded.includes(query)).sort((a, b) => rank(a) - rank(b)) : [];
    const status = document.getElementById("found");
    if (!hits.length) { status.textContent = query ? "Nothing of that name on this map." : ""; return; }
    const hit = hits[turn % hits.length];
    status.textContent = hits.length > 1 ? `${(turn % hits.length) + 1} of ${hits.length}; Find again for the next.` : "";
    visit(view, hit);
  });
}

function visit(view, { key, i }) {
  const layers = view.data.layers.filter((layer) => layer.shapes === key);
  const layer = layers.find((candidate) => candidate.shown) || layers[0];
  show(view, layer, true);
  redraw(view);
  const item = layer.items[i];
  view.map.getContainer().scrollIntoView({ block: "nearest" });
  if (item.getBounds) view.map.fitBounds(item.getBounds(), { maxZoom: 13, padding: [60, 60], animate: false });
  else view.map.setView(item.getLatLng(), Math.max(view.map.getZoom(), 13), { animate: false });
  item.openPopup(item.getBounds ? L.latLng(view.data.shapes[key].middle[i]) : undefined);
}

/* ---- legend and labels ---- */

/* As in the list of layers: the view first, then what lies on top of it, topmost first. */
function listed(layers) {
  return [...layers.filter((layer) => layer.view), ...layers.filter((layer) => !layer.view).reverse()];
}

function drawLegend(view) {
  const box = document.getElementById("legend");
  box.replaceChildren();
  for (const layer of listed(view.data.layers)) {
    const used = new Set(layer.style_of.flat());
    const named = layer.styles.filter((style, i) => style.label && (layer.view || used.has(i)));
    if (!layer.shown || !named.length) continue;
    if (named.length > 1) box.append(element("h2", layer.by_year ? `${layer.name}, ${view.data.years[view.year]}` : layer.name));
    if (layer.legend) box.append(element("p", layer.legend));
    const kind = (view.data.shapes[layer.shapes].geometry.find((geometry) => geometry) || { type: "Point" }).type;
    const list = box.appendChild(element("ul"));
    for (const style of named) {
      const item = list.appendChild(element("li"));
      item.append(swatch(kind, layer, style), element("span", style.label));
    }
  }
}

function at(node, x) {
  node.setAttribute("x", x);
  return node;
}

function swatch(kind, layer, style) {
  if (kind === "Point") return svg("svg", { width: 26, height: Math.max(style.size_px, 16) }, [at(symbol(style, style.size_px), (26 - style.size_px) / 2)]);
  const line = { stroke: style.line, "stroke-dasharray": style.dash };
  const drawing = kind.endsWith("LineString")
    ? svg("line", { ...line, x1: 1, y1: 8, x2: 25, y2: 8, "stroke-width": layer.line_px ? 4 : style.line_px, "stroke-opacity": style.opacity })
    : svg("rect", { ...line, x: 1, y: 1, width: 24, height: 14, fill: style.paint, "fill-opacity": style.opacity, "stroke-width": Math.min(style.line_px, 2) });
  return svg("svg", { width: 26, height: 16, "aria-hidden": "true" }, [drawing]);
}

function tidy(map) {
  map.getContainer().classList.toggle("far", map.getZoom() < 10.5);
  declutter(map);
}

/* Each label at the first of seven positions where it covers no marker and no label placed before it. Without one, a
   strong label may cover markers; any other is hidden. A label of a line stands on the line or nowhere. */
function declutter(map) {
  const labels = [...map.getPane("labels").querySelectorAll(".map-label")].filter((node) => node.firstChild.textContent);
  labels.sort((a, b) => b.classList.contains("strong") - a.classList.contains("strong"));
  const markers = [...map.getPane("markerPane").children].map((node) => node.firstChild.getBoundingClientRect());
  const placed = [];
  for (const node of labels) {
    const text = node.firstChild, anchor = node.getBoundingClientRect();
    const onLine = node.classList.contains("on-line"), strong = node.classList.contains("strong");
    const w = text.offsetWidth, h = text.offsetHeight;
    const around = [[0, -h], [0, h], [w / 2 + 10, 0], [-w / 2 - 10, 0], [0, -2 * h], [0, 2 * h]];
    const boxes = [[0, 0], ...(onLine ? [] : around)].map(([x, y]) => {
      const left = anchor.left + x - w / 2, top = anchor.top + y - h / 2;
      return { x, y, left, top, right: left + w, bottom: top + h };
    });
    const box = boxes.find((one) => clear(one, markers) && clear(one, placed)) || (strong && !onLine && boxes.find((one) => clear(one, placed)));
    node.classList.toggle("covered", !box);
    if (!box) continue;
    placed.push(box);
    text.style.transform = `translate(-50%, -50%) translate(${box.x}px, ${box.y}px)`;
  }
}

function clear(box, others) {
  return !others.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
}

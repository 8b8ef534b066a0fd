/* The legend: a line for each style that is on a map now. */
"use strict";

/* As in the list of layers: the view first, then what lies on top of it, topmost first. */
function listed(rows) {
  return [...rows.filter((row) => row.view), ...rows.filter((row) => !row.view).reverse()];
}

function drawLegend(state) {
  const box = document.getElementById("legend");
  box.replaceChildren();
  for (const { key } of listed(state.rows)) {
    const drawn = state.views.flatMap((view) => view.layers.filter((layer) => layer.key === key));
    if (state.shown[key] && drawn.length) legendOf(state, drawn, box);
  }
}

/* One layer's part, from its drawing on every map of the page. */
function legendOf(state, drawn, box) {
  const layer = drawn[0];
  const used = new Set(drawn.flatMap(({ style_of }) => style_of.flat(2)));
  const named = layer.styles.filter((style, i) => style.label && (layer.view || used.has(i)));
  if (!named.length) return;
  const shown = [layer.name, layer.by_year && state.data.years[state.year], layer.by_variant && state.data.variants[state.variant]];
  if (named.length > 1) box.append(element("h2", shown.filter(Boolean).join(", ")));
  for (const said of new Set(drawn.map(({ legend }) => legend))) if (said) box.append(element("p", said));
  const kind = (drawn.flatMap(({ on }) => on.geometry).find((geometry) => geometry) || { type: "Point" }).type;
  const list = box.appendChild(element("ul"));
  for (const style of named) {
    const item = list.appendChild(element("li"));
    item.append(swatch(kind, layer, style), element("span", style.label));
  }
}

function at(node, x) {
  node.setAttribute("x", x);
  return node;
}

function swatch(kind, layer, style) {
  const size = Math.min(style.size_px, 26);
  if (kind === "Point") return svg("svg", { width: 26, height: Math.max(size, 16) }, [at(symbol(style, size), (26 - size) / 2)]);
  const line = { stroke: style.line, "stroke-dasharray": style.dash };
  const drawing = kind.endsWith("LineString")
    ? svg("line", { ...line, x1: 1, y1: 8, x2: 25, y2: 8, "stroke-width": layer.line_px ? 4 : style.line_px, "stroke-opacity": style.opacity })
    : svg("rect", { ...line, x: 1, y: 1, width: 24, height: 14, fill: style.paint, "fill-opacity": style.opacity, "stroke-width": Math.min(style.line_px, 2) });
  return svg("svg", { width: 26, height: 16, "aria-hidden": "true" }, [drawing]);
}

/* Elements, text and signs: what a map, its legend and its popups are made of. Every text reaches the page through
   textContent. */
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const OUTLINES = {
  circle: "M12 3a9 9 0 1 0 .01 0z",
  square: "M4 4h16v16H4z",
  diamond: "M12 1l10 11-10 11L2 12z",
  triangle: "M12 2l11 19H1z",
  "triangle-down": "M12 22L1 3h22z",
  star: "M12 0l3.4 8.1 8.6.7-6.6 5.7 2.1 8.5-7.5-4.6-7.5 4.6 2.1-8.5L0 8.8l8.6-.7z",
  cross: "M5 1l7 7 7-7 4 4-7 7 7 7-4 4-7-7-7 7-4-4 7-7-7-7z",
  plus: "M8 1h8v7h7v8h-7v7H8v-7H1V8h7z",
  bar: "M1 6h22v12H1z",
  "half-square": "M3 2v19h19z",
  "half-circle": "M1 18a11 11 0 0 1 22 0z",
  hexagon: "M6.5 2h11L23 12l-5.5 10h-11L1 12z",
  pentagon: "M12 1l11.4 8.3-4.3 13.4H4.9L.6 9.3z",
  shield: "M3 2h18v10l-9 11-9-11z",
  arrow: "M3 1l20 11L3 23z",
  hourglass: "M3 2h18l-6 10 6 10H3l6-10z",
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

function pairs(entries, className) {
  const list = element("dl", undefined, className);
  for (const [name, value] of entries) {
    list.append(element("dt", name), element("dd", value));
    list.lastChild.dir = "auto";
  }
  return list;
}

function symbol(style, size) {
  return svg("svg", { width: size, height: size, viewBox: "-1 -1 26 26", "aria-hidden": "true" }, [
    svg("path", {
      d: OUTLINES[style.shape], fill: style.fill, stroke: style.line, "fill-opacity": style.opacity,
      "stroke-width": (style.line_px * 24) / size, "stroke-linejoin": "round",
    }),
  ]);
}

function icon(layer, style) {
  return L.divIcon({ html: symbol(style, style.size_px), className: `marker ${style.size_px < 18 ? "small " : ""}feature layer-${layer.key}`, iconSize: [style.size_px, style.size_px] });
}

function label(text, className) {
  const html = element("span", text);
  html.dir = "auto";
  return L.divIcon({ html, className: `map-label ${className}`, iconSize: [0, 0] });
}

/* The paint of every style; a hatch is drawn once for all layers of one key, which have the same styles. */
function addHatches(layers) {
  const patterns = new Map();
  for (const layer of layers)
    layer.styles.forEach((style, i) => {
      style.paint = style.fill;
      if (!style.hatch) return;
      const id = `hatch-${layer.key}-${i}`;
      style.paint = `url(#${id})`;
      patterns.set(id, svg("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, [
        svg("rect", { width: 8, height: 8, fill: style.fill }),
        svg("rect", { width: 2, height: 8, fill: "#252525", "fill-opacity": 0.55 }),
      ]));
    });
  document.body.append(svg("svg", { width: 0, height: 0, "aria-hidden": "true", class: "hatches" }, [svg("defs", {}, [...patterns.values()])]));
}

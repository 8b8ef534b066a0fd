/* Charts in a popup. Their figures are in the popup's table too, so that a chart is hidden from screen readers. */
"use strict";

const CHART = { width: 300, height: 78, left: 34, right: 8, top: 8, bottom: 18 };

function charts(state, shapes, i) {
  return shapes.charts.map((chart) => {
    const figure = element("figure", undefined, "chart");
    const drawing = chart.kind === "band" ? band(state, chart, i) : bars(state, chart, i);
    if (!drawing) return "";
    figure.append(element("figcaption", chart.kind === "bars" ? `${chart.name}, ${state.data.years[state.year]}` : chart.name), drawing);
    return figure;
  });
}

/* Steps of 1, 2 or 5 times a power of ten that fit at most three times below the largest figure. */
function step(largest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(largest, 1) / 3));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => largest / one <= 3) || 1;
}

function frame(largest) {
  const { width, height, left, right, top, bottom } = CHART;
  const top_of = (value) => height - bottom - ((height - top - bottom) * value) / (largest || 1);
  const parts = [];
  for (let value = 0; value <= largest; value += step(largest))
    parts.push(
      svg("line", { x1: left, x2: width - right, y1: top_of(value), y2: top_of(value), class: "rule" }),
      write(value.toLocaleString("en-GB"), left - 4, top_of(value) + 4, "end"),
    );
  return { parts, top_of };
}

function write(text, x, y, anchor) {
  const node = svg("text", { x, y, "text-anchor": anchor });
  node.textContent = text;
  return node;
}

function drawing(parts) {
  return svg("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, "aria-hidden": "true" }, parts);
}

function band(state, chart, i) {
  const { width, height, left, right } = CHART, years = state.data.years;
  const [mean, low, high] = [chart.mean[i], chart.low[i], chart.high[i]];
  const known = mean.filter((value) => value !== null);
  if (known.length < 2) return null;
  const { parts, top_of } = frame(Math.max(...known, ...high));
  const x = (n) => left + ((width - left - right) * n) / (years.length - 1);
  const ranged = years.map((_, n) => n).filter((n) => low[n] !== null && high[n] !== null);
  const edge = [...ranged.map((n) => `${x(n)},${top_of(high[n])}`), ...ranged.reverse().map((n) => `${x(n)},${top_of(low[n])}`)];
  if (edge.length) parts.push(svg("polygon", { points: edge.join(" "), class: "range" }));
  const line = years.map((_, n) => n).filter((n) => mean[n] !== null).map((n) => `${x(n)},${top_of(mean[n])}`);
  parts.push(svg("polyline", { points: line.join(" "), class: "mean" }));
  if (mean[state.year] !== null) parts.push(svg("circle", { cx: x(state.year), cy: top_of(mean[state.year]), r: 4, class: "now" }));
  parts.push(write(years[0], left, height - 4, "start"), write(years[years.length - 1], width - right, height - 4, "end"));
  return drawing(parts);
}

/* Bars of the shown year, each with a stroke where it stood in the first year. */
function bars(state, chart, i) {
  const { width, height, left, right } = CHART, values = chart.values[i];
  const shown = values[state.year];
  if (shown.every((value) => value === null)) return null;
  const { parts, top_of } = frame(Math.max(...values.flat()));
  const wide = (width - left - right) / chart.labels.length;
  chart.labels.forEach((label, n) => {
    const x = left + wide * n, base = values[0][n];
    if (shown[n] !== null) parts.push(svg("rect", { x: x + 2, y: top_of(shown[n]), width: wide - 4, height: top_of(0) - top_of(shown[n]), class: "bar" }));
    if (base !== null) parts.push(svg("line", { x1: x + 1, x2: x + wide - 1, y1: top_of(base), y2: top_of(base), class: "base" }));
    parts.push(write(label.replace(/^Y/, ""), x + wide / 2, height - 4, "middle"));
  });
  return drawing(parts);
}

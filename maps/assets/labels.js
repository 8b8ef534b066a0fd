/* Which labels of a map can be read where it stands: those that cover nothing else. */
"use strict";

function tidy(map) {
  map.getContainer().classList.toggle("far", map.getZoom() < 10.5);
  declutter(map);
}

/* Each label at the first of seven positions where it lies whole on the map and covers no marker and no label placed
   before it: those of points first, as they have to stand near theirs. Without one, a strong label may cover markers; any other is hidden. A label of a line stands on the line or
   nowhere. */
function declutter(map) {
  const labels = [...map.getPane("labels").querySelectorAll(".map-label")].filter((node) => node.firstChild.textContent);
  const rank = ({ classList }) => classList.contains("strong") + classList.contains("of-point");
  labels.sort((a, b) => rank(b) - rank(a));
  const markers = [...map.getPane("markerPane").children].map((node) => node.firstChild.getBoundingClientRect());
  const placed = [], frame = map.getContainer().getBoundingClientRect();
  for (const node of labels) {
    const text = node.firstChild, anchor = node.getBoundingClientRect();
    const onLine = node.classList.contains("on-line"), strong = node.classList.contains("strong");
    const w = text.offsetWidth, h = text.offsetHeight;
    const around = [[0, -h], [0, h], [w / 2 + 10, 0], [-w / 2 - 10, 0], [0, -2 * h], [0, 2 * h]];
    const places = [[0, 0], ...(onLine ? [] : around)].map(([x, y]) => {
      const left = anchor.left + x - w / 2, top = anchor.top + y - h / 2;
      return { x, y, left, top, right: left + w, bottom: top + h };
    });
    const boxes = places.filter((one) => within(one, frame));
    const box = boxes.find((one) => clear(one, markers) && clear(one, placed)) || (strong && !onLine && boxes.find((one) => clear(one, placed)));
    node.classList.toggle("covered", !box);
    if (!box) continue;
    placed.push(box);
    text.style.transform = `translate(-50%, -50%) translate(${box.x}px, ${box.y}px)`;
  }
}

function within(box, frame) {
  return box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
}

function clear(box, others) {
  return !others.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
}

// The map itself: panes from the ground up, controls, and its place in the address.
// Leaflet and the map are made by the scaffold of the page (`map_planner`).

import { make, makeSvg } from "./dom.js";

const L = window.L;

/** Panes and their order; those without figures to click let the pointer through. */
const PANES = {
  areas: { order: 400, through: false },
  circles: { order: 410, through: true },
  gapareas: { order: 415, through: false },
  roads: { order: 420, through: true },
  outlines: { order: 430, through: true },
  veil: { order: 435, through: true },
  selection: { order: 440, through: true },
  gaps: { order: 460, through: false },
  // above the markers (600): a name stays readable
  labels: { order: 610, through: true },
  // above names: a proposed site is what is looked for
  sites: { order: 620, through: false },
};

/** Prepare the map of the scaffold, or another one, and return it. */
export function prepareBoard(name = "覆盖率地图", map = window.map_planner) {
  for (const [paneName, { order, through }] of Object.entries(PANES)) {
    const pane = map.createPane(paneName);
    pane.style.zIndex = order;
    if (through) pane.style.pointerEvents = "none";
  }
  const box = map.getContainer();
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `${name}。方向键移动，加减键缩放`);
  L.control.zoom({ position: "topright", zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(map);
  L.control.scale({ position: "bottomright", imperial: false, maxWidth: 120 }).addTo(map);
  northArrow().addTo(map);
  keepCenter(map, box);
  return map;
}

/** Put a place in the middle of the map, exactly: Leaflet's pan would round it. */
export function showPlace(map, center, zoom) {
  map.setView(center, zoom, { reset: true });
}

// when the map's box changes its size, what was in the middle stays there
function keepCenter(map, box) {
  let center = null;
  map.on("moveend", () => {
    center = map.getCenter();
  });
  new ResizeObserver(() => {
    const kept = center;
    map.invalidateSize({ animate: false, pan: false });
    if (kept) showPlace(map, kept, map.getZoom());
  }).observe(box);
}

/** Show an area of the map; without one, nothing is changed. */
export function showBounds(map, bounds, { maxZoom = 15 } = {}) {
  map.invalidateSize({ animate: false, pan: false });
  if (!bounds?.isValid()) return;
  map.fitBounds(bounds, {
    // the title lies over the upper left corner
    paddingTopLeft: [26, Math.max(78, (document.getElementById("map-title")?.offsetHeight ?? 0) + 24)],
    paddingBottomRight: [26, 26 + coveredBySheet()],
    maxZoom,
    animate: false,
  });
}

// height of the sheet that lies over the map on a narrow screen [pixels]
function coveredBySheet() {
  const narrow = getComputedStyle(document.querySelector(".tabs")).display !== "none";
  return narrow ? (document.querySelector(".sheet.open")?.offsetHeight ?? 0) : 0;
}

/** A base map from elsewhere beneath everything; none unless it is chosen. */
export class Ground {
  constructor(map, offered) {
    this.map = map;
    this.offered = offered;
    this.layers = [];
  }

  /** Show the base map with this id, or none; returns the words that it asks for. */
  choose(id) {
    for (const layer of this.layers) layer.remove();
    const wanted = this.offered.find((one) => one.id === id);
    this.layers = (wanted?.tiles ?? []).map((url) =>
      L.tileLayer(url, {
        subdomains: wanted.hosts || "a",
        maxNativeZoom: wanted.max_zoom,
        // some hosts refuse requests that do not say which site they serve
        referrerPolicy: "strict-origin-when-cross-origin",
      }).addTo(this.map),
    );
    return wanted?.attribution ?? "";
  }
}

/** Add a second control: back to the whole study. */
export function addHomeControl(map, goHome) {
  const control = L.control({ position: "topright" });
  control.onAdd = () => {
    const button = make(
      "a",
      { href: "#", role: "button", title: "显示全域", "aria-label": "显示全域" },
      makeSvg(
        "svg",
        { viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" },
        makeSvg("path", {
          d: "M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5",
          fill: "none",
          stroke: "currentColor",
          "stroke-width": 1.8,
        }),
      ),
    );
    const box = make("div", { class: "leaflet-bar home-control" }, button);
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.on(button, "click", (event) => {
      L.DomEvent.preventDefault(event);
      goHome();
    });
    return box;
  };
  control.addTo(map);
}

function northArrow() {
  const control = L.control({ position: "bottomright" });
  control.onAdd = () =>
    make(
      "div",
      { class: "north", role: "img", "aria-label": "指北针，上方为北" },
      makeSvg(
        "svg",
        { viewBox: "0 0 24 36", width: 22, height: 33, "aria-hidden": "true" },
        makeSvg("text", { x: 12, y: 9, "text-anchor": "middle", class: "north-letter" }, "N"),
        makeSvg("path", { d: "M12 12 19 34 12 29.5Z", class: "north-dark" }),
        makeSvg("path", { d: "M12 12 5 34 12 29.5Z", class: "north-light" }),
      ),
    );
  return control;
}

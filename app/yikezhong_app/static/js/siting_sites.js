// Proposed sites: numbered pins in building order, moved by hand or by the keyboard.

import { make, makeSvg } from "./dom.js";

const L = window.L;
const PIN = "M15 41C11.5 32 1.5 25.5 1.5 15a13.5 13.5 0 0 1 27 0C28.5 25.5 18.5 32 15 41Z";
const COLOUR = "#b3261e";
const MOVED_COLOUR = "#8a4b00";
/** How far an arrow key moves a site on the screen [pixels]. */
const KEY_STEP = 10;
const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/** The pins of one plan. */
export class Sites {
  constructor(map, { onMove, onPick, words }) {
    Object.assign(this, { map, onMove, onPick, words });
    this.group = L.layerGroup().addTo(map);
    this.traces = L.layerGroup().addTo(map);
    this.renderer = L.svg({ pane: "sites", padding: 0.4 });
    this.pins = new Map();
    this.selected = null;
  }

  /** Replace the sites. */
  setSites(sites) {
    this.group.clearLayers();
    this.traces.clearLayers();
    this.pins.clear();
    this.selected = null;
    for (const site of sites) this.pins.set(site.rank, { site, marker: this.marker(site) });
  }

  /** Where the sites stand now, in building order, as `[lon, lat]`. */
  places() {
    return [...this.pins.values()].map(({ site, marker }) => {
      if (!this.isMoved(site.rank)) return [site.lon, site.lat];
      const { lng, lat } = marker.getLatLng();
      return [Number(lng.toFixed(7)), Number(lat.toFixed(7))];
    });
  }

  /** Ranks of the sites that no longer stand where the plan puts them. */
  moved() {
    return [...this.pins.keys()].filter((rank) => this.isMoved(rank));
  }

  /** Put all sites back where the plan has them. */
  restore() {
    for (const { site, marker } of this.pins.values()) marker.setLatLng([site.lat, site.lon]);
    this.changed();
  }

  /** Mark a site, and bring it into view. */
  select(rank, { show = false } = {}) {
    this.selected = rank;
    this.paint();
    const pin = this.pins.get(rank);
    if (!show || !pin) return;
    const zoom = Math.max(this.map.getZoom(), 13);
    this.map.setView(pin.marker.getLatLng(), zoom, { animate: false });
  }

  bounds() {
    const bounds = L.latLngBounds([]);
    for (const { marker } of this.pins.values()) bounds.extend(marker.getLatLng());
    return bounds;
  }

  isMoved(rank) {
    const { site, marker } = this.pins.get(rank);
    const { lat, lng } = marker.getLatLng();
    return Math.abs(lat - site.lat) > 1e-9 || Math.abs(lng - site.lon) > 1e-9;
  }

  marker(site) {
    const marker = L.marker([site.lat, site.lon], {
      icon: new PinIcon({ rank: site.rank }),
      pane: "sites",
      draggable: true,
      autoPan: true,
      riseOnHover: true,
      // the first to be built on top
      zIndexOffset: -site.rank * 10,
    });
    marker.bindTooltip(() => this.tooltip(site), {
      direction: "top",
      offset: [0, -40],
      className: "tip",
    });
    marker.on({
      click: () => this.onPick(site.rank),
      dragstart: () => marker.closeTooltip(),
      drag: () => this.changed(),
      dragend: () => this.changed(),
      add: () => this.prepareElement(site, marker),
    });
    this.group.addLayer(marker);
    return marker;
  }

  prepareElement(site, marker) {
    const element = marker.getElement();
    const { name, gain } = this.words(site);
    element.dataset.site = site.rank;
    element.setAttribute("aria-label", `第 ${site.rank} 处，${name}，${gain}。方向键移动`);
    element.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const at = this.map.latLngToContainerPoint(marker.getLatLng());
      const to = at.add(L.point(step).multiplyBy(KEY_STEP));
      marker.setLatLng(this.map.containerPointToLatLng(to));
      this.changed();
    });
  }

  tooltip(site) {
    const { name, gain } = this.words(site);
    return make(
      "div",
      {},
      make("strong", { class: "name", text: `${site.rank}  ${name}` }),
      make("div", { text: gain }),
      make("div", {
        class: "tip-note",
        text: this.isMoved(site.rank) ? "已移动；增益为原位置的数字" : "拖动可试别的位置",
      }),
    );
  }

  changed() {
    this.paint();
    this.onMove(this.moved());
  }

  // where moved sites came from, and which is selected
  paint() {
    this.traces.clearLayers();
    for (const [rank, { site, marker }] of this.pins) {
      const moved = this.isMoved(rank);
      const element = marker.getElement();
      element?.classList.toggle("moved", moved);
      element?.classList.toggle("selected", rank === this.selected);
      if (!moved) continue;
      const from = [site.lat, site.lon];
      const style = { renderer: this.renderer, pane: "sites", interactive: false };
      this.traces.addLayer(
        L.polyline([from, marker.getLatLng()], {
          ...style,
          color: MOVED_COLOUR,
          weight: 2,
          dashArray: "4 4",
        }),
      );
      this.traces.addLayer(
        L.circleMarker(from, { ...style, radius: 5, color: MOVED_COLOUR, weight: 2, fillColor: "#fff", fillOpacity: 1 }),
      );
    }
  }
}

/** The pin of a site, for the map and for the legend. */
export function drawPin(words, { size = 30 } = {}) {
  return makeSvg(
    "svg",
    { viewBox: "0 0 30 42", width: size, height: size * 1.4, "aria-hidden": "true" },
    makeSvg("path", { class: "pin-shape", d: PIN, fill: COLOUR, stroke: "#fff", "stroke-width": 2 }),
    makeSvg("text", { x: 15, y: 20, "text-anchor": "middle", class: "pin-words" }, words),
  );
}

const PinIcon = L.Icon.extend({
  options: { iconSize: [30, 42], iconAnchor: [15, 41] },
  createIcon() {
    const element = make("div", {}, drawPin(String(this.options.rank)));
    this._setIconStyles(element, "icon");
    element.classList.add("pin");
    return element;
  },
  createShadow: () => null,
});

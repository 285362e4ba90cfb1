// Uncovered places: a circle each, its area in proportion to the people without.

import { make } from "./dom.js";
import { amount, minutes } from "./format.js";
import { REASON_NAMES, nameOf } from "./words.js";

const L = window.L;
const COLOUR = "#c2410c";
/** Above this many, circles are painted on a canvas and only looked at. */
const MOST_CLICKABLE = 2500;
/** Radius of the circle of the most people without [pixels]. */
const LARGEST = 16;
const SMALLEST = 3;

/** A gap of the API in one shape, whatever the group of people is. */
export function arrangeGap({ properties, geometry }) {
  return {
    code: properties.code,
    name: properties.name ?? properties.code,
    group: properties.group ?? "people_60",
    people: properties.people_without ?? null,
    reason: properties.reason_name ?? reasonWords(properties.reason),
    seconds: properties.nearest_time_s ?? null,
    facilityId: properties.nearest_facility_id ?? null,
    facilityName: properties.nearest_facility_name ?? null,
    at: placeOf(geometry),
  };
}

// the point where the people live; of an area, the middle of its box
function placeOf(geometry) {
  if (!geometry) return null;
  if (geometry.type !== "Point") return L.geoJSON(geometry).getBounds().getCenter();
  return L.latLng(geometry.coordinates[1], geometry.coordinates[0]);
}

const reasonWords = (reason) => (reason ? nameOf(REASON_NAMES, reason) : "原因不明");

/** Circles of uncovered places. */
export class Gaps {
  constructor(map, { facilityName }) {
    this.map = map;
    this.facilityName = facilityName;
    this.group = L.layerGroup();
    this.layers = new Map();
    this.gaps = [];
    this.most = 1;
    this.svg = L.svg({ pane: "gaps", padding: 0.4 });
    this.canvas = L.canvas({ pane: "circles", padding: 0.4 });
    map.on("zoomend", () => this.resize());
  }

  setData(collection) {
    this.group.clearLayers();
    this.layers.clear();
    this.gaps = collection.features
      .map(arrangeGap)
      .sort((a, b) => (b.people ?? -1) - (a.people ?? -1));
    const placed = this.gaps.filter(({ at }) => at);
    const clickable = placed.length <= MOST_CLICKABLE;
    this.most = Math.max(1, ...placed.map(({ people }) => people ?? 0));
    // the largest first, so that the small ones lie on top and can be clicked
    for (const gap of placed) this.addCircle(gap, clickable);
  }

  toggle(shown) {
    if (shown) this.group.addTo(this.map);
    else this.group.remove();
  }

  /** Radius of so many people at the zoom of the map [pixels]. */
  radius(people) {
    const scale = Math.min(1.2, Math.max(0.4, 2 ** ((this.map.getZoom() - 12) / 2)));
    const share = people == null ? 0 : Math.sqrt(people / this.most);
    return scale * Math.max(SMALLEST, LARGEST * share);
  }

  resize() {
    for (const { people, code } of this.gaps) this.layers.get(code)?.setRadius(this.radius(people));
  }

  /** Go to an uncovered place and open its card. */
  open(code) {
    this.show(this.gaps.find((one) => one.code === code));
  }

  /** Go to a place that need not be among those drawn. */
  show(gap) {
    if (!gap?.at) return;
    this.map.setView(gap.at, Math.max(this.map.getZoom(), 13), { animate: false });
    L.popup({ className: "card", maxWidth: 280 })
      .setLatLng(gap.at)
      .setContent(this.card(gap))
      .openOn(this.map);
  }

  /** Words on the nearest facility. */
  nearest({ seconds, facilityId, facilityName }) {
    if (seconds == null) return "没有可达的设施";
    return facilityName ?? this.facilityName(facilityId) ?? "最近的设施";
  }

  addCircle(gap, clickable) {
    const unknown = gap.people == null;
    const circle = L.circleMarker(gap.at, {
      renderer: clickable ? this.svg : this.canvas,
      pane: clickable ? "gaps" : "circles",
      interactive: clickable,
      radius: this.radius(gap.people),
      color: unknown ? COLOUR : "#ffffff",
      weight: unknown ? 1.5 : 1,
      fillColor: unknown ? "#ffffff" : COLOUR,
      fillOpacity: 0.8,
    });
    if (clickable) {
      circle.bindTooltip(() => this.tooltip(gap), { direction: "top", className: "tip" });
      circle.bindPopup(() => this.card(gap), { className: "card", maxWidth: 280 });
      circle.on("click", (event) => L.DomEvent.stopPropagation(event));
      circle.on("add", () => {
        const element = circle.getElement();
        if (element) element.dataset.gap = gap.code;
      });
    }
    this.layers.set(gap.code, circle);
    this.group.addLayer(circle);
  }

  tooltip(gap) {
    return make(
      "div",
      {},
      make("strong", { class: "name", text: gap.name }),
      make("span", { class: "tip-value", text: this.people(gap) }),
    );
  }

  people({ people, group }) {
    return people == null ? "人数未知" : `${amount(people, group)}未覆盖`;
  }

  card(gap) {
    return make(
      "div",
      {},
      make("h3", { class: "name", text: gap.name }),
      make("p", { class: "card-main", text: this.people(gap) }),
      make("p", { text: `原因：${gap.reason}` }),
      make("p", { text: `最近设施：${this.nearest(gap)}` }),
      gap.seconds != null && make("p", { text: `到最近设施：${minutes(gap.seconds)}` }),
      make("p", { class: "code", text: gap.code }),
    );
  }
}

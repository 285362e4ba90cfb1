// Gap areas: places where people without the service live close together, each with the
// cheapest remedy.

import { make } from "./dom.js";
import { amount, minutes } from "./format.js";

const L = window.L;
const STYLE = {
  color: "#7c2d12",
  weight: 1.6,
  dashArray: "4 3",
  fillColor: "#ea580c",
  fillOpacity: 0.22,
};

/** Outlines of gap areas that can be looked at one by one. */
export class GapAreas {
  constructor(map) {
    this.map = map;
    this.group = L.layerGroup();
    this.renderer = L.svg({ pane: "gapareas", padding: 0.4 });
    this.count = 0;
    this.total = 0;
    this.minutes = null;
  }

  /** Replace the areas by those of a FeatureCollection, the most people first. */
  setData(collection) {
    this.group.clearLayers();
    const features = collection.features.filter(({ geometry }) => geometry);
    this.count = features.length;
    this.total = collection.total ?? features.length;
    this.minutes = features[0]?.properties.minutes ?? null;
    for (const { geometry, properties } of features) this.addArea(geometry, properties);
  }

  toggle(shown) {
    if (shown) this.group.addTo(this.map);
    else this.group.remove();
  }

  addArea(geometry, properties) {
    const layer = L.geoJSON(geometry, { renderer: this.renderer, pane: "gapareas", style: STYLE });
    layer.bindTooltip(() => tooltip(properties), { sticky: true, direction: "top", className: "tip" });
    layer.bindPopup(() => card(properties), { className: "card", maxWidth: 300 });
    layer.on("click", (event) => L.DomEvent.stopPropagation(event));
    layer.eachLayer((part) =>
      part.on("add", () => {
        const element = part.getElement();
        if (element) element.dataset.gapArea = properties.id;
      }),
    );
    this.group.addLayer(layer);
  }
}

const people = ({ people_without: without, group }) =>
  without == null ? "人数未知" : `${amount(without, group)}未覆盖`;

function tooltip(properties) {
  return make(
    "div",
    {},
    make("strong", { class: "name", text: properties.name }),
    make("span", { class: "tip-value", text: people(properties) }),
  );
}

function card(properties) {
  const { reason_name: reason, nearest_time_s: seconds } = properties;
  const nearest = properties.nearest_facility_name ?? "没有可达的设施";
  return make(
    "div",
    {},
    make("h3", { class: "name", text: properties.name }),
    make("p", { class: "card-main", text: people(properties) }),
    reason && make("p", { text: `原因：${reason}` }),
    make("p", { class: "name", text: `最近设施：${nearest}` }),
    seconds != null && make("p", { text: `到最近设施：${minutes(seconds)}` }),
    properties.remedy_name && make("p", { class: "name", text: `对策：${remedyWords(properties)}` }),
  );
}

/** The cheapest remedy of a gap in words. */
export function remedyWords({ remedy_name: remedy, remedy_facility_name: facility }) {
  return facility ? `${remedy}（${facility}）` : remedy;
}

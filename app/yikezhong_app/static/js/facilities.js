// Facilities: a sign per category, told apart by shape and by colour, clustered where
// they crowd.

import { make, makeSvg } from "./dom.js";
import { STATUS_NAMES, nameOf } from "./words.js";

const L = window.L;

/** Signs in the order in which the categories of a service come. */
const SIGNS = [
  { colour: "#7a3e9d", path: "M8 2.2a5.8 5.8 0 1 0 .01 0Z" },
  { colour: "#00674f", path: "M2.6 2.6h10.8v10.8H2.6Z" },
  { colour: "#b8570a", path: "M8 1.2 15 13.8H1Z" },
  { colour: "#a1165c", path: "M8 .8 15.2 8 8 15.2.8 8Z" },
  { colour: "#33507a", path: "M5.6 1.6h4.8v4h4v4.8h-4v4H5.6v-4h-4V5.6h4Z" },
  { colour: "#5c4a1f", path: "M8 .9 9.9 6h5.4l-4.3 3.4 1.6 5.3L8 11.5l-4.6 3.2L5 9.4.7 6h5.4Z" },
  { colour: "#3d3d3d", path: "M8 14.8 1 2.2h14Z" },
  { colour: "#7c2d12", path: "M4.6 1.4h6.8L15 8l-3.6 6.6H4.6L1 8Z" },
];

/** Facilities of one service. */
export class Facilities {
  constructor(map, { study }) {
    this.map = map;
    this.study = study;
    this.signs = new Map();
    this.counts = new Map();
    this.markers = new Map();
    this.off = new Set();
    this.isWithin = () => true;
    this.cluster = L.markerClusterGroup({
      maxClusterRadius: (zoom) => (zoom < 9 ? 46 : zoom < 11 ? 34 : 22),
      disableClusteringAtZoom: 14,
      showCoverageOnHover: false,
      spiderfyOnMaxZoom: true,
      animate: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      chunkedLoading: true,
      iconCreateFunction: (cluster) => this.clusterIcon(cluster),
    });
  }

  /** Replace the facilities by those of a FeatureCollection. */
  setData(collection) {
    this.features = collection.features;
    this.names = Object.fromEntries(
      this.features.map(({ properties: p }) => [p.category, p.category_name]).filter(([, n]) => n),
    );
    // of all, whatever part of them is shown: a sign keeps its meaning
    const all = countBy(this.features);
    this.signs = this.signsOf([...all.keys()].sort((a, b) => all.get(b) - all.get(a)));
    const placed = this.features.filter(({ geometry }) => geometry?.type === "Point");
    this.markers = new Map(placed.map((feature) => [feature.properties.id, this.marker(feature)]));
    this.redraw();
  }

  /** The signs of categories in this order. */
  signsOf(categories) {
    return new Map(categories.map((category, i) => [category, SIGNS[i % SIGNS.length]]));
  }

  /** Show only those of which `isWithin(properties)` holds, and not the categories `off`. */
  narrow({ isWithin, off }) {
    this.isWithin = isWithin;
    this.off = new Set(off);
    if (this.features) this.redraw();
  }

  redraw() {
    this.counts = countBy(this.features.filter(({ properties }) => this.isWithin(properties)));
    this.cluster.clearLayers();
    this.cluster.addLayers([...this.markers.values()].filter(({ options }) => this.isShown(options.facility)));
  }

  isShown(properties) {
    return this.isWithin(properties) && !this.off.has(categoryOf(properties));
  }

  toggle(shown) {
    if (shown) this.cluster.addTo(this.map);
    else this.cluster.remove();
  }

  /** Categories with sign, name and count; those switched off say so. */
  legend() {
    return [...this.signs].map(([category, sign]) => ({
      id: category,
      isOff: this.off.has(category),
      sign: drawSign(sign),
      name: this.categoryName(category),
      count: this.counts.get(category) ?? 0,
    }));
  }

  /** Whether some are drawn hollow, since they are not open. */
  hasHollow() {
    return [...this.markers.values()].some(
      ({ options }) => isHollow(options.facility) && this.isShown(options.facility),
    );
  }

  /** Name of a facility by its id; null where it is not among these. */
  nameOf(id) {
    return this.markers.get(id)?.options.facility.name ?? null;
  }

  categoryName(category) {
    return this.names?.[category] ?? nameOf(this.study.categories, category);
  }

  marker({ geometry, properties }) {
    const [lng, lat] = geometry.coordinates;
    const marker = L.marker([lat, lng], {
      icon: new SignIcon({ sign: this.signs.get(categoryOf(properties)), properties }),
      facility: properties,
      riseOnHover: true,
    });
    marker.bindTooltip(() => make("strong", { class: "name", text: properties.name }), {
      direction: "top",
      offset: [0, -8],
      className: "tip",
    });
    marker.bindPopup(() => this.popup(properties), { maxWidth: 280, className: "card" });
    return marker;
  }

  popup(properties) {
    const rows = [
      ["类别", this.categoryName(categoryOf(properties))],
      ["状态", nameOf(STATUS_NAMES, properties.status ?? "unknown")],
      ["服务功能", this.functionWords(properties.functions)],
      ["床位", properties.beds],
      ["托位/名额", properties.places],
      ["编号", properties.id],
    ].filter(([, value]) => value != null && value !== "");
    return make(
      "div",
      {},
      make("h3", { class: "name", text: properties.name }),
      make(
        "dl",
        { class: "facts" },
        rows.map(([term, value]) => [make("dt", { text: term }), make("dd", { text: value })]).flat(),
      ),
    );
  }

  functionWords(functions) {
    if (!Array.isArray(functions) || functions.length === 0) return null;
    return functions.map((id) => nameOf(this.study.functions, id)).join("、");
  }

  clusterIcon(cluster) {
    const parts = new Map();
    for (const { options } of cluster.getAllChildMarkers()) {
      const category = categoryOf(options.facility);
      parts.set(category, (parts.get(category) ?? 0) + 1);
    }
    const total = cluster.getChildCount();
    const size = total < 10 ? 24 : total < 50 ? 30 : 36;
    const shares = [...this.signs].map(([category, { colour }]) => ({
      colour,
      share: (parts.get(category) ?? 0) / total,
    }));
    return new RingIcon({ total, size, shares });
  }
}

/** Draw the sign of a category. */
export function drawSign(sign, { hollow = false } = {}) {
  return makeSvg(
    "svg",
    { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
    makeSvg("path", {
      d: sign.path,
      fill: hollow ? "#fff" : sign.colour,
      stroke: hollow ? sign.colour : "#fff",
      "stroke-width": hollow ? 2 : 1.2,
      "stroke-linejoin": "round",
    }),
  );
}

function countBy(features) {
  const counts = new Map();
  for (const { properties } of features) {
    const category = categoryOf(properties);
    counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  return counts;
}

const categoryOf = ({ category }) => category ?? "other";

const isHollow = ({ status }) => status != null && status !== "open";

const SignIcon = L.Icon.extend({
  options: { iconSize: [14, 14] },
  createIcon() {
    const { sign, properties } = this.options;
    const element = make(
      "div",
      { class: "sign", "aria-label": properties.name },
      drawSign(sign, { hollow: isHollow(properties) }),
    );
    this._setIconStyles(element, "icon");
    element.classList.add("sign");
    return element;
  },
  createShadow: () => null,
});

/** A ring of the colours of several facilities, with their number. */
export const RingIcon = L.Icon.extend({
  createIcon() {
    const { total, size, shares } = this.options;
    this.options.iconSize = [size, size];
    const radius = 13;
    const around = 2 * Math.PI * radius;
    let turned = 0;
    const arcs = shares.map(({ colour, share }) => {
      const arc = makeSvg("circle", {
        cx: 16,
        cy: 16,
        r: radius,
        fill: "none",
        stroke: colour,
        "stroke-width": 4,
        "stroke-dasharray": `${share * around} ${around}`,
        "stroke-dashoffset": -turned * around,
        transform: "rotate(-90 16 16)",
      });
      turned += share;
      return arc;
    });
    const element = make(
      "div",
      { "aria-label": `${total} 处设施，放大查看` },
      makeSvg(
        "svg",
        { viewBox: "0 0 32 32", width: size, height: size, "aria-hidden": "true" },
        makeSvg("circle", { cx: 16, cy: 16, r: 15, fill: "#fff" }),
        arcs,
        makeSvg("text", { x: 16, y: 20, "text-anchor": "middle" }, String(total)),
      ),
    );
    this._setIconStyles(element, "icon");
    element.classList.add("ring");
    return element;
  },
  createShadow: () => null,
});

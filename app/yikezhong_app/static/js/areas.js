// Divisions: the choropleth of one level, its outline layers, highlight and labels.

import { fillOf } from "./classes.js";
import { make } from "./dom.js";
import { percent } from "./format.js";
import { addPatterns } from "./patterns.js";

const L = window.L;
const LABEL_CHAR_PX = 12;
const LABEL_HEIGHT_PX = 18;
const MOST_LABELS = 160;
/** From here on communities are named, farther out the townships around them. */
const NEAR_ZOOM = 12;

/** The areas of one level, filled by rate; they can be clicked and walked by keyboard. */
export class Areas {
  constructor(map, { onPick }) {
    this.map = map;
    this.onPick = onPick;
    this.byCode = new Map();
    this.paint = ratePaint(new Map());
    this.faint = false;
    this.isPassing = false;
    this.group = L.layerGroup();
    this.renderer = L.svg({ pane: "areas", padding: 0.4 });
    this.highlight = L.layerGroup().addTo(map);
    this.highlightRenderer = L.svg({ pane: "selection", padding: 0.4 });
    this.selected = null;
    this.hovered = null;
    map.on("zoomend", () => this.fade());
  }

  /** Replace the shapes by those of a FeatureCollection of divisions. */
  setShapes(collection) {
    this.group.clearLayers();
    this.byCode.clear();
    this.hovered = null;
    L.geoJSON(withGeometry(collection), {
      renderer: this.renderer,
      pane: "areas",
      style: () => ({ weight: 0.8, color: "#ffffff", opacity: 0.9, fillOpacity: this.opacity() }),
      onEachFeature: (feature, layer) => this.addArea(feature, layer),
    });
    this.repaint();
  }

  /** Give the rates: code → record of the API with `rate`. */
  setRates(rates) {
    this.setPaint(ratePaint(rates));
  }

  /** Give how areas are painted: `fill(code)`, and the `words(code)` for it. */
  setPaint(paint) {
    this.paint = paint;
    this.repaint();
  }

  /** Let what lies beneath be seen, or not. */
  setFaint(faint) {
    this.faint = faint;
    this.fade();
  }

  /** Show or hide the fill. */
  toggle(shown) {
    if (shown === this.map.hasLayer(this.group)) return;
    if (!shown) {
      this.group.remove();
      return;
    }
    this.group.addTo(this.map);
    this.repaint();
  }

  /** Mark an area as the selected one; null for none. */
  select(code) {
    this.selected = code;
    this.drawHighlight();
  }

  /** Bounds of an area, or of all. */
  bounds(code) {
    if (code != null) return this.byCode.get(code)?.layer.getBounds() ?? null;
    const all = L.latLngBounds([]);
    for (const { layer } of this.byCode.values()) all.extend(layer.getBounds());
    return all;
  }

  // close up, roads and circles are what is looked at
  opacity() {
    const zoom = this.map.getZoom();
    const opacity = zoom < 11 ? 0.86 : zoom < 12.5 ? 0.66 : 0.45;
    return this.faint ? opacity * 0.72 : opacity;
  }

  fade() {
    const fillOpacity = this.opacity();
    for (const { layer } of this.byCode.values()) layer.setStyle({ fillOpacity });
  }

  addArea(feature, layer) {
    const { code, name } = feature.properties;
    this.byCode.set(code, { layer, properties: feature.properties });
    layer.bindTooltip(() => this.tooltip(code, name), {
      sticky: true,
      direction: "top",
      offset: [0, -6],
      className: "tip",
    });
    layer.on({
      click: (event) => {
        // let through, it is a click on the map
        if (this.isPassing) return;
        L.DomEvent.stopPropagation(event);
        this.onPick(code);
      },
      mouseover: () => this.hover(code),
      mouseout: () => this.hover(null),
      add: () => this.prepareElement(code, layer),
    });
    // last, so that its "add" is heard
    this.group.addLayer(layer);
  }

  // the SVG path is made anew each time the layer comes onto the map
  prepareElement(code, layer) {
    const element = layer.getElement();
    if (!element || element.dataset.code === code) return;
    element.dataset.code = code;
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "-1");
    element.addEventListener("focus", () => this.hover(code));
    element.addEventListener("blur", () => this.hover(null));
    element.addEventListener("keydown", (event) => this.walk(event, code));
  }

  walk(event, code) {
    const codes = [...this.byCode.keys()];
    const at = codes.indexOf(code);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    let next = null;
    if (event.key === "Enter" || event.key === " ") this.onPick(code);
    else if (event.key in steps) {
      next = codes[(at + steps[event.key] + codes.length) % codes.length];
    } else if (event.key === "Home") next = codes[0];
    else if (event.key === "End") next = codes.at(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (next == null) return;
    this.setTabStop(next);
    this.byCode.get(next).layer.getElement()?.focus({ preventScroll: true });
  }

  setTabStop(code) {
    for (const [own, { layer }] of this.byCode) {
      layer.getElement()?.setAttribute("tabindex", own === code ? "0" : "-1");
    }
  }

  repaint() {
    if (this.map.hasLayer(this.group)) addPatterns(this.renderer);
    for (const [code, { layer, properties }] of this.byCode) {
      layer.setStyle({ fillColor: this.paint.fill(code) });
      const words = `${properties.name}，${this.paint.words(code)}`;
      layer.getElement()?.setAttribute("aria-label", words);
    }
    this.setTabStop(this.byCode.has(this.selected) ? this.selected : this.firstCode());
    this.drawHighlight();
  }

  firstCode() {
    return this.byCode.keys().next().value;
  }

  hover(code) {
    this.hovered = code;
    this.drawHighlight();
  }

  drawHighlight() {
    this.highlight.clearLayers();
    this.outline(this.hovered, { color: "#1c2b2a", weight: 1.6 });
    this.outline(this.selected, { color: "#ffffff", weight: 5.5, opacity: 0.9 });
    this.outline(this.selected, { color: "#b3261e", weight: 2.6 });
  }

  outline(code, style) {
    const entry = this.byCode.get(code);
    if (!entry) return;
    L.polygon(entry.layer.getLatLngs(), {
      renderer: this.highlightRenderer,
      pane: "selection",
      interactive: false,
      fill: false,
      ...style,
    }).addTo(this.highlight);
  }

  tooltip(code, name) {
    return make(
      "div",
      {},
      make("strong", { class: "name", text: name }),
      make("span", { class: "tip-value", text: this.paint.words(code) }),
    );
  }
}

/** How areas are painted by their rates: code → record of the API. */
export function ratePaint(rates) {
  const rateOf = (code) => rates.get(code)?.rate ?? null;
  return {
    fill: (code) => fillOf(rateOf(code)),
    words: (code) => (rateOf(code) == null ? "无数据" : `覆盖率 ${percent(rateOf(code))}`),
  };
}

/** A white veil over everything outside an area. */
export class Veil {
  constructor(map) {
    this.map = map;
    this.renderer = L.svg({ pane: "veil", padding: 0.6 });
    this.layer = null;
  }

  /** Leave only this GeoJSON geometry clear; null lifts the veil. */
  setGeometry(geometry) {
    this.layer?.remove();
    this.layer = null;
    if (!geometry) return;
    const parts = geometry.type === "MultiPolygon" ? geometry.coordinates : [geometry.coordinates];
    const holes = parts.map(([outer]) => outer.map(([lng, lat]) => [lat, lng]));
    const world = [[-85, -180], [-85, 180], [85, 180], [85, -180]];
    this.layer = L.polygon([world, ...holes], {
      renderer: this.renderer,
      pane: "veil",
      interactive: false,
      color: "#1c2b2a",
      weight: 1.8,
      fillColor: "#eef0ec",
      fillOpacity: 0.82,
    }).addTo(this.map);
  }
}

/** Boundaries of a level as lines only. */
export class Outlines {
  constructor(map, style) {
    this.map = map;
    this.style = style;
    this.group = L.layerGroup();
    this.renderer = L.canvas({ pane: "outlines", padding: 0.4 });
  }

  setShapes(collection) {
    this.group.clearLayers();
    L.geoJSON(withGeometry(collection), {
      renderer: this.renderer,
      pane: "outlines",
      interactive: false,
      style: () => ({ fill: false, ...this.style }),
    }).eachLayer((layer) => this.group.addLayer(layer));
  }

  toggle(shown) {
    if (shown) this.group.addTo(this.map);
    else this.group.remove();
  }
}

/** Names of divisions, as many as fit without touching, the most people first. */
export class Labels {
  constructor(map) {
    this.map = map;
    this.tiers = [];
    this.group = L.layerGroup();
    this.shown = false;
    map.on("moveend", () => this.draw());
  }

  /** Name the divisions of a level; from afar those of `wider`, where it is given. */
  setShapes(collection, wider = null) {
    const near = { below: Infinity, shapes: collection };
    this.setTiers(wider ? [{ below: NEAR_ZOOM, shapes: wider }, near] : [near]);
  }

  /** Name the divisions of the first of `{below, shapes}` whose zoom is not reached. */
  setTiers(tiers) {
    this.tiers = tiers.map(({ below, shapes }) => ({ below, places: places(shapes) }));
    this.draw();
  }

  toggle(shown) {
    this.shown = shown;
    if (shown) this.group.addTo(this.map);
    else this.group.remove();
    this.draw();
  }

  draw() {
    this.group.clearLayers();
    if (!this.shown) return;
    const view = this.map.getBounds();
    const taken = [];
    const zoom = this.map.getZoom();
    const named = this.tiers.find(({ below }) => zoom < below)?.places ?? [];
    for (const { name, at } of named) {
      if (taken.length >= MOST_LABELS) break;
      if (!view.contains(at)) continue;
      const point = this.map.latLngToContainerPoint(at);
      const half = (Math.min(name.length, 16) * LABEL_CHAR_PX) / 2 + 4;
      const box = [point.x - half, point.x + half, point.y, point.y + LABEL_HEIGHT_PX];
      if (taken.some((other) => touches(box, other))) continue;
      taken.push(box);
      this.group.addLayer(label(name, at));
    }
  }
}

function places(collection) {
  return withGeometry(collection)
    .features.map(({ properties, geometry }) => ({
      name: properties.name,
      people: properties.people ?? 0,
      at: middle(properties, geometry),
    }))
    .sort((a, b) => b.people - a.people);
}

function label(name, at) {
  const icon = L.divIcon({
    className: "place-label",
    iconSize: null,
    html: make("span", { class: "name", text: name }),
  });
  return L.marker(at, { icon, pane: "labels", interactive: false, keyboard: false });
}

function touches([left, right, top, bottom], other) {
  return left < other[1] && right > other[0] && top < other[3] && bottom > other[2];
}

// the seat where it is known, else the middle of the largest ring's box
function middle(properties, geometry) {
  if (Number.isFinite(properties.lon) && Number.isFinite(properties.lat)) {
    return L.latLng(properties.lat, properties.lon);
  }
  return L.geoJSON(geometry).getBounds().getCenter();
}

function withGeometry(collection) {
  return { ...collection, features: collection.features.filter((one) => one.geometry) };
}

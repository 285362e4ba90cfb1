// The areas of a level that has very many: painted from tiles, pointed at, clicked and
// walked by keyboard as the areas of a small study are.

import { make } from "./dom.js";
import { TileLayer } from "./tile_layer.js";
import { holds } from "./vector_tiles.js";

const L = window.L;
/** How near the pointer must be to the dot of a tiny area [pixels]. */
const NEAR_PX = 6;

/** Areas painted from tiles, with the face of `Areas`. */
export class TileAreas {
  constructor(map, source, { onPick, onError }) {
    Object.assign(this, { map, source, onPick });
    this.columns = null;
    this.place = new Map();
    this.paint = null;
    this.within = null;
    this.isPassing = false;
    this.faint = false;
    this.selected = null;
    this.hovered = null;
    this.layer = new TileLayer({
      source,
      pane: "areas",
      fill: (code) => this.paint?.fill(code) ?? "#e6e7e4",
      stroke: { colour: "#ffffff", width: 0.8 },
      isWithin: (code) => this.within == null || this.within.has(code),
    });
    this.layer.on("areas", () => this.drawLater());
    this.layer.on("areaserror", ({ error }) => onError(error));
    this.highlight = L.layerGroup().addTo(map);
    this.renderer = L.svg({ pane: "selection", padding: 0.4 });
    this.tip = L.tooltip({ direction: "top", offset: [0, -6], className: "tip" });
    map.on("mousemove", ({ latlng }) => this.point(latlng));
    map.on("mouseout", () => this.hover(null));
    map.on("click", ({ latlng }) => this.click(latlng));
    map.on("zoomend", () => this.fade());
    this.addKeys();
  }

  /** Whether it is what the map shows now: it is on, and the zoom is near enough. */
  get isShown() {
    return this.map.hasLayer(this.layer) && Math.round(this.map.getZoom()) >= this.source.minZoom;
  }

  /** Give the divisions as columns, and the codes that are shown; null: all. */
  setColumns(columns, within) {
    this.columns = columns;
    this.place = new Map(columns.codes.map((code, i) => [code, i]));
    this.within = within;
    this.keys.setAttribute("aria-label", "社区与村：方向键逐个查看，回车打开");
    this.layer.repaint();
  }

  setPaint(paint) {
    this.paint = paint;
    this.layer.repaint();
    this.tellKeys();
  }

  setFaint(faint) {
    this.faint = faint;
    this.fade();
  }

  toggle(shown) {
    if (shown) this.layer.addTo(this.map);
    else this.layer.remove();
    this.keys.hidden = !shown;
    if (!shown) this.hover(null);
    this.fade();
  }

  select(code) {
    this.selected = code;
    this.drawHighlight();
  }

  fade() {
    const zoom = this.map.getZoom();
    const opacity = zoom < 11 ? 0.86 : zoom < 12.5 ? 0.66 : 0.45;
    this.layer.setOpacity(this.faint ? opacity * 0.72 : opacity);
    this.drawHighlight();
  }

  /** The code of the area at a place of the map, else null. */
  codeAt(latlng) {
    const found = this.isShown && this.layer.tileAt(latlng);
    if (!found) return null;
    const near = (NEAR_PX / 256) * found.tile.extent;
    const area = found.tile.areas.find(
      (one) => holds(one, found.x, found.y, near) && (this.within == null || this.within.has(one.code)),
    );
    return area?.code ?? null;
  }

  point(latlng) {
    const code = this.codeAt(latlng);
    if (code !== this.hovered) this.hover(code);
    this.map.getContainer().classList.toggle("over-area", code != null);
    if (code == null) return;
    this.tip.setLatLng(latlng);
  }

  click(latlng) {
    if (this.isPassing) return;
    const code = this.codeAt(latlng);
    if (code != null) this.onPick(code);
  }

  hover(code) {
    this.hovered = code;
    if (code == null) this.tip.remove();
    else {
      this.tip.setContent(this.tooltip(code));
      if (!this.map.hasLayer(this.tip)) this.tip.setLatLng(this.middle(code)).addTo(this.map);
    }
    this.drawHighlight();
  }

  tooltip(code) {
    return make(
      "div",
      {},
      make("strong", { class: "name", text: this.nameOf(code) }),
      make("span", { class: "tip-value", text: this.paint?.words(code) ?? "" }),
    );
  }

  nameOf(code) {
    return this.columns?.names[this.place.get(code)] ?? code;
  }

  middle(code) {
    const at = this.place.get(code);
    const [lat, lng] = [this.columns?.lat[at], this.columns?.lon[at]];
    return lat == null || lng == null ? this.map.getCenter() : L.latLng(lat, lng);
  }

  // several tiles come at once: the outlines are drawn when they are there
  drawLater() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.drawHighlight());
  }

  drawHighlight() {
    this.highlight.clearLayers();
    if (!this.isShown) return;
    this.outline(this.hovered, { color: "#1c2b2a", weight: 1.6 });
    this.outline(this.selected, { color: "#ffffff", weight: 5.5, opacity: 0.9 });
    this.outline(this.selected, { color: "#b3261e", weight: 2.6 });
  }

  outline(code, style) {
    if (code == null) return;
    const options = { renderer: this.renderer, pane: "selection", interactive: false, smoothFactor: 0, ...style };
    L.polyline(this.layer.linesOf(code), options).addTo(this.highlight);
  }

  // a canvas cannot be walked by keyboard: an element beside it tells where one is
  addKeys() {
    this.told = make("span", { role: "option", id: "tile-area", "aria-selected": "true" });
    this.keys = make(
      "div",
      { class: "tile-keys", role: "listbox", tabindex: "0", hidden: true, "aria-activedescendant": "tile-area" },
      this.told,
    );
    this.keys.addEventListener("focus", () => this.walkTo(this.current ?? this.firstInView()));
    this.keys.addEventListener("blur", () => this.hover(null));
    this.keys.addEventListener("keydown", (event) => this.walk(event));
    this.map.getContainer().append(this.keys);
  }

  walk(event) {
    const codes = this.codes();
    const at = codes.indexOf(this.current);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Enter" || event.key === " ") {
      if (this.current != null) this.onPick(this.current);
    } else if (event.key in steps) this.walkTo(codes[(at + steps[event.key] + codes.length) % codes.length]);
    else if (event.key === "Home") this.walkTo(codes[0]);
    else if (event.key === "End") this.walkTo(codes.at(-1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  codes() {
    const all = this.columns?.codes ?? [];
    return this.within == null ? all : all.filter((code) => this.within.has(code));
  }

  firstInView() {
    const view = this.map.getBounds();
    return this.codes().find((code) => view.contains(this.middle(code))) ?? this.codes()[0];
  }

  walkTo(code) {
    if (code == null) return;
    this.current = code;
    const middle = this.middle(code);
    if (!this.map.getBounds().contains(middle)) this.map.panTo(middle, { animate: false });
    this.hover(code);
    this.tip.setLatLng(middle);
    this.tellKeys();
  }

  tellKeys() {
    const { current } = this;
    this.told.textContent = current == null ? "" : `${this.nameOf(current)}，${this.paint?.words(current) ?? ""}`;
  }
}

/** Boundaries of the level as dashed lines only, with the face of `Outlines`. */
export class TileOutlines {
  constructor(map, source) {
    this.map = map;
    this.layer = new TileLayer({
      source,
      pane: "outlines",
      stroke: { colour: "#3f4b49bf", width: 0.9, dash: [5, 3] },
      isWithin: () => true,
    });
  }

  toggle(shown) {
    if (shown) this.layer.addTo(this.map);
    else this.layer.remove();
  }
}

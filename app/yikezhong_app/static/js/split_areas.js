// The areas of a study with very many divisions: levels that fit into one document are
// drawn as in a small study; of the others the tiles are painted close up, and from afar
// the level above stands for them.

import { Areas, ratePaint } from "./areas.js";
import { showBounds } from "./board.js";
import { TileAreas } from "./tile_areas.js";

/** Areas of either kind, with the face of `Areas`. */
export class SplitAreas {
  constructor(map, tiles, { onPick, onError }) {
    this.map = map;
    this.isTiled = false;
    this.shown = false;
    this.tiled = new TileAreas(map, tiles, { onPick, onError });
    this.plain = new Areas(map, {
      // where it stands for another level, it leads there
      onPick: (code) => (this.isTiled ? this.approach(code) : onPick(code)),
    });
    map.on("zoomend", () => this.arrange());
  }

  set isPassing(isPassing) {
    this.plain.isPassing = isPassing;
    this.tiled.isPassing = isPassing;
  }

  /** Whether the tiles are what is seen. */
  get isNear() {
    return this.isTiled && Math.round(this.map.getZoom()) >= this.tiled.source.minZoom;
  }

  setShapes(collection, { isTiled, columns, within }) {
    this.isTiled = isTiled;
    this.plain.setShapes(collection);
    if (isTiled) this.tiled.setColumns(columns, within);
    this.arrange();
  }

  /** Give the rates of the level, and of the level that stands for it from afar. */
  setRates(rates, wider = null) {
    this.setPaint(ratePaint(rates), wider && ratePaint(wider));
  }

  setPaint(paint, wider = null) {
    this.plain.setPaint(wider ?? paint);
    if (wider) this.tiled.setPaint(paint);
  }

  setFaint(faint) {
    this.plain.setFaint(faint);
    this.tiled.setFaint(faint);
  }

  toggle(shown) {
    this.shown = shown;
    this.arrange();
  }

  arrange() {
    this.plain.toggle(this.shown && !this.isNear);
    this.tiled.toggle(this.shown && this.isNear);
  }

  select(code) {
    this.plain.select(this.isTiled ? null : code);
    this.tiled.select(this.isTiled ? code : null);
  }

  bounds(code) {
    return this.isTiled && code != null ? null : this.plain.bounds(code);
  }

  approach(code) {
    showBounds(this.map, this.plain.bounds(code), { maxZoom: 13 });
    if (!this.isNear) this.map.setZoom(this.tiled.source.minZoom, { animate: false });
  }
}

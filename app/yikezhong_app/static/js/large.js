// The coverage map of a study with very many divisions: of all that a small study reads
// whole, it reads columns, tiles, clusters, or what is in view.

import { read } from "./api.js";
import { showBounds } from "./board.js";
import { Clusters } from "./clusters.js";
import { arrangeGap } from "./gaps.js";
import { Layers } from "./layers.js";
import { Planner, addUp, byCode } from "./planner.js";
import { SplitAreas } from "./split_areas.js";
import { isAtOtherSpeed } from "./state.js";
import { TileOutlines } from "./tile_areas.js";
import { verdictPaint } from "./verdicts.js";
import { TileSource } from "./vector_tiles.js";
import { LEVELS, LEVEL_NAMES, nameOf } from "./words.js";

const L = window.L;
/** From this zoom on circles are drawn. */
const CIRCLE_ZOOM = 10;
/** Below this zoom townships are too small to be named, or to have circles of gaps. */
const FAR_ZOOM = 9;
/** From this zoom on communities are named. */
const NEAR_ZOOM = 12;
const BLOCK_PX = 512;
/** Most uncovered places that are listed for one area. */
const MOST_LISTED = 500;
/** Of more divisions those above them are named from afar. */
const MOST_NAMED = 300;

class LargeLayers extends Layers {
  constructor(map, study, { onPick, onError, ask, onData }) {
    super(map, study, { onPick });
    const [tiles] = study.tiles.values();
    const source = new TileSource(tiles);
    this.areas = new SplitAreas(map, source, { onPick, onError });
    if (tiles.level === "community") this.communities = new TileOutlines(map, source);
    this.facilities = new Clusters(map, { study, ask, onData });
  }
}

/** The planner of a study with very many divisions. */
export class LargePlanner extends Planner {
  makeLayers(map, study) {
    map.on("moveend", () => this.followCircles());
    map.on("zoomend", () => this.followZoom());
    return new LargeLayers(map, study, {
      onPick: (code) => this.pick(code),
      onError: (error) => this.report(error, () => this.retry()),
      ask: (query) => this.sources.clusters(query),
      onData: () => this.describe(),
    });
  }

  isTiled(level) {
    return this.study.tiles.has(level);
  }

  /** The level that is drawn whole: the view's, or from afar the one above it. */
  plainLevel(level) {
    const levels = this.study.levels.map(({ id }) => id).filter((id) => !this.isTiled(id));
    if (!this.isTiled(level)) return level;
    return levels.findLast((id) => LEVELS.indexOf(id) < LEVELS.indexOf(level)) ?? levels[0];
  }

  /** The level whose uncovered places are drawn: the finest only within a county. */
  gapLevel() {
    const finest = this.study.levels.at(-1).id;
    if (this.store?.get().county != null) return finest;
    const plain = this.plainLevel(finest);
    return this.map.getZoom() < FAR_ZOOM ? (this.levelAbove(plain) ?? plain) : plain;
  }

  // what is drawn from afar differs from what is drawn close up
  followZoom() {
    if (!document.body.dataset.ready) return;
    if (this.gapsOf !== this.gapLevel()) this.loadGaps();
    this.teller.describeTitle(this.teller.words());
  }

  levelAbove(level) {
    const levels = this.study.levels.map(({ id }) => id);
    return levels[levels.indexOf(level) - 1] ?? null;
  }

  async loadShapes() {
    const { level, county } = this.store.get();
    const isTiled = this.isTiled(level);
    const [shapes, columns] = await Promise.all([
      this.sources.outlines("shapes", this.plainLevel(level)),
      isTiled ? this.sources.columns(level) : null,
    ]);
    if (!shapes || level !== this.store.get().level) return;
    this.keepDivisions(shapes);
    if (columns) this.keepColumns(columns);
    if (county != null) await this.knowParents();
    const plain = this.within(shapes, ({ code }) => code);
    this.shown = isTiled ? this.areasOf(columns) : plain.features.map(({ properties }) => properties);
    const within = county == null ? null : new Set(this.shown.map(({ code }) => code));
    this.layers.areas.setShapes(plain, { isTiled, columns, within });
    await this.nameAreas(plain, isTiled);
    this.layers.areas.select(this.store.get().code);
    await this.drawVeil(county);
    performance.mark("planner:areas");
  }

  // from afar only the level above is named
  async nameAreas(plain, isTiled) {
    const level = plain.features[0]?.properties.level;
    const above = this.store.get().county == null && plain.features.length > MOST_NAMED && this.levelAbove(level);
    const wider = above ? await this.sources.divisions(above) : null;
    this.layers.labels.setTiers([
      ...(wider ? [{ below: FAR_ZOOM, shapes: pointsOf(wider) }] : []),
      { below: isTiled ? NEAR_ZOOM : Infinity, shapes: plain },
      ...(isTiled ? [{ below: Infinity, shapes: pointsOf(this.shown) }] : []),
    ]);
  }

  keepColumns({ level, codes, names, parents }) {
    if (this.keptLevel === level) return;
    this.keptLevel = level;
    codes.forEach((code, i) => this.divisions.set(code, { code, name: names[i], parent: parents[i], level }));
  }

  areasOf({ level, codes, names, parents, people, lon, lat }) {
    const { county } = this.store.get();
    const all = codes.map((code, i) => ({
      code, level, name: names[i], parent: parents[i], people: people[i], lon: lon[i], lat: lat[i],
    }));
    return county == null ? all : all.filter(({ code }) => this.isUnder(code, county));
  }

  async loadFigures() {
    const view = this.store.get();
    if (!this.isTiled(view.level)) {
      await super.loadFigures();
      return;
    }
    const isOf = ({ code }) => view.county == null || code === view.county;
    const wide = this.plainLevel(view.level);
    const [rates, verdicts] = await Promise.all([
      this.sources.rateColumns(view, wide),
      view.indicator == null ? null : this.sources.verdictColumns(view, wide),
    ]);
    if (rates) {
      const [{ codes }, column, wider, whole] = rates;
      this.rates = new Map(codes.map((code, i) => [code, { rate: column.rates[i] }]));
      this.widerRates = byCode(wider.items);
      this.total = addUp(whole.items.filter(isOf));
    }
    if (view.indicator !== this.store.get().indicator) return;
    if (verdicts) this.keepVerdicts(verdicts, isOf);
    if (view.indicator == null) this.layers.areas.setRates(this.rates, this.widerRates);
    else if (this.verdicts) {
      this.layers.areas.setPaint(verdictPaint(this.verdicts), verdictPaint(this.widerVerdicts ?? this.verdicts));
    }
  }

  keepVerdicts([{ codes }, column, wider, whole], isOf) {
    const { words, statuses, values, value_unit: unit } = column;
    this.verdicts = new Map();
    codes.forEach((code, i) => {
      if (statuses[i] == null) return;
      this.verdicts.set(code, { code, status: words[statuses[i]], value: values[i], value_unit: unit });
    });
    this.widerVerdicts = byCode(wider.items);
    this.entry = whole.indicator;
    const found = whole.items.filter(isOf);
    this.verdict = found.length === 1 ? found[0] : null;
  }

  async loadGaps() {
    const view = this.store.get();
    this.gapsOf = this.gapLevel();
    const answer = await this.sources.gaps({ ...view, level: this.gapLevel(), parent: view.county });
    if (!answer) return;
    this.layers.gaps.setData(isAtOtherSpeed(this.store.get()) ? { features: [] } : answer);
    this.teller.describeOthers();
  }

  loadFacilities() {
    const { service, county } = this.store.get();
    return this.layers.facilities.setQuestion({ service, parent: county });
  }

  narrowFacilities() {
    const { service, county, off } = this.store.get();
    this.layers.facilities.narrow({ off });
    this.layers.facilities.setQuestion({ service, parent: county });
  }

  // circles of the view only, and not from afar
  async loadCircles() {
    this.circleBox = null;
    await this.followCircles();
  }

  standIn() {
    const { level } = this.store.get();
    if (!this.isTiled(level) || this.layers.areas.isNear) return null;
    const [own, plain] = [level, this.plainLevel(level)].map((id) => nameOf(LEVEL_NAMES, id));
    return `此处按${plain}着色，放大后按${own}`;
  }

  areCirclesFar() {
    return this.map.getZoom() < CIRCLE_ZOOM;
  }

  async followCircles() {
    const view = this.store?.get();
    if (!view?.layers.includes("circles")) return;
    const drawn = await this.sources.circleMinutes(view);
    if (!drawn) return;
    this.circleMinutes = drawn;
    const bbox = this.areCirclesFar() || !drawn.includes(view.minutes) || isAtOtherSpeed(view) ? "" : viewBox(this.map);
    if (bbox === this.circleBox) return;
    this.circleBox = bbox;
    const answer = bbox ? await this.sources.circles({ ...view, bbox }) : { features: [] };
    if (answer && bbox === this.circleBox) this.layers.circles.setData(answer);
  }

  async loadOutlines() {
    if (!this.store.get().layers.includes("townships")) return;
    const answer = await this.sources.outlines("townships", "township");
    if (!answer) return;
    this.keepDivisions(answer);
    this.layers.townships.setShapes(answer);
  }

  /** Learn who is above whom; of levels with very many only where they are shown. */
  async knowParents() {
    for (const { id } of this.study.levels) {
      if (this.isTiled(id) || [...this.divisions.values()].some(({ level }) => level === id)) continue;
      for (const item of await this.sources.divisions(id)) this.divisions.set(item.code, item);
    }
  }

  async find(division) {
    this.divisions.set(division.code, division);
    await super.find(division);
  }

  async goTo(code, options) {
    showBounds(this.map, await this.boundsOf(code), options);
  }

  async goHome() {
    const { code } = this.store.get();
    showBounds(this.map, (await this.boundsOf(code)) ?? this.layers.areas.bounds(null));
  }

  /** Bounds of an area: of one in tiles, those of its whole shape. */
  async boundsOf(code) {
    const level = this.divisions.get(code)?.level;
    if (code == null || !this.isTiled(level)) return this.layers.areas.bounds(code);
    const parent = this.divisions.get(code).parent;
    const answer = await this.load(read("divisions", { level, parent, format: "geojson" }));
    const shape = answer.features.find(({ properties }) => properties.code === code)?.geometry;
    return shape ? L.geoJSON(shape).getBounds() : null;
  }

  /** Read what the panel tells of an area besides its column's value. */
  async prepare(area) {
    await this.knowParents();
    const view = this.store.get();
    const { parent, level, code } = area;
    const isOwn = (row) => row.code === code;
    if (this.isTiled(level) && view.indicator == null) {
      const found = (await this.sources.areaRates(view, { level, parent })).find(isOwn);
      if (found) this.rates.set(code, found);
    }
    if (this.isTiled(level) && view.indicator != null) {
      const found = (await this.sources.areaVerdicts(view, { level, parent })).find(isOwn);
      if (found) this.verdicts.set(code, found);
    }
    if (view.indicator != null) return;
    const finest = this.study.levels.at(-1).id;
    const query = { ...view, level: finest, parent: code, limit: MOST_LISTED };
    const answer = await this.load(this.sources.areaGaps(query));
    this.areaGaps = answer.features.map(arrangeGap).sort((a, b) => (b.people ?? -1) - (a.people ?? -1));
    this.areaGapsTotal = answer.total;
  }

  gapsUnder() {
    return this.areaGaps ?? [];
  }

  openGap(code) {
    this.layers.gaps.show(this.areaGaps?.find((gap) => gap.code === code));
  }
}

const pointsOf = (areas) => ({
  features: areas
    .filter(({ lon, lat }) => lon != null && lat != null)
    .map((properties) => ({
      properties,
      geometry: { type: "Point", coordinates: [properties.lon, properties.lat] },
    })),
});

// the view in whole blocks, so that a small move asks nothing new
function viewBox(map) {
  const zoom = Math.round(map.getZoom());
  const bounds = map.getBounds();
  const low = map.project(bounds.getNorthWest(), zoom).divideBy(BLOCK_PX).floor().multiplyBy(BLOCK_PX);
  const high = map.project(bounds.getSouthEast(), zoom).divideBy(BLOCK_PX).ceil().multiplyBy(BLOCK_PX);
  const [northWest, southEast] = [map.unproject(low, zoom), map.unproject(high, zoom)];
  return [northWest.lng, southEast.lat, southEast.lng, northWest.lat].map((degrees) => degrees.toFixed(5)).join(",");
}

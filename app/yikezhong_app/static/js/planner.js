// The coverage map at work: keeps the view in the address, loads what the view needs
// and hands it to the layers.

import { Ground, addHomeControl, showBounds, showPlace } from "./board.js";
import { buildControls, showCategories } from "./controls.js";
import { byId } from "./dom.js";
import { wireDownloads } from "./downloads.js";
import { embedded, firstQuery } from "./embedded.js";
import { Layers } from "./layers.js";
import { hideMessage } from "./page.js";
import { Probe } from "./probe.js";
import { showWaiting } from "./results.js";
import { wireSearch } from "./search.js";
import { Sources } from "./sources.js";
import { createStore, isAtOtherSpeed, isMove, readAddress, settle, writeAddress } from "./state.js";
import { learnOffers, learnSpeeds } from "./study.js";
import { Teller } from "./teller.js";
import { verdictPaint } from "./verdicts.js";

/** What the figures of a view depend on. */
const FIGURES = ["service", "minutes", "level", "denominator", "variant", "county", "indicator", "speed"];
const ALL = new Set([...FIGURES, "layers", "off", "base", "code", "at"]);

/** Everything on the page, once the study is known. */
export class Planner {
  constructor(study, { map, load, sheets, report, isOutdated }) {
    Object.assign(this, { study, map, load, sheets, report, isOutdated });
    this.store = createStore(settle(readAddress(firstQuery()), study));
    this.sources = new Sources(study, load);
    this.layers = this.makeLayers(map, study);
    this.ground = new Ground(map, study.baseMaps);
    this.divisions = new Map();
    this.rates = new Map();
    this.total = null;
    this.teller = new Teller(this);
    // a file has no service that could compute a circle
    if (!embedded) this.probe = this.makeProbe();
  }

  makeLayers(map, study) {
    return new Layers(map, study, { onPick: (code) => this.pick(code) });
  }

  async run() {
    const choose = (patch) => this.change(patch);
    const showChoices = buildControls(this.study, choose, () => this.listIndicators());
    wireSearch((division) => this.find(division));
    wireDownloads();
    addHomeControl(this.map, () => this.goHome());
    this.store.listen((view, changed) => {
      showChoices(view);
      this.refresh(changed);
    });
    showChoices(this.store.get());
    showWaiting();
    await this.refresh(ALL);
    const { lat, lng, zoom } = this.store.get();
    this.map.on("zoomend", () => this.teller.describeOthers());
    // the legend has its height only now
    this.map.invalidateSize({ animate: false });
    if (zoom == null) await this.goHome();
    else showPlace(this.map, [lat, lng], zoom);
    this.map.on("moveend", () => this.rememberPlace());
    this.rememberPlace();
    window.addEventListener("popstate", () => this.goBack());
    performance.mark("planner:ready");
    document.body.dataset.ready = "true";
  }

  makeProbe() {
    const { areas } = this.layers;
    return new Probe(this.map, {
      load: this.load,
      onPlace: (at) => this.store.set({ at }),
      onSwitch: (isOn) => {
        areas.isPassing = isOn;
      },
    });
  }

  service() {
    return this.study.services.find(({ id }) => id === this.store.get().service);
  }

  /** Take what the reader chose; a selected area is kept only within its level. */
  async change(patch) {
    const asked = { ...this.store.get(), ...patch };
    try {
      await this.learn(asked);
    } catch (error) {
      this.report(error, () => this.change(patch));
      return;
    }
    const view = settle({ ...this.store.get(), ...patch }, this.study);
    if (view.level !== this.store.get().level || "county" in patch) view.code = null;
    this.store.set(view);
    if (!("county" in patch)) return;
    await this.idle;
    await this.goHome();
  }

  // which denominators and speeds there are, before a choice of them is settled
  learn({ service, indicator }) {
    return this.load(Promise.all([learnOffers(this.study, service), learnSpeeds(this.study, indicator)]));
  }

  pick(code) {
    this.store.set({ code });
    if (code != null) this.sheets.open("results");
  }

  async find(division) {
    const view = this.store.get();
    if (view.county != null) await this.knowParents();
    const inside = view.county == null || this.isUnder(division.code, view.county);
    const wanted = { ...view, level: division.level, code: division.code };
    this.store.set(settle(inside ? wanted : { ...wanted, county: null }, this.study));
    this.sheets.open("results");
    await this.idle;
    await this.goTo(division.code, { maxZoom: 14 });
  }

  /** Show an area of the level. */
  goTo(code, options) {
    showBounds(this.map, this.layers.areas.bounds(code), options);
  }

  /** The level whose uncovered places are drawn. */
  gapLevel() {
    return this.study.levels.at(-1).id;
  }

  /** Read what the panel tells of an area. */
  prepare() {
    return this.knowParents();
  }

  /** Uncovered places within an area. */
  gapsUnder(area) {
    return this.layers.gaps.gaps.filter((gap) => this.isUnder(gap.code, area.code));
  }

  openGap(code) {
    this.layers.gaps.open(code);
  }

  /** Words on what is drawn in place of the level chosen; null: nothing is. */
  standIn() {
    return null;
  }

  /** Whether circles are not drawn, since the map shows too much. */
  areCirclesFar() {
    return false;
  }

  /** Show the selected area, the county, or all. */
  goHome() {
    const { areas } = this.layers;
    showBounds(this.map, areas.bounds(this.store.get().code) ?? areas.bounds(null));
  }

  rememberPlace() {
    if (document.documentElement.classList.contains("printing")) return;
    const { lat, lng } = this.map.getCenter();
    this.store.set({ lat, lng, zoom: this.map.getZoom() });
  }

  /** Show the view of the address, after the browser went back or forward. */
  async goBack() {
    const asked = readAddress(window.location.search);
    try {
      await this.learn(settle(asked, this.study));
    } catch (error) {
      this.report(error, () => this.goBack());
      return;
    }
    const view = settle(asked, this.study);
    this.isGoingBack = true;
    this.store.set(view);
    this.isGoingBack = false;
    await this.idle;
    if (view.zoom != null) showPlace(this.map, [view.lat, view.lng], view.zoom);
  }

  // a choice is a step of the browser's history, a move of the map is not
  remember(changed) {
    // a file has one view, and no address that could carry another
    if (embedded) return;
    const address = writeAddress(this.store.get());
    const step = document.body.dataset.ready && !this.isGoingBack && !isMove(changed);
    window.history[step ? "pushState" : "replaceState"](null, "", address);
  }

  /** Load and draw what a change of the view asks for. */
  refresh(changed) {
    this.remember(changed);
    const any = (...names) => names.some((name) => changed.has(name));
    const tasks = [];
    if (any("level", "county")) tasks.push(this.loadShapes());
    if (any(...FIGURES)) tasks.push(this.loadFigures());
    if (any("service", "minutes", "county", "speed", "indicator")) tasks.push(this.loadGaps());
    if (any("service")) tasks.push(this.loadFacilities());
    if (any("service", "minutes", "layers", "speed", "indicator")) tasks.push(this.loadCircles());
    if (any("service", "county", "layers", "speed", "indicator")) tasks.push(this.loadGapAreas());
    if (any("layers")) tasks.push(this.loadOutlines(), this.loadRoads());
    if (any("layers")) this.layers.toggle(this.store.get().layers);
    if (any("county", "off")) this.narrowFacilities();
    if (any("base")) this.chooseGround();
    if (any("at", "service", "minutes", "speed")) this.showProbe();
    if (any("code")) this.layers.areas.select(this.store.get().code);
    if (tasks.length === 0) {
      if (any("code", "layers", "off", "base")) this.describe();
      return this.idle;
    }
    this.idle = Promise.allSettled(tasks).then((outcomes) => {
      const failed = outcomes.find(({ status }) => status === "rejected");
      if (failed) this.report(failed.reason, () => this.retry());
      else if (!this.isOutdated()) hideMessage();
      this.describe();
    });
    return this.idle;
  }

  retry() {
    hideMessage();
    this.refresh(ALL);
  }

  async loadShapes() {
    const { level, county } = this.store.get();
    const answer = await this.sources.levelShapes(level);
    if (!answer) return;
    for (const collection of answer) this.keepDivisions(collection);
    if (county != null) await this.knowParents();
    const [own, ...wider] = answer.map((collection) => this.within(collection, ({ code }) => code));
    this.layers.areas.setShapes(own);
    this.layers.labels.setShapes(own, ...wider);
    this.shown = own.features.map(({ properties }) => properties);
    this.layers.areas.select(this.store.get().code);
    await this.drawVeil(county);
    performance.mark("planner:areas");
  }

  async drawVeil(county) {
    const shapes = county && (await this.sources.outlines("veil", "county"));
    const one = shapes?.features.find(({ properties }) => properties.code === county);
    if (this.store.get().county === county) this.layers.veil.setGeometry(one?.geometry ?? null);
  }

  // rates are always read: what is missing of a service is told by them
  async loadFigures() {
    const view = this.store.get();
    const isOf = ({ code }) => view.county == null || code === view.county;
    const [rates, verdicts] = await Promise.all([
      this.sources.rates(view),
      view.indicator == null ? null : this.sources.verdicts(view),
    ]);
    if (rates) {
      this.rates = byCode(rates[0].items);
      this.total = addUp(rates[1].items.filter(isOf));
    }
    if (view.indicator !== this.store.get().indicator) return;
    if (verdicts) {
      this.verdicts = byCode(verdicts[0].items);
      this.entry = verdicts[0].indicator;
      const whole = verdicts[1].items.filter(isOf);
      this.verdict = whole.length === 1 ? whole[0] : null;
    }
    if (view.indicator == null) this.layers.areas.setRates(this.rates);
    else if (this.verdicts) this.layers.areas.setPaint(verdictPaint(this.verdicts));
  }

  async loadGaps() {
    const answer = await this.sources.gaps({ ...this.store.get(), level: this.gapLevel() });
    if (!answer) return;
    if (isAtOtherSpeed(this.store.get())) {
      this.layers.gaps.setData({ features: [] });
      return;
    }
    if (this.store.get().county != null) await this.knowParents();
    this.layers.gaps.setData(this.within(answer, ({ code }) => code));
  }

  async loadGapAreas() {
    if (!this.store.get().layers.includes("gapareas")) return;
    const answer = await this.sources.gapAreas(this.store.get());
    if (!answer) return;
    this.layers.gapareas.setData(isAtOtherSpeed(this.store.get()) ? { ...answer, features: [] } : answer);
  }

  async loadFacilities() {
    const answer = await this.sources.facilities(this.store.get());
    if (answer) this.layers.facilities.setData(answer);
  }

  narrowFacilities() {
    const { county, off } = this.store.get();
    const isWithin = (one) => county == null || one.county_code === county;
    this.layers.facilities.narrow({ isWithin, off });
  }

  async loadCircles() {
    const view = this.store.get();
    if (!view.layers.includes("circles")) return;
    // circles are drawn for some limits only: first ask for which
    const drawn = await this.sources.circleMinutes(view);
    if (!drawn) return;
    this.circleMinutes = drawn;
    if (!drawn.includes(view.minutes) || isAtOtherSpeed(view)) {
      this.layers.circles.setData({ features: [] });
      return;
    }
    const answer = await this.sources.circles(view);
    if (answer) this.layers.circles.setData(answer);
  }

  async loadOutlines() {
    const wanted = { townships: "township", communities: "community" };
    for (const [layer, level] of Object.entries(wanted)) {
      const offered = this.study.levels.some(({ id }) => id === level);
      if (!offered || !this.store.get().layers.includes(layer)) continue;
      const answer = await this.sources.outlines(layer, level);
      if (!answer) continue;
      this.keepDivisions(answer);
      this.layers[layer].setShapes(answer);
    }
  }

  async loadRoads() {
    if (!this.store.get().layers.includes("roads") || this.hasRoads) return;
    const answer = await this.sources.roads();
    if (!answer) return;
    this.hasRoads = true;
    this.layers.roads.setData(answer);
  }

  chooseGround() {
    const { base } = this.store.get();
    byId("ground-words").textContent = this.ground.choose(base);
    this.layers.areas.setFaint(base != null);
  }

  showProbe() {
    const { at, minutes, speed } = this.store.get();
    this.probe?.show(at, { service: this.service(), minutes, speed });
  }

  keepDivisions(collection) {
    for (const { properties } of collection.features) {
      this.divisions.set(properties.code, properties);
    }
  }

  describe() {
    showCategories(
      this.store.get().layers.includes("facilities") ? this.layers.facilities.legend() : [],
      (off) => this.change({ off }),
    );
    this.teller.describe();
  }

  async listIndicators() {
    const body = await this.sources.indicators();
    return body.plans.map(({ id, name }) => ({
      name,
      entries: body.items
        .filter(({ plan }) => plan === id)
        .map((item) => ({ id: item.indicator_id, name: `${item.indicator_id} ${item.name}（${item.status_name}）` })),
    }));
  }

  /** Learn who is above whom, where the shapes that are shown do not say. */
  async knowParents() {
    for (const { id } of this.study.levels) {
      const known = [...this.divisions.values()].some(({ level }) => level === id);
      if (known) continue;
      for (const item of await this.sources.divisions(id)) this.divisions.set(item.code, item);
    }
  }

  /** The part of a collection that lies in the county chosen. */
  within(collection, codeOf) {
    const { county } = this.store.get();
    if (county == null) return collection;
    const features = collection.features.filter(({ properties }) => this.isUnder(codeOf(properties), county));
    return { ...collection, features };
  }

  /** Whether a division is another, or below it. */
  isUnder(code, above) {
    let at = code;
    for (let steps = 0; at != null && steps < 6; steps += 1) {
      if (at === above) return true;
      at = this.divisions.get(at)?.parent;
    }
    return false;
  }
}

export const byCode = (items) => new Map(items.map((item) => [item.code, item]));

/** Add the counts of records; a rate is never averaged. */
export function addUp(items) {
  if (items.length === 0) return null;
  const sum = (name) => items.reduce((all, item) => all + (item[name] ?? 0), 0);
  const total = sum("total");
  return {
    total,
    covered: sum("covered"),
    full: sum("full"),
    out_of_reach: sum("out_of_reach"),
    rate: items.length === 1 ? items[0].rate : total > 0 ? sum("covered") / total : null,
    flags: [...new Set(items.flatMap(({ flags }) => String(flags ?? "").split(" ")))],
  };
}

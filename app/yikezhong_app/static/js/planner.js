// The coverage map at work: keeps the view in the address, loads what the view needs
// and hands it to the layers.

import { readAll } from "./api.js";
import { Areas, Labels, Outlines } from "./areas.js";
import { addHomeControl, showBounds, showPlace } from "./board.js";
import { buildControls } from "./controls.js";
import { byId, make, show } from "./dom.js";
import { showDownloads, wireDownloads } from "./downloads.js";
import { percent } from "./format.js";
import { Facilities } from "./facilities.js";
import { Gaps } from "./gaps.js";
import { showFacilityLegend, showOtherLegend, showRateLegend } from "./legend.js";
import { Circles, Roads } from "./lines.js";
import { hideMessage } from "./page.js";
import { showArea, showOverview, showWaiting } from "./results.js";
import { wireSearch } from "./search.js";
import { createStore, readAddress, settle, writeAddress } from "./state.js";
import { learnOffers } from "./study.js";
import { LEVEL_NAMES, PROFILE_NAMES, nameOf, unitOf } from "./words.js";

const MOST_ROWS = 50000;
const INDICATOR = ["service", "minutes", "level", "denominator", "variant"];

/** Everything on the page, once the study is known. */
export class Planner {
  constructor(study, { map, load, sheets, report, isOutdated }) {
    Object.assign(this, { map, load, sheets, report, isOutdated });
    this.study = study;
    this.store = createStore(settle(readAddress(window.location.search), study));
    this.gapLevel = study.levels.at(-1).id;
    this.divisions = new Map();
    this.rates = new Map();
    this.total = null;
    this.areas = new Areas(map, { onPick: (code) => this.pick(code) });
    this.labels = new Labels(map);
    this.outlines = {
      townships: new Outlines(map, { color: "#4b5957", weight: 1.1, opacity: 0.75 }),
      communities: new Outlines(map, {
        color: "#3f4b49",
        weight: 0.9,
        opacity: 0.75,
        dashArray: "5 3",
      }),
    };
    this.facilities = new Facilities(map, { study });
    this.gaps = new Gaps(map, { facilityName: (id) => this.facilities.nameOf(id) });
    this.circles = new Circles(map);
    this.roads = new Roads(map);
    this.asked = new Map();
  }

  async run() {
    const showChoices = buildControls(this.study, (patch) => this.change(patch));
    wireSearch((division) => this.find(division));
    wireDownloads();
    addHomeControl(this.map, () => showBounds(this.map, this.areas.bounds(null)));
    this.store.listen((view, changed) => {
      showChoices(view);
      this.refresh(changed);
    });
    showChoices(this.store.get());
    showWaiting();
    await this.refresh(new Set([...INDICATOR, "layers", "code"]));
    const { lat, lng, zoom } = this.store.get();
    this.map.on("zoomend", () => this.describeOthers(this.words()));
    // the legend has its height only now
    this.map.invalidateSize({ animate: false });
    if (zoom == null) {
      showBounds(this.map, this.areas.bounds(this.store.get().code) ?? this.areas.bounds(null));
    } else showPlace(this.map, [lat, lng], zoom);
    this.map.on("moveend", () => this.rememberPlace());
    this.rememberPlace();
    document.body.dataset.ready = "true";
  }

  service() {
    return this.study.services.find(({ id }) => id === this.store.get().service);
  }

  /** Take what the reader chose; a selected area is kept only within its level. */
  async change(patch) {
    if (patch.service) {
      try {
        await this.load(learnOffers(this.study, patch.service));
      } catch (error) {
        this.report(error, () => this.change(patch));
        return;
      }
    }
    const view = settle({ ...this.store.get(), ...patch }, this.study);
    if (patch.level && patch.level !== this.store.get().level) view.code = null;
    this.store.set(view);
  }

  pick(code) {
    this.store.set({ code });
    if (code != null) this.sheets.open("results");
  }

  async find(division) {
    const wanted = { ...this.store.get(), level: division.level, code: division.code };
    this.store.set(settle(wanted, this.study));
    this.sheets.open("results");
    await this.idle;
    showBounds(this.map, this.areas.bounds(division.code), { maxZoom: 14 });
  }

  rememberPlace() {
    if (document.documentElement.classList.contains("printing")) return;
    const { lat, lng } = this.map.getCenter();
    this.store.set({ lat, lng, zoom: this.map.getZoom() });
  }

  /** Load and draw what a change of the view asks for. */
  refresh(changed) {
    window.history.replaceState(null, "", writeAddress(this.store.get()));
    const any = (...names) => names.some((name) => changed.has(name));
    const tasks = [];
    if (any("level")) tasks.push(this.loadShapes());
    if (any(...INDICATOR)) tasks.push(this.loadRates());
    if (any("service", "minutes")) tasks.push(this.loadGaps());
    if (any("service")) tasks.push(this.loadFacilities());
    if (any("service", "minutes", "layers")) tasks.push(this.loadCircles());
    if (any("layers")) tasks.push(this.loadOutlines(), this.loadRoads());
    if (any("layers")) this.toggleLayers();
    if (any("code")) this.areas.select(this.store.get().code);
    if (tasks.length === 0) {
      if (any("code", "layers")) this.describe();
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
    this.refresh(new Set([...INDICATOR, "layers", "code"]));
  }

  /** Read for one purpose; an answer that a later question overtook is null. */
  async latest(purpose, ...request) {
    const own = (this.asked.get(purpose) ?? 0) + 1;
    this.asked.set(purpose, own);
    const body = await this.load(Promise.all(request.map(([path, query]) => readAll(path, query))));
    return this.asked.get(purpose) === own ? body : null;
  }

  async loadShapes() {
    const { level } = this.store.get();
    const above = this.study.levels.at(-2)?.id;
    const wider = level === "community" && above ? [shapes(above)] : [];
    const answer = await this.latest("shapes", shapes(level), ...wider);
    if (!answer) return;
    for (const collection of answer) this.keepDivisions(collection);
    this.areas.setShapes(answer[0]);
    this.labels.setShapes(...answer);
    this.shown = answer[0].features.map(({ properties }) => properties);
    this.areas.select(this.store.get().code);
  }

  async loadRates() {
    const { level } = this.store.get();
    const top = this.study.levels[0].id;
    const answer = await this.latest("rates", this.coverage(level), this.coverage(top));
    if (!answer) return;
    const [items, whole] = answer.map(({ items: list }) => list);
    this.rates = new Map(items.map((item) => [item.code, item]));
    this.total = addUp(whole);
    this.areas.setRates(this.rates);
  }

  async loadGaps() {
    const { service, minutes } = this.store.get();
    const query = { service, minutes, level: this.gapLevel, limit: MOST_ROWS, format: "geojson" };
    const answer = await this.latest("gaps", ["gaps", query]);
    if (answer) this.gaps.setData(answer[0]);
  }

  async loadFacilities() {
    const { service } = this.store.get();
    const query = { service, limit: MOST_ROWS, format: "geojson" };
    const answer = await this.latest("facilities", ["facilities", query]);
    if (answer) this.facilities.setData(answer[0]);
  }

  async loadCircles() {
    const { service, minutes, layers } = this.store.get();
    if (!layers.includes("circles")) return;
    // circles are drawn for some limits only: first ask for which
    const drawn = await this.latest("circles", [
      "circles",
      { service, minutes: "all", limit: MOST_ROWS, format: "json" },
    ]);
    if (!drawn) return;
    this.circleMinutes = [...new Set(drawn[0].items.map((circle) => circle.minutes))];
    if (!this.circleMinutes.includes(minutes)) {
      this.circles.setData({ features: [] });
      return;
    }
    const answer = await this.latest("circles", ["circles", { service, minutes, format: "geojson" }]);
    if (answer) this.circles.setData(answer[0]);
  }

  async loadOutlines() {
    const wanted = { townships: "township", communities: "community" };
    for (const [layer, level] of Object.entries(wanted)) {
      const offered = this.study.levels.some(({ id }) => id === level);
      if (!offered || !this.store.get().layers.includes(layer)) continue;
      const answer = await this.latest(layer, shapes(level));
      if (!answer) continue;
      this.keepDivisions(answer[0]);
      this.outlines[layer].setShapes(answer[0]);
    }
  }

  async loadRoads() {
    if (!this.store.get().layers.includes("roads") || this.hasRoads) return;
    const answer = await this.latest("roads", ["roads", { format: "geojson" }]);
    if (!answer) return;
    this.hasRoads = true;
    this.roads.setData(answer[0]);
  }

  toggleLayers() {
    const { layers } = this.store.get();
    const parts = {
      areas: this.areas,
      ...this.outlines,
      circles: this.circles,
      facilities: this.facilities,
      gaps: this.gaps,
      roads: this.roads,
      labels: this.labels,
    };
    for (const [name, part] of Object.entries(parts)) part.toggle(layers.includes(name));
  }

  coverage(level) {
    const { service, minutes, denominator, variant } = this.store.get();
    return ["coverage", { level, service, minutes, denominator, variant, limit: MOST_ROWS }];
  }

  keepDivisions(collection) {
    for (const { properties } of collection.features) {
      this.divisions.set(properties.code, properties);
    }
  }

  words() {
    const { level, denominator, minutes, variant } = this.store.get();
    const service = this.service();
    const name = (list, id) => list.find((one) => one.id === id)?.name ?? id;
    return {
      level: nameOf(LEVEL_NAMES, level),
      denominator,
      denominatorName: name(service.denominators, denominator),
      group: service.group ?? "people",
      title: `${service.name} · ${nameOf(PROFILE_NAMES, service.profile ?? "walking")} ${minutes} 分钟`,
      variant: name(this.study.variants, variant),
    };
  }

  /** Write title, legend and results from what is loaded. */
  describe() {
    const words = this.words();
    const { layers } = this.store.get();
    byId("title-main").textContent = words.title;
    show(
      byId("title-sub"),
      make("span", { text: `${words.denominatorName}覆盖率 ` }),
      make("span", { text: `${words.variant} ` }),
      make("span", { text: `全域 ${percent(this.total?.rate)}` }),
    );
    showRateLegend({
      title: `${words.level}覆盖率`,
      codes: (this.shown ?? []).map(({ code }) => code),
      rates: this.rates,
    });
    const withFacilities = layers.includes("facilities");
    showFacilityLegend({
      entries: withFacilities ? this.facilities.legend() : [],
      hasHollow: withFacilities && this.facilities.hasHollow(),
    });
    this.describeOthers(words);
    this.describeDownloads();
    this.describeResults(words);
  }

  describeOthers(words) {
    const { layers, minutes } = this.store.get();
    const drawn = this.circleMinutes ?? [];
    showOtherLegend({
      layers,
      gaps: this.gaps,
      gapName: `有未覆盖人口的${nameOf(LEVEL_NAMES, this.gapLevel)}`,
      unit: unitOf(words.group),
      circleWords: drawn.includes(minutes)
        ? "服务圈范围"
        : `服务圈范围（只绘有 ${drawn.join("、") || "—"} 分钟）`,
    });
  }

  describeDownloads() {
    const view = this.store.get();
    showDownloads(view, this.shown?.find(({ code }) => code === view.code)?.name);
  }

  async describeResults(words) {
    const { code } = this.store.get();
    const area = this.shown?.find((one) => one.code === code);
    if (!area) {
      showOverview({
        total: this.total,
        areas: this.shown ?? [],
        rates: this.rates,
        words,
        choose: (chosen) => {
          this.pick(chosen);
          showBounds(this.map, this.areas.bounds(chosen), { maxZoom: 13 });
        },
      });
      return;
    }
    await this.knowParents();
    if (this.store.get().code !== code) return;
    showArea({
      area,
      parent: this.divisions.get(area.parent)?.name ?? null,
      record: this.rates.get(code),
      gaps: this.gaps.gaps.filter((gap) => this.isWithin(gap, code)),
      gapName: nameOf(LEVEL_NAMES, this.gapLevel),
      note: this.store.get().variant === "own" ? "清单计入所有设施（含界外）。" : null,
      nearest: (gap) => this.gaps.nearest(gap),
      words,
      links: this.links(code),
      onBack: () => this.pick(null),
      onGap: (gap) => {
        this.sheets.open(null);
        this.gaps.open(gap);
      },
    });
  }

  links(code) {
    const { level, service, minutes, denominator, variant } = this.store.get();
    const query = { service, minutes, denominator, variant };
    const tables = [
      ["本层级覆盖率（CSV）", "coverage", { level, ...query, format: "csv" }],
      ["未覆盖清单（Excel）", "gaps", { service, minutes, parent: code, format: "xlsx" }],
    ];
    if (level !== "township") return tables;
    const own = `townships/${encodeURIComponent(code)}`;
    return [["本乡镇街道覆盖率（JSON）", `${own}/coverage`, query], ...tables];
  }

  /** Learn who is above whom, where the shapes that are shown do not say. */
  async knowParents() {
    for (const { id } of this.study.levels) {
      const known = [...this.divisions.values()].some(({ level }) => level === id);
      if (known) continue;
      const body = await this.load(
        readAll("divisions", { level: id, format: "json", limit: MOST_ROWS }),
      );
      for (const item of body.items) this.divisions.set(item.code, item);
    }
  }

  isWithin(gap, code) {
    let at = gap.code;
    for (let steps = 0; at != null && steps < 6; steps += 1) {
      if (at === code) return true;
      at = this.divisions.get(at)?.parent;
    }
    return false;
  }
}

const shapes = (level) => ["divisions", { level, format: "geojson", limit: MOST_ROWS }];

/** Add the counts of records; a rate is never averaged. */
function addUp(items) {
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

// The sheet of a township: its figures, map, tables and reports for a service and limit.

import { readAll } from "./api.js";
import { Areas, Labels, Outlines, Veil } from "./areas.js";
import { segments, option } from "./controls.js";
import { byId, make, show } from "./dom.js";
import { Facilities } from "./facilities.js";
import { Gaps, arrangeGap } from "./gaps.js";
import { showFacilityLegend, showOtherLegend, showRateLegend } from "./legend.js";
import { Circles, Roads } from "./lines.js";
import { hideMessage } from "./page.js";
import { figures } from "./results.js";
import {
  communityTable,
  facilityTable,
  gapAreaTable,
  gapTable,
  planGapTable,
  scorecardTable,
  serviceTable,
  showPlace,
  showPlaceLinks,
  showSummary,
} from "./township_parts.js";
import { PROFILE_NAMES, nameOf, unitOf } from "./words.js";

const MOST_ROWS = 50000;
/** Room around the township on its map [pixels]. */
const MARGIN = [24, 24];

/** Everything on the page of a township. */
export class TownshipSheet {
  constructor(study, township, { map, load, report }) {
    Object.assign(this, { study, township, map, load, report });
    this.code = township.code;
    this.areas = new Areas(map, { onPick: (code) => this.pick(code) });
    this.border = new Outlines(map, { color: "#1c2b2a", weight: 2 });
    this.veil = new Veil(map);
    this.labels = new Labels(map);
    this.circles = new Circles(map);
    this.roads = new Roads(map);
    this.facilities = new Facilities(map, { study });
    this.gaps = new Gaps(map, { facilityName: (id) => this.facilities.nameOf(id) });
    this.tables = {
      communities: communityTable({ onPick: (code) => this.pick(code) }),
      gaps: gapTable(),
      gapAreas: gapAreaTable(),
      scorecard: scorecardTable("scorecard-table"),
      scorecardRest: scorecardTable("scorecard-rest"),
      planGaps: planGapTable(),
      facilities: facilityTable(study),
      services: serviceTable(),
    };
    this.view = this.settle(new URLSearchParams(window.location.search));
  }

  async run() {
    showPlace(this.township);
    show(byId("choose-service"), this.study.services.map(option));
    byId("choose-service").addEventListener("change", (event) =>
      this.change({ service: event.target.value }),
    );
    byId("choices").addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("popstate", () => {
      this.view = this.settle(new URLSearchParams(window.location.search));
      this.refresh();
    });
    const drawn = [this.areas, this.border, this.circles, this.roads, this.facilities, this.gaps, this.labels];
    for (const layer of drawn) layer.toggle(true);
    const isWithin = (one) => [one.township_code, one.located_township_code].includes(this.code);
    this.facilities.narrow({ isWithin, off: [] });
    window.history.replaceState(null, "", this.address());
    this.ground = this.showGround();
    await Promise.all([this.ground, this.showRoads(), this.showStanding(), this.refresh()]);
    document.body.dataset.ready = "true";
  }

  settle(query) {
    const { services } = this.study;
    const service =
      services.find(({ id }) => id === query.get("service")) ??
      services.find(({ id }) => id === "elderly_circle") ??
      services[0];
    const usual = Math.round((service.limit_s ?? 900) / 60);
    const wanted = [Number(query.get("minutes")), usual, service.minutes[0]];
    return { service, minutes: wanted.find((value) => service.minutes.includes(value)) };
  }

  address() {
    const { service, minutes } = this.view;
    return `?service=${encodeURIComponent(service.id)}&minutes=${minutes}`;
  }

  change(patch) {
    const { service, minutes } = this.view;
    this.view = this.settle(new URLSearchParams({ service: service.id, minutes, ...patch }));
    window.history.pushState(null, "", this.address());
    this.refresh();
  }

  read(path, query = {}) {
    return this.load(readAll(path, { ...query, limit: MOST_ROWS }));
  }

  /** The township's border and its communities. */
  async showGround() {
    const { code } = this;
    const [own, communities] = await Promise.all([
      this.read("divisions", { level: "township", parent: this.around(), format: "geojson" }),
      this.read("divisions", { level: "community", parent: code, format: "geojson" }).catch(noSuchLevel),
    ]);
    const border = own.features.find(({ properties }) => properties.code === code);
    const shapes = communities.features.length > 0 ? communities : { ...own, features: [border] };
    this.communities = communities.features.map(({ properties }) => properties);
    this.areas.setShapes(shapes);
    this.labels.setShapes(shapes);
    this.border.setShapes({ features: [border] });
    this.veil.setGeometry(border.geometry);
    this.map.invalidateSize({ animate: false });
    const bounds = this.bounds();
    if (bounds) this.map.fitBounds(bounds, { padding: MARGIN, animate: false });
  }

  // of a study with very many divisions, the townships beside it only
  around() {
    return this.study.tiles.size > 0 ? (this.township.parent ?? null) : null;
  }

  // and what lies near it
  box() {
    const bounds = this.study.tiles.size > 0 ? this.bounds()?.pad(0.5) : null;
    return bounds ? bounds.toBBoxString() : null;
  }

  /** Bounds of the township; null where no shape is known. */
  bounds() {
    const bounds = this.areas.bounds(null);
    return bounds.isValid() ? bounds : null;
  }

  async showRoads() {
    this.roads.setData(await this.read("roads", { format: "geojson" }));
  }

  /** What does not depend on the service: scorecard, facilities, plans. */
  async showStanding() {
    const own = `townships/${encodeURIComponent(this.code)}`;
    const [scorecard, planGaps, facilities] = await Promise.all([
      this.read(`${own}/scorecard`),
      this.read("plan-gaps", { parent: this.code }),
      this.read("facilities", { township: this.code, format: "geojson" }),
    ]);
    showSummary(scorecard.summary, scorecard.items.length);
    const isJudged = ({ status }) => ["met", "not_met", "unknown"].includes(status);
    const rest = scorecard.items.filter((row) => !isJudged(row));
    show(
      byId("scorecard"),
      this.tables.scorecard.setRows(scorecard.items.filter(isJudged)),
      rest.length > 0 &&
        make(
          "details",
          { class: "rest" },
          make("summary", { text: `未设目标与不适用的指标（${rest.length}）` }),
          this.tables.scorecardRest.setRows(rest),
        ),
    );
    show(
      byId("plan-gaps"),
      planGaps.items.length > 0 && make("h4", { text: "没有达到规划指标的区划与设施" }),
      planGaps.items.length > 0 && this.tables.planGaps.setRows(planGaps.items),
    );
    const places = facilities.features.map(({ properties }) => properties);
    show(byId("facilities"), this.tables.facilities.setRows(places));
    byId("facilities-title").textContent = `设施（${places.length} 处）`;
  }

  /** Read and write what depends on the service and the limit. */
  async refresh() {
    const { service, minutes } = this.view;
    const asked = this.address();
    this.showChoices();
    hideMessage();
    const query = { service: service.id, minutes };
    const parent = this.code;
    try {
      // near which place is told by the township's shape
      if (this.study.tiles.size > 0) await this.ground;
      const [own, below, gaps, gapAreas, facilities] = await this.load(
        Promise.all([
          this.read(`townships/${encodeURIComponent(this.code)}/coverage`, query),
          this.read("coverage", { ...query, level: "community", parent }).catch(noSuchLevel),
          this.read("gaps", { ...query, parent, format: "geojson" }),
          this.read("gap-areas", { service: service.id, parent }),
          this.read("facilities", { service: service.id, bbox: this.box(), format: "geojson" }),
        ]),
      );
      if (asked !== this.address()) return;
      this.record = own.items[0] ?? null;
      this.rates = new Map(below.items.map((item) => [item.code, item]));
      this.facilities.setData(facilities);
      this.fillGaps(gaps, gapAreas);
      await this.ground;
      this.fillFigures();
      await this.showCircles(query);
      this.describeLegend();
    } catch (error) {
      this.report(error, () => this.refresh());
    }
  }

  async showCircles(query) {
    const drawn = await this.read("circles", { service: query.service, minutes: "all", format: "json" });
    this.hasCircles = drawn.items.some(({ minutes }) => minutes === query.minutes);
    const none = { features: [] };
    this.circles.setData(this.hasCircles ? await this.read("circles", { ...query, bbox: this.box(), format: "geojson" }) : none);
  }

  showChoices() {
    const { service, minutes } = this.view;
    byId("choose-service").value = service.id;
    const limits = service.minutes.map((value) => ({ id: String(value), name: String(value) }));
    segments("minutes", limits, (id) => this.change({ minutes: id }));
    for (const input of document.getElementsByName("minutes")) {
      input.checked = input.value === String(minutes);
    }
    showPlaceLinks(this.township, { service: service.id, minutes });
  }

  words() {
    const { service } = this.view;
    const group = service.group ?? "people";
    const denominatorName = service.denominators.find(({ id }) => id === group)?.name ?? "人口";
    return { group, denominator: group, denominatorName };
  }

  fillGaps(gaps, gapAreas) {
    const below = gaps.features.filter(({ properties }) => properties.code !== this.code);
    const own = below.length > 0 ? below : gaps.features;
    this.gaps.setData({ features: own });
    this.gapOf = new Map(own.map((feature) => [feature.properties.code, arrangeGap(feature)]));
    const rows = own.map(({ properties }) => properties);
    const areas = gapAreas.items.filter((one) => one.service === this.view.service.id);
    show(
      byId("gaps"),
      rows.length > 0 ? this.tables.gaps.setRows(rows) : empty("没有未覆盖的人口"),
    );
    show(
      byId("gap-areas"),
      areas.length > 0 && make("h4", { text: `缺口片区（规定时限 ${areas[0].minutes} 分钟）` }),
      areas.length > 0 && this.tables.gapAreas.setRows(areas),
    );
  }

  fillFigures() {
    const { service, minutes } = this.view;
    const words = this.words();
    byId("title-main").textContent =
      `${service.name} · ${nameOf(PROFILE_NAMES, service.profile ?? "walking")} ${minutes} 分钟`;
    const speed = service.profile === "driving" ? null : this.study.walkSpeed;
    byId("title-sub").textContent = [
      speed && `步行 ${speed.toFixed(1)} 米/秒`,
      "计所有设施（含界外）",
      this.study.asOf && `评价日期 ${this.study.asOf}`,
    ].filter(Boolean).join("　");
    show(byId("figures"), figures(this.record, words));
    show(byId("services"), this.tables.services.setRows(this.township.coverage));
    const rows = (this.communities ?? []).map((place) => ({
      ...place,
      record: this.rates.get(place.code) ?? null,
      gap: this.gapOf.get(place.code) ?? null,
    }));
    const table = this.tables.communities;
    show(byId("communities"), rows.length > 0 ? table.setRows(rows) : empty("没有社区、村一级的数据"));
    byId("communities-title").textContent = `社区与村（${rows.length} 个）`;
    const painted = rows.length > 0 ? this.rates : new Map([[this.code, this.record ?? {}]]);
    this.areas.setRates(painted);
  }

  describeLegend() {
    const { minutes } = this.view;
    const codes = (this.communities ?? []).map(({ code }) => code);
    showRateLegend({ title: "社区/村覆盖率", codes, rates: this.rates });
    const entries = this.facilities.legend();
    showFacilityLegend({ entries, hasHollow: this.facilities.hasHollow() });
    showOtherLegend({
      layers: ["gaps", "roads", ...(this.hasCircles ? ["circles"] : [])],
      gaps: this.gaps,
      gapName: "有未覆盖人口的社区/村",
      unit: unitOf(this.words().group),
      circleWords: `服务圈范围（${minutes} 分钟）`,
    });
  }

  pick(code) {
    this.areas.select(code);
    for (const row of document.querySelectorAll("#communities [data-code]")) {
      row.classList.toggle("selected", row.dataset.code === code);
    }
  }
}

const empty = (text) => make("p", { class: "empty", text });

// a study may have no communities
function noSuchLevel(error) {
  if (error.status !== 422 && error.status !== 404) throw error;
  return { features: [], items: [] };
}

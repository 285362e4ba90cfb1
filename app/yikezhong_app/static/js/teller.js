// The words of the coverage map: title, legend, downloads, and the panel of results.

import { address } from "./api.js";
import { byId, make, show } from "./dom.js";
import { showDownloads } from "./downloads.js";
import { percent } from "./format.js";
import { showFacilityLegend, showOtherLegend, showRateLegend } from "./legend.js";
import { showArea, showLinks, showOverview } from "./results.js";
import {
  showVerdictArea,
  showVerdictLegend,
  showVerdictOverview,
  valueWords,
  verdictName,
} from "./verdicts.js";
import { isAtOtherSpeed } from "./state.js";
import { LEVEL_NAMES, PROFILE_NAMES, nameOf, unitOf } from "./words.js";

/** Tells in words what the planner's map shows. */
export class Teller {
  constructor(planner) {
    this.planner = planner;
  }

  get view() {
    return this.planner.store.get();
  }

  words() {
    const { study } = this.planner;
    const { level, denominator, minutes, variant, county, indicator } = this.view;
    const service = this.planner.service();
    const name = (list, id) => list.find((one) => one.id === id)?.name ?? id;
    const reached = `${nameOf(PROFILE_NAMES, service.profile ?? "walking")} ${minutes} 分钟`;
    const { entry } = this.planner;
    return {
      level: nameOf(LEVEL_NAMES, level),
      denominator,
      denominatorName: name(service.denominators, denominator),
      group: service.group ?? "people",
      service: `${service.name} · ${reached}`,
      title: indicator == null ? `${service.name} · ${reached}` : (entry?.name ?? indicator),
      variant: name(study.variants, variant),
      whole: study.counties.find(({ code }) => code === county)?.name ?? "全域",
    };
  }

  /** Write title, legend and results from what is loaded. */
  describe() {
    const words = this.words();
    this.describeTitle(words);
    this.describeClasses(words);
    this.describeFacilities();
    this.describeOthers(words);
    this.describeDownloads();
    this.describeResults(words);
  }

  describeTitle(words) {
    const { total, verdict } = this.planner;
    const { indicator, speed } = this.view;
    const parts =
      indicator == null
        ? [
            `${words.denominatorName}覆盖率 `,
            `${words.variant} `,
            `${words.whole} ${percent(total?.rate)} `,
            speed != null && `步行 ${speed.toFixed(1)} 米/秒`,
          ]
        : [
            `${indicator} `,
            verdict && `${words.whole} ${valueWords(verdict)} ${verdictName(verdict.status)}`,
            speed != null && `步行 ${speed.toFixed(1)} 米/秒`,
          ];
    parts.push(this.planner.standIn());
    byId("title-main").textContent = words.title;
    show(byId("title-sub"), parts.filter(Boolean).map((text) => make("span", { class: "name", text })));
  }

  describeClasses(words) {
    const { shown, rates, verdicts } = this.planner;
    const codes = (shown ?? []).map(({ code }) => code);
    if (this.view.indicator == null) {
      showRateLegend({ title: `${words.level}覆盖率`, codes, rates });
    } else {
      const title = `${words.level}：${words.title}`;
      showVerdictLegend({ title, codes, verdicts: verdicts ?? new Map() });
    }
  }

  describeFacilities() {
    const { facilities } = this.planner.layers;
    const isShown = this.view.layers.includes("facilities");
    showFacilityLegend({
      entries: isShown ? facilities.legend().filter(({ isOff }) => !isOff) : [],
      hasHollow: isShown && facilities.hasHollow(),
    });
  }

  describeOthers(words = this.words()) {
    const { layers, minutes } = this.view;
    const { study, circleMinutes: drawn = [] } = this.planner;
    const { gaps, gapareas } = this.planner.layers;
    showOtherLegend({
      layers,
      gaps,
      gapAreas: gapareas,
      gapName: `有未覆盖人口的${nameOf(LEVEL_NAMES, this.planner.gapLevel())}`,
      unit: unitOf(words.group),
      circleWords: this.planner.areCirclesFar()
        ? "服务圈范围（放大后绘出）"
        : drawn.includes(minutes)
        ? "服务圈范围"
        : `服务圈范围（只绘有 ${drawn.join("、") || "—"} 分钟）`,
    });
  }

  describeDownloads() {
    const { shown, study } = this.planner;
    const area = shown?.find(({ code }) => code === this.view.code);
    const county = study.counties.find(({ code }) => code === this.view.county);
    showDownloads(this.view, (area ?? county)?.name);
  }

  async describeResults(words) {
    const { code } = this.view;
    const area = this.planner.shown?.find((one) => one.code === code);
    if (!area) {
      this.describeWhole(words);
      return;
    }
    await this.planner.prepare(area);
    if (this.view.code !== code) return;
    if (this.view.indicator == null) this.describeArea(area, words);
    else this.describeVerdict(area);
  }

  describeWhole(words) {
    const { planner } = this;
    const choose = (chosen) => {
      planner.pick(chosen);
      planner.goTo(chosen, { maxZoom: 13 });
    };
    const areas = planner.shown ?? [];
    if (this.view.indicator == null) {
      showOverview({ total: planner.total, areas, rates: planner.rates, words, choose });
      return;
    }
    showVerdictOverview({
      name: `${words.whole}：${words.title}`,
      entry: planner.entry,
      whole: planner.verdict,
      areas,
      verdicts: planner.verdicts ?? new Map(),
      level: words.level,
      choose,
    });
  }

  describeArea(area, words) {
    const { planner } = this;
    const { gaps } = planner.layers;
    showArea({
      area,
      parent: planner.divisions.get(area.parent)?.name ?? null,
      record: planner.rates.get(area.code),
      gaps: isAtOtherSpeed(this.view)
        ? null
        : planner.gapsUnder(area),
      gapName: nameOf(LEVEL_NAMES, planner.study.levels.at(-1).id),
      note: this.noteOfGaps(),
      nearest: (gap) => gaps.nearest(gap),
      words,
      links: this.links(area),
      onBack: () => planner.pick(null),
      onGap: (gap) => {
        planner.sheets.open(null);
        planner.openGap(gap);
      },
    });
  }

  noteOfGaps() {
    if (isAtOtherSpeed(this.view)) return "这一步行速度没有缺口清单。";
    return this.view.variant === "own" ? "清单计入所有设施（含界外）。" : null;
  }

  describeVerdict(area) {
    const { planner } = this;
    showVerdictArea({
      area,
      parent: planner.divisions.get(area.parent)?.name ?? null,
      record: planner.verdicts?.get(area.code),
      entry: planner.entry,
      links: showLinks(this.links(area)),
      onBack: () => planner.pick(null),
    });
  }

  /** What leads on from an area: `[words, address]`. */
  links({ code, level }) {
    const { service, minutes, denominator, variant } = this.view;
    const query = { service, minutes, denominator, variant };
    const tables = [
      ["本层级覆盖率（CSV）", address("coverage", { level, ...query, format: "csv" })],
      ["未覆盖清单（Excel）", address("gaps", { service, minutes, parent: code, format: "xlsx" })],
    ];
    if (level !== "township") return tables;
    const own = encodeURIComponent(code);
    const page = `/maps/township/${own}?service=${encodeURIComponent(service)}&minutes=${minutes}`;
    return [
      ["本乡镇街道专页（可打印）", page],
      ["本乡镇街道覆盖率（JSON）", address(`townships/${own}/coverage`, query)],
      ...tables,
    ];
  }
}

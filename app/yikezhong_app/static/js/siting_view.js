// What the siting page says about what it shows: the panel, the title, the legend.

import { byId, make, show } from "./dom.js";
import { percent } from "./format.js";
import { showFacilityLegend, showOtherLegend, showRateLegend } from "./legend.js";
import { markSite, showPlan, showStart } from "./siting_results.js";
import { drawPin } from "./siting_sites.js";
import { signed } from "./siting_words.js";
import { arrangeTownships } from "./township_table.js";
import { LEVEL_NAMES, PROFILE_NAMES, nameOf, unitOf } from "./words.js";

export const SIDES = [
  { id: "before", name: "建设前" },
  { id: "after", name: "建设后" },
];

/** The telling half of the siter, which holds the study, the view and the plan. */
export class SitingView {
  /** What the figures are about: the plan's request, else the form. */
  about() {
    return this.plan?.request ?? this.view;
  }

  serviceShown() {
    const { service } = this.about();
    return this.study.services.find(({ id }) => id === service) ?? { id: service, name: service };
  }

  group() {
    return this.plan?.group ?? this.serviceShown().group ?? "people";
  }

  words() {
    const service = this.serviceShown();
    const group = this.group();
    const profile = nameOf(PROFILE_NAMES, service.profile ?? "walking");
    return {
      group,
      groupName:
        this.plan?.groupName ?? service.denominators?.find(({ id }) => id === group)?.name ?? "人口",
      limit: `${profile} ${this.about().minutes} 分钟`,
      siteName: (site) => this.siteName(site),
    };
  }

  // a generated site has no name of its own: it is told by its township
  siteName({ name, township }) {
    return name || `${township ?? "未知乡镇"}新址`;
  }

  // plans are kept when the result is computed anew
  oldNote() {
    const { version, asOf } = this.plan;
    if (!this.study.version || version === this.study.version) return null;
    return `按较早的成果（评价日期 ${asOf}）计算，请重新计算`;
  }

  siteWords(site) {
    return {
      name: this.siteName(site),
      gain: `新增 ${signed(site.gain ?? 0)} ${unitOf(this.group())}`,
    };
  }

  describe() {
    const words = this.words();
    const { plan } = this;
    if (plan) {
      this.table.setRows(arrangeTownships(this.trial?.townships ?? plan.townships));
      const selected = this.sites.selected;
      showPlan(plan, {
        words,
        trial: this.trial,
        trialNote: this.trialNote,
        oldNote: this.oldNote(),
        table: this.table,
        adoption: plan.sites.length > 0 ? this.adoption.element : null,
        onMark: (id, mark) => this.mark(id, mark),
        onSite: (rank) => this.pickSite(rank, { show: true }),
        onRestore: () => this.sites.restore(),
        onRetry: this.canRetry && (() => this.tryPlaces(this.sites.moved())),
      });
      if (selected != null) markSite(selected);
    } else showStart({ record: this.whole, words });
    this.describeMap();
  }

  describeMap() {
    if (!this.rates) return;
    const words = this.words();
    const { plan } = this;
    const before = plan?.before.rate ?? this.whole?.rate;
    const after = this.trial?.after.rate ?? plan?.after.rate;
    byId("title-main").textContent = `${this.serviceShown().name} · ${words.limit}`;
    show(
      byId("title-sub"),
      make("span", { text: `${words.groupName}覆盖率` }),
      make("span", { text: plan ? `${this.place()} ${percent(before)} → ${percent(after)}` : `现状 ${percent(before)}` }),
    );
    byId("choose-side").hidden = !plan;
    for (const input of document.getElementsByName("side")) {
      input.checked = input.value === this.view.side;
    }
    const rates = this.ratesShown();
    this.areas.setRates(rates);
    const side = plan ? SIDES.find(({ id }) => id === this.view.side).name : "现状";
    showRateLegend({ title: `${nameOf(LEVEL_NAMES, this.level)}覆盖率（${side}）`, codes: this.codes, rates });
    const isShown = this.layers.has("facilities");
    showFacilityLegend({
      entries: [...(plan ? [this.siteLegend()] : []), ...(isShown ? this.facilities.legend() : [])],
      hasHollow: isShown && this.facilities.hasHollow(),
    });
    showOtherLegend({
      layers: [...this.layers],
      gaps: this.gaps,
      gapName: "有未覆盖人口的地点（现状）",
      unit: unitOf(words.group),
    });
  }

  /** Where the plan's people live. */
  place() {
    const areas = this.study.options?.areas ?? [];
    return areas.find(({ code }) => code === this.plan.request.area)?.name ?? "全域";
  }

  siteLegend() {
    return { sign: drawPin("", { size: 12 }), name: "建议点位", count: this.plan.sites.length };
  }

  ratesShown() {
    if (!this.plan) return this.rates;
    const isBefore = this.view.side === "before";
    const rows = arrangeTownships(this.trial?.townships ?? this.plan.townships);
    const planned = rows.map(({ code, rateBefore, rateAfter }) => [code, { rate: isBefore ? rateBefore : rateAfter }]);
    // around the area of a plan things stay as they are
    return new Map([...(this.plan.request.area ? this.rates : []), ...planned]);
  }
}

// Siting at work: the form, the job, the plan on the map, and sites tried elsewhere.

import { readAll } from "./api.js";
import { Areas, Labels } from "./areas.js";
import { addHomeControl, showBounds } from "./board.js";
import { segments } from "./controls.js";
import { byId } from "./dom.js";
import { Facilities } from "./facilities.js";
import { Gaps } from "./gaps.js";
import { Roads } from "./lines.js";
import { Adoption, changesOf } from "./siting_adopt.js";
import { Candidates } from "./siting_candidates.js";
import { FIRST_LAYERS, LAYERS, buildForm, showProblem } from "./siting_form.js";
import { arrangePlan, arrangeTrial } from "./siting_plan.js";
import { markSite } from "./siting_results.js";
import { Runner } from "./siting_runner.js";
import { Sites } from "./siting_sites.js";
import { shapesOf } from "./sources.js";
import { NUMBERS, choicesOf, readChoices, requestOf, settleChoices, writeChoices } from "./siting_state.js";
import { Trial } from "./siting_trial.js";
import { SIDES, SitingView } from "./siting_view.js";
import { helpFor } from "./siting_words.js";
import { TownshipTable } from "./township_table.js";

const MOST_ROWS = 50000;
/** Choices on which the candidates depend. */
const CANDIDATE_CHOICES = ["service", "source", "more", "exclude", "layer", "goal", "indicator", "capacity"];

/** Everything on the siting page, once the study is known. */
export class Siter extends SitingView {
  constructor(study, { map, load, sheets, report }) {
    super();
    Object.assign(this, { study, map, load, sheets, report });
    this.view = settleChoices(readChoices(window.location.search), study);
    this.level = (study.levels.find(({ id }) => id === "township") ?? study.levels.at(-1)).id;
    this.layers = new Set(this.view.layers?.filter((name) => Object.hasOwn(LAYERS, name)) ?? FIRST_LAYERS);
    this.plan = null;
    this.trial = null;
    this.trialNote = null;
    this.areas = new Areas(map, { onPick: (code) => this.pickTownship(code) });
    this.labels = new Labels(map);
    this.roads = new Roads(map);
    this.facilities = new Facilities(map, { study });
    this.gaps = new Gaps(map, { facilityName: (id) => this.facilities.nameOf(id) });
    this.sites = new Sites(map, {
      onMove: (moved) => this.tryPlaces(moved),
      onPick: (rank) => this.pickSite(rank, { show: false }),
      words: (site) => this.siteWords(site),
    });
    this.candidates = new Candidates(map, {
      ask: () => this.showCandidates(),
      zoneName: (id) => study.options?.zones.find((zone) => zone.id === id)?.name ?? id,
      onMark: (id, mark) => this.mark(id, mark),
      onShown: () => {
        this.showForm(this.view);
        if (this.isNarrow()) this.sheets.open(null);
      },
    });
    this.adoption = new Adoption({
      onDone: ({ name }) => {
        byId("status").textContent = `方案“${name}”已保存`;
      },
    });
    this.table = new TownshipTable({ onPick: (code) => this.pickTownship(code, { show: true }) });
    this.runner = new Runner({
      report,
      onBegun: (job) => this.begun(job),
      onDone: (job) => this.finish(job),
      onGone: () => this.forget(),
    });
    this.moves = new Trial({
      onAnswer: (answer) => this.showTrial(arrangeTrial(answer), null),
      onError: (error) => this.showTrial(this.trial, helpFor(error), true),
    });
  }

  async run() {
    this.showForm = buildForm(this.study, {
      choose: (patch) => this.choose(patch),
      compute: () => this.compute(),
      layer: (name, shown) => this.toggleLayer(name, shown),
      layers: this.layers,
      nameOfCandidate: (id) => this.nameOfCandidate(id),
      unmark: (id) => this.mark(id, null),
    });
    this.candidates.wire();
    segments("side", SIDES, (side) => this.showSide(side));
    addHomeControl(this.map, () => showBounds(this.map, this.areas.bounds(null)));
    this.map.on("click", () => this.pickTownship(null));
    this.map.on("zoomend", () => this.describeMap());
    this.showForm(this.view);
    const shapes = await this.read("divisions", shapesOf(this.study, this.level));
    this.areas.setShapes(shapes);
    this.labels.setShapes(shapes);
    this.codes = shapes.features.map(({ properties }) => properties.code);
    for (const name of this.layers) this.toggleLayer(name, true);
    const { place } = this.view;
    if (place) this.map.setView([place.lat, place.lng], place.zoom, { animate: false });
    else showBounds(this.map, this.areas.bounds(null));
    this.map.on("moveend", () => this.keepPlace());
    this.showRoads();
    await this.showGround();
    const { job } = this.view;
    this.remember();
    if (job) await this.runner.open(job);
    document.body.dataset.ready = "true";
  }

  read(path, query) {
    return this.load(readAll(path, { ...query, limit: MOST_ROWS }));
  }

  // --- what stands today ---------------------------------------------------------

  /** Show facilities and rates of the service chosen; a plan keeps its own. */
  async showGround() {
    const { service, minutes } = this.about();
    const own = `${service} ${minutes}`;
    this.ground = own;
    const denominator = this.group();
    const query = { service, minutes, denominator, variant: "with_neighbours", format: "json" };
    const top = this.study.levels[0].id;
    const [facilities, rates, whole, gaps] = await Promise.all([
      this.read("facilities", { service, format: "geojson" }),
      this.read("coverage", { ...query, level: this.level }),
      this.read("coverage", { ...query, level: top }),
      this.layers.has("gaps") ? this.readGaps(service, minutes) : null,
    ]);
    if (this.ground !== own) return;
    this.facilities.setData(facilities);
    if (gaps) this.gaps.setData(gaps);
    this.rates = new Map(rates.items.map((item) => [item.code, item]));
    this.whole = addUp(whole.items);
    this.describe();
  }

  // a background: nothing waits for it
  async showRoads() {
    try {
      this.roads.setData(await this.read("roads", { format: "geojson" }));
    } catch (error) {
      this.report(error, () => this.showRoads());
    }
  }

  readGaps(service, minutes) {
    // of very many communities, the gaps of the level that is shown
    const level = this.study.tiles.size > 0 ? this.level : this.study.levels.at(-1).id;
    return this.read("gaps", { service, minutes, level, format: "geojson" });
  }

  async toggleLayer(name, shown) {
    if (shown) this.layers.add(name);
    else this.layers.delete(name);
    if (name === "gaps" && shown) {
      const { service, minutes } = this.about();
      try {
        this.gaps.setData(await this.readGaps(service, minutes));
      } catch (error) {
        this.report(error, null);
      }
    }
    this[name].toggle(this.layers.has(name));
    this.view.layers = [...this.layers];
    this.remember();
    this.describeMap();
  }

  // --- the form and the job --------------------------------------------------------

  async choose(patch) {
    this.view = settleChoices({ ...this.view, ...patch }, this.study);
    this.view = { ...this.view, ...patchedNumber(patch) };
    this.showForm(this.view);
    byId("stale").hidden = !this.plan || this.isAsked();
    this.candidates.setMarks(this.view);
    if (CANDIDATE_CHOICES.some((name) => name in patch)) this.candidates.hide();
    this.remember();
    if (this.plan || !("service" in patch || "minutes" in patch)) return;
    try {
      await this.showGround();
    } catch (error) {
      this.report(error, () => this.choose(patch));
    }
  }

  /** Whether the plan that is shown answers the form as it is. */
  isAsked() {
    const asked = JSON.stringify(requestOf(this.view));
    const plan = settleChoices({ ...this.view, ...choicesOf(this.plan.request) }, this.study);
    return JSON.stringify(requestOf(plan)) === asked;
  }

  compute() {
    if (!showProblem(this.view, { loud: true })) return;
    this.runner.compute(requestOf(this.view));
  }

  // --- candidates ----------------------------------------------------------------

  async showCandidates() {
    if (!showProblem(this.view, { loud: true })) return;
    try {
      await this.load(this.candidates.show(requestOf(this.view)));
    } catch (error) {
      this.report(error, null);
    }
  }

  /** Decide that a candidate must be chosen, or must not; null leaves it open. */
  mark(id, mark) {
    const lists = ["forced", "forbidden"].map((name) => [
      name,
      [...this.view[name].filter((one) => one !== id), ...(name === mark ? [id] : [])],
    ]);
    byId("conditions").open = true;
    this.choose(Object.fromEntries(lists));
  }

  nameOfCandidate(id) {
    const site = this.plan?.sites.find((one) => one.id === id);
    return site ? this.siteName(site) : this.candidates.nameOf(id);
  }

  keepPlace() {
    const { lat, lng } = this.map.getCenter();
    this.view.place = { lat, lng, zoom: this.map.getZoom() };
    this.remember();
  }

  /** A job is under way: it is in the address from now on. */
  begun(job) {
    if (job.request) {
      const choices = { ...this.view, ...choicesOf(job.request) };
      this.view = settleChoices(choices, this.study);
      this.showForm(this.view);
    }
    this.view.job = job.id;
    this.remember();
  }

  /** Leave the address without a job that gave nothing; the plan shown stays. */
  forget() {
    this.view.job = this.plan?.id ?? null;
    this.remember();
  }

  remember() {
    window.history.replaceState(null, "", writeChoices(this.view));
  }

  // --- the plan ----------------------------------------------------------------------

  async finish(job) {
    this.plan = arrangePlan(job);
    this.trial = null;
    this.trialNote = null;
    this.moves.stop();
    byId("stale").hidden = this.isAsked();
    const { service, minutes } = this.about();
    if (this.ground !== `${service} ${minutes}`) await this.showGround();
    this.sites.setSites(this.plan.sites);
    this.candidates.hide();
    this.offerAdoption();
    this.describe();
    this.sheets.open("results");
    showBounds(this.map, this.boundsOfPlan(), { maxZoom: 13 });
  }

  offerAdoption() {
    const { plan } = this;
    const service = this.serviceShown();
    this.adoption.offer({
      name: `${service.name}选址 ${plan.sites.length} 处`,
      service: service.id,
      planned: plan.planned,
      document: () => ({
        changes: changesOf({
          plan,
          service,
          services: this.study.services,
          places: this.sites.places(),
          siteName: (site) => this.siteName(site),
        }),
      }),
    });
  }

  // the sites; where they are all over the study, the study
  boundsOfPlan() {
    const [sites, all] = [this.sites.bounds(), this.areas.bounds(null)];
    if (!sites.isValid()) return all;
    const wide = sites.getEast() - sites.getWest() > 0.5 * (all.getEast() - all.getWest());
    const high = sites.getNorth() - sites.getSouth() > 0.5 * (all.getNorth() - all.getSouth());
    return wide || high ? all.extend(sites) : sites.pad(0.25);
  }

  pickSite(rank, { show: bring }) {
    this.sites.select(rank, { show: bring });
    markSite(rank);
    if (bring && this.isNarrow()) this.sheets.open(null);
  }

  pickTownship(code, { show: bring = false } = {}) {
    this.areas.select(code);
    this.table.select(code);
    if (!bring) return;
    if (this.isNarrow()) this.sheets.open(null);
    showBounds(this.map, this.areas.bounds(code), { maxZoom: 13 });
  }

  tryPlaces(moved) {
    if (moved.length === 0) {
      this.moves.stop();
      this.showTrial(null, null);
      return;
    }
    if (!this.trial && !this.trialNote) this.showTrial(null, "正在计算…");
    const { service, minutes, area } = this.plan.request;
    const { group } = this.plan;
    this.moves.ask({ service, minutes, group, ...(area && { area }), sites: this.sites.places() });
  }

  showTrial(answer, note, canRetry = false) {
    this.trial = answer;
    this.trialNote = note;
    this.canRetry = canRetry;
    this.describe();
  }

  showSide(side) {
    this.view.side = side;
    this.remember();
    this.describe();
  }

  isNarrow() {
    return getComputedStyle(document.querySelector(".tabs")).display !== "none";
  }
}

// a number that is not usable stays as typed until it is: it is told, not replaced
function patchedNumber(patch) {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => Object.hasOwn(NUMBERS, name)));
}

/** Add the counts of records; a rate is never averaged. */
function addUp(items) {
  if (items.length === 0) return null;
  const sum = (name) => items.reduce((all, item) => all + (item[name] ?? 0), 0);
  const [total, covered] = [sum("total"), sum("covered")];
  return { total, covered, rate: total > 0 ? covered / total : null };
}

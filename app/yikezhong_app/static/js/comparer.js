// Comparing at work: what is compared, the two maps, the panel, the address.

import { readAll } from "./api.js";
import { addHomeControl, showBounds } from "./board.js";
import { Side } from "./compare_maps.js";
import { showChangeLegend, showComparison, showNothing, showPairLegend } from "./compare_results.js";
import {
  compareScenario,
  compareSpeeds,
  compareVersions,
  readScenarios,
  readVersions,
} from "./compare_sources.js";
import { LAYERS, MODES, readView, writeView } from "./compare_state.js";
import { option, segments } from "./controls.js";
import { byId, make, show } from "./dom.js";
import { percent } from "./format.js";
import { shapesOf } from "./sources.js";
import { JobPanel, cancelJob } from "./siting_job.js";
import { TownshipTable, arrangeTownships } from "./township_table.js";
import { PROFILE_NAMES, nameOf } from "./words.js";

const MOST_ROWS = 50000;
const SPEEDS = [0.6, 0.8, 1, 1.2, 1.4];

/** Everything on the comparing page, once the study is known. */
export class Comparer {
  constructor(study, { maps, load, sheets, report }) {
    Object.assign(this, { study, maps, load, sheets, report });
    this.view = readView(window.location.search);
    this.level = (study.levels.find(({ id }) => id === "township") ?? study.levels.at(-1)).id;
    this.turn = 0;
    this.job = null;
    this.sides = maps.map((map) => new Side(map, { study, onPick: (code) => this.pick(code) }));
    const [left, right] = this.sides;
    left.areas.twin = right.areas;
    right.areas.twin = left.areas;
    this.panel = new JobPanel({ onCancel: () => this.giveUp() });
  }

  async run() {
    segments("mode", MODES, (mode) => this.choose({ mode, before: null, after: null }));
    for (const name of ["scenario", "before", "after", "service"]) {
      byId(`choose-${name}`).addEventListener("change", ({ target }) => this.choose({ [name]: target.value }));
    }
    byId("choose-minutes").addEventListener("change", ({ target }) => this.choose({ minutes: Number(target.value) }));
    byId("choices").addEventListener("submit", (event) => event.preventDefault());
    this.buildLayers();
    addHomeControl(this.maps[0], () => this.showAll());
    const shapes = await this.read("divisions", shapesOf(this.study, this.level));
    this.codes = shapes.features.map(({ properties }) => properties.code);
    this.names = new Map(shapes.features.map(({ properties: p }) => [p.code, p.name]));
    for (const side of this.sides) {
      side.areas.setShapes(shapes);
      side.labels.setShapes(shapes);
      for (const name of Object.keys(LAYERS)) side.toggle(name, this.view.layers.includes(name));
    }
    const { place } = this.view;
    if (place) this.maps[0].setView([place.lat, place.lng], place.zoom, { animate: false });
    else this.showAll();
    this.maps[0].on("moveend", () => this.keepPlace());
    this.showRoads();
    [this.scenarios, this.versions] = await Promise.all([readScenarios(), readVersions()]);
    await this.readUpper();
    await this.compare();
    document.body.dataset.ready = "true";
  }

  read(path, query) {
    return this.load(readAll(path, { ...query, limit: MOST_ROWS }));
  }

  // names of the divisions above, for verdicts
  async readUpper() {
    for (const { id } of this.study.levels) {
      if (id === this.level || id === "community") continue;
      const { items } = await this.read("divisions", { level: id, format: "json" });
      for (const { code, name } of items) this.names.set(code, name);
    }
  }

  async showRoads() {
    try {
      const roads = await this.read("roads", { format: "geojson" });
      for (const side of this.sides) side.roads.setData(roads);
    } catch (error) {
      this.report(error, () => this.showRoads());
    }
  }

  showAll() {
    showBounds(this.maps[0], this.sides[0].areas.bounds(null));
  }

  buildLayers() {
    show(
      byId("choose-layers"),
      Object.entries(LAYERS).map(([id, words]) =>
        make(
          "label",
          { class: "layer" },
          make("input", {
            type: "checkbox",
            name: "layer",
            value: id,
            checked: this.view.layers.includes(id),
            on: { change: ({ target }) => this.toggleLayer(id, target.checked) },
          }),
          make("span", { text: words }),
        ),
      ),
    );
  }

  toggleLayer(id, shown) {
    const { layers } = this.view;
    this.view.layers = shown ? [...layers, id] : layers.filter((name) => name !== id);
    for (const side of this.sides) side.toggle(id, shown);
    this.remember();
  }

  // --- choices ---------------------------------------------------------------------

  choose(patch) {
    this.view = { ...this.view, ...patch };
    return this.compare();
  }

  /** Complete the view from what there is; false where there is nothing to compare. */
  settle() {
    const { view } = this;
    if (view.mode === "scenario") {
      const found =
        this.scenarios.find(({ id }) => id === view.scenario) ??
        this.scenarios.find(({ is_current: isCurrent }) => isCurrent) ??
        this.scenarios[0];
      if (!found) return false;
      view.scenario = found.id;
      this.services = this.study.services.filter(({ id }) => found.services.includes(id));
    } else if (view.mode === "versions") {
      const known = this.versions.map(({ version }) => version);
      if (known.length < 2) return false;
      const current = this.versions.find(({ is_current: isCurrent }) => isCurrent)?.version ?? known[0];
      view.after = known.includes(view.after) ? view.after : current;
      const others = known.filter((version) => version !== view.after);
      view.before = known.includes(view.before) ? view.before : others[0];
      const shared = this.versions.filter(({ version }) => [view.before, view.after].includes(version));
      this.services = this.study.services.filter(({ id }) => shared.every(({ services }) => services.includes(id)));
    } else {
      const usual = this.study.walkSpeed ?? 1;
      const [before, after] = [view.before, view.after].map((one) => (one ? Number(one) : null));
      const usable = (speed) => Number.isFinite(speed) && speed >= 0.3 && speed <= 2.5;
      view.before = String(usable(before) && before ? before : usual === 0.8 ? 1 : 0.8);
      view.after = String(usable(after) && after ? after : usual);
      this.services = this.study.services.filter(({ profile }) => profile === "walking");
    }
    if (this.services.length === 0) return false;
    const service =
      this.services.find(({ id }) => id === view.service) ??
      this.services.find(({ id }) => id === "elderly_circle") ??
      this.services[0];
    view.service = service.id;
    const usual = (service.limit_s ?? 900) / 60;
    const isOpen = view.mode !== "scenario" && service.minutes.includes(view.minutes);
    view.minutes = isOpen ? view.minutes : usual;
    return true;
  }

  showForm() {
    const { view } = this;
    for (const input of document.getElementsByName("mode")) input.checked = input.value === view.mode;
    byId("field-scenario").hidden = view.mode !== "scenario";
    for (const name of ["before", "after"]) byId(`field-${name}`).hidden = view.mode === "scenario";
    const words = view.mode === "speeds" ? ["步行速度一", "步行速度二"] : ["评价日期一", "评价日期二"];
    byId("label-before").textContent = words[0];
    byId("label-after").textContent = words[1];
    show(byId("choose-scenario"), this.scenarios.map(({ id, name, is_current: now }) => option({ id, name: now ? name : `${name}（较早的成果）` })));
    const sides =
      view.mode === "versions"
        ? this.versions.map((one) => ({ id: one.version, name: this.versionName(one) }))
        : [...new Set([...SPEEDS, Number(view.before), Number(view.after)])]
            .filter(Number.isFinite)
            .sort((a, b) => a - b)
            .map((speed) => ({ id: String(speed), name: `${speed.toFixed(1)} 米/秒` }));
    for (const name of ["before", "after"]) show(byId(`choose-${name}`), sides.map(option));
    show(byId("choose-service"), (this.services ?? []).map(option));
    const service = this.services?.find(({ id }) => id === view.service);
    const limits = view.mode === "scenario" || !service ? [view.minutes] : service.minutes;
    show(byId("choose-minutes"), limits.filter(Boolean).map((one) => option({ id: String(one), name: `${one} 分钟` })));
    byId("choose-minutes").disabled = view.mode === "scenario";
    // layers that this comparison does not have
    const missing = { scenario: [], versions: ["facilities", "people"], speeds: ["people"] }[view.mode];
    for (const input of document.getElementsByName("layer")) {
      input.closest("label").hidden = missing.includes(input.value);
    }
    for (const name of ["scenario", "before", "after", "service", "minutes"]) {
      if (view[name] != null) byId(`choose-${name}`).value = String(view[name]);
    }
  }

  // two runs of one date are told apart by the end of their version
  versionName({ version, as_of: asOf, is_current: isCurrent }) {
    const isAlone = this.versions.filter((one) => one.as_of === asOf).length === 1;
    const about = [isCurrent && "当前", !isAlone && version.slice(-6)].filter(Boolean).join("，");
    return about ? `${asOf}（${about}）` : asOf;
  }

  // --- comparing -------------------------------------------------------------------

  async compare() {
    await this.giveUp();
    const own = (this.turn += 1);
    const isWanted = () => own === this.turn;
    const isReady = this.settle();
    this.showForm();
    this.remember();
    if (!isReady) {
      this.showEmpty();
      return;
    }
    try {
      const [found, facilities] = await Promise.all([
        this.load(this.ask(isWanted)),
        this.read("facilities", { service: this.view.service, format: "geojson" }),
      ]);
      if (!isWanted()) return;
      if (found) this.show(found, facilities);
      else this.showStopped();
    } catch (error) {
      if (isWanted()) this.report(error, () => this.compare());
    } finally {
      if (isWanted()) this.panel.close();
    }
  }

  ask(isWanted) {
    const { view, level } = this;
    if (view.mode === "scenario") return compareScenario(view, { level });
    if (view.mode === "versions") {
      return compareVersions(view, { level, top: this.study.levels[0].id, versions: this.versions });
    }
    this.panel.open();
    return compareSpeeds(view, {
      level,
      isWanted,
      onBegun: (job) => {
        this.job = job.id;
      },
      onProgress: (job) => this.panel.show(job),
    });
  }

  async giveUp() {
    const id = this.job;
    this.job = null;
    this.turn += 1;
    this.panel.close();
    if (!id) return;
    try {
      await cancelJob(id, "jobs");
    } catch (error) {
      this.report(error, null);
    }
    this.showStopped();
  }

  show(found, facilities) {
    this.job = null;
    this.found = found;
    const { view } = this;
    const service = this.services.find(({ id }) => id === view.service);
    const group = service.group ?? "people";
    const groupName = service.denominators?.find(({ id }) => id === group)?.name ?? "人口";
    const hasPeople = found.rows.some(({ gained }) => gained != null);
    const rows = arrangeTownships(found.rows);
    this.table = new TownshipTable({
      onPick: (code) => this.pick(code, { bring: true }),
      names: {
        name: "乡镇街道",
        before: found.names[0].length > 4 ? "前" : found.names[0],
        after: found.names[1].length > 4 ? "后" : found.names[1],
        change: "变化",
        people: hasPeople ? "净增" : null,
      },
    });
    this.table.setRows(rows);
    const rates = ["rateBefore", "rateAfter"].map((name) => new Map(rows.map((row) => [row.code, { rate: row[name] }])));
    this.places = new Map(
      facilities.features
        .filter(({ geometry }) => geometry)
        .map(({ geometry: { coordinates: [lon, lat] }, properties: p }) => [p.id, { at: [lat, lon], name: p.name }]),
    );
    this.sides.forEach((side, i) => {
      side.areas.setRates(rates[i]);
      side.facilities.setData(view.mode === "versions" ? { features: [] } : facilities);
      side.setChanges(found.changes ?? [], { isAfter: i === 1, placeOf: (id) => this.places.get(id) });
      side.setPeople(i === 1 ? (found.points ?? []) : []);
    });
    const limit = `${nameOf(PROFILE_NAMES, service.profile ?? "walking")} ${view.minutes} 分钟`;
    this.showTitles(found, `${service.name} · ${limit}`);
    showPairLegend({ title: `乡镇街道${groupName}覆盖率（个数：${found.names.join(" → ")}）`, codes: this.codes, rates });
    showChangeLegend(found.changes ?? [], Boolean(found.points?.length));
    show(byId("legend-facilities"));
    showComparison(found, {
      words: { service: service.name, limit, group, groupName, hasPeople },
      table: this.table,
      links: this.links(),
      nameOfPlace: (id) => this.places.get(id)?.name ?? this.names.get(id) ?? id,
      categories: this.study.categories,
    });
    this.pick(this.view.code ?? null);
  }

  showTitles(found, words) {
    const { whole } = found;
    const rates = [whole?.rateBefore, whole?.rateAfter];
    ["title", "after"].forEach((id, i) => {
      byId(`${id}-main`).textContent = found.titles[i];
      show(byId(`${id}-sub`), make("span", { text: words }), make("span", { text: `全域 ${percent(rates[i] ?? null)}` }));
    });
  }

  links() {
    const { view, level } = this;
    if (view.mode === "speeds") return [];
    const path =
      view.mode === "scenario" ? `scenarios/${view.scenario}` : `versions/${view.before}/${view.after}`;
    const query = { service: view.service, level, ...(view.mode === "versions" && { minutes: view.minutes }) };
    return [
      ["Excel", path, { ...query, format: "xlsx" }],
      ["CSV（表格）", path, { ...query, format: "csv" }],
    ];
  }

  clear() {
    this.found = null;
    for (const side of this.sides) {
      side.areas.setRates(new Map());
      side.setChanges([], {});
      side.setPeople([]);
    }
    for (const id of ["title-main", "title-sub", "after-main", "after-sub", "legend-rates", "legend-others"]) show(byId(id));
  }

  showStopped() {
    this.clear();
    showNothing("没有计算完", ["计算已取消。改变左边的选择会重新计算。"]);
  }

  showEmpty() {
    this.clear();
    if (this.view.mode === "scenario") {
      showNothing(
        "还没有方案",
        ["在选址页得到一份选址结果后，按「采用为方案」，就会出现在这里。", "也可以用命令 yikezhong scenario 或接口 /api/v1/scenarios 提交。"],
        ["去选址", "/maps/siting"],
      );
    } else if (this.view.mode === "versions") {
      showNothing("只有一个评价日期", [
        "成果目录里只有一个版本，没有可比较的另一个日期。",
        "用 yikezhong run 研究目录 --as-of 2023-12-31 --out 同一成果目录 再算一次，两个版本就都在这里。",
      ]);
    } else showNothing("没有可比较的服务", ["这份成果中没有步行到达的服务。"]);
  }

  // --- picking and the address -------------------------------------------------------

  pick(code, { bring = false } = {}) {
    this.view.code = this.names.has(code) ? code : null;
    for (const side of this.sides) side.areas.select(this.view.code);
    this.table?.select(this.view.code);
    if (bring) {
      if (getComputedStyle(document.querySelector(".tabs")).display !== "none") this.sheets.open(null);
      showBounds(this.maps[0], this.sides[0].areas.bounds(code), { maxZoom: 13 });
    }
    this.remember();
  }

  keepPlace() {
    const { lat, lng } = this.maps[0].getCenter();
    this.view.place = { lat, lng, zoom: this.maps[0].getZoom() };
    this.remember();
  }

  remember() {
    window.history.replaceState(null, "", writeView(this.view));
  }
}

// What the coverage map reads: a request for each purpose, and of several answers for
// one purpose only the last.

import { read, readAll } from "./api.js";

export const MOST_ROWS = 50000;
/** Most gap areas that are drawn: those with the most people come first. */
export const MOST_GAP_AREAS = 1000;


/** Details left out of the boundaries of a study with very many divisions [m]. */
const LARGE_DETAIL_M = 200;

/** What to ask for the shapes of a level. */
export function shapesOf(study, level) {
  return { level, simplify: study.tiles.size > 0 ? LARGE_DETAIL_M : null, format: "geojson" };
}

/** Answers for the view; an answer that a later question overtook is null. */
export class Sources {
  constructor(study, load) {
    this.study = study;
    this.load = load;
    this.asked = new Map();
  }

  begin(purpose) {
    const own = (this.asked.get(purpose) ?? 0) + 1;
    this.asked.set(purpose, own);
    return own;
  }

  isLast(purpose, own) {
    return this.asked.get(purpose) === own;
  }

  async latest(purpose, ...requests) {
    const own = this.begin(purpose);
    const answers = await this.load(
      Promise.all(requests.map(([path, query]) => readAll(path, query))),
    );
    return this.isLast(purpose, own) ? answers : null;
  }

  shapes(level) {
    return ["divisions", { ...shapesOf(this.study, level), limit: MOST_ROWS }];
  }

  /** Shapes of a level; of communities also those of the level above, for their names. */
  levelShapes(level) {
    const above = this.study.levels.at(-2)?.id;
    const wider = level === "community" && above ? [this.shapes(above)] : [];
    return this.latest("shapes", this.shapes(level), ...wider);
  }

  async outlines(purpose, level) {
    return (await this.latest(purpose, this.shapes(level)))?.[0] ?? null;
  }

  /** Rates of a level, and of the level that a whole is told for. */
  rates(view) {
    const whole = view.county ? "county" : this.study.levels[0].id;
    return this.latest("rates", coverage(view, view.level), coverage(view, whole));
  }

  /** Results of an indicator at a level, and at the level that a whole is told for. */
  async verdicts(view) {
    const path = `indicators/${encodeURIComponent(view.indicator)}`;
    const whole = view.county ? "county" : this.study.levels[0].id;
    const ask = (level) => [path, { level, speed: view.speed, limit: MOST_ROWS, format: "json" }];
    const answers = await this.latest("verdicts", ask(view.level), ask(whole));
    return answers?.map((body) => ({ ...body, items: atSpeed(body, view) })) ?? null;
  }

  async gaps({ service, minutes, level, parent = null }) {
    const query = { service, minutes, level, parent, limit: MOST_ROWS, format: "geojson" };
    return (await this.latest("gaps", ["gaps", query]))?.[0] ?? null;
  }

  async gapAreas({ service, county }) {
    const query = { service, parent: county, limit: MOST_GAP_AREAS, format: "geojson" };
    // the first page is what is drawn: those with the most people
    const own = this.begin("gap-areas");
    const answer = await this.load(read("gap-areas", query));
    return this.isLast("gap-areas", own) ? answer : null;
  }

  async facilities({ service }) {
    const query = { service, limit: MOST_ROWS, format: "geojson" };
    return (await this.latest("facilities", ["facilities", query]))?.[0] ?? null;
  }

  /** Limits for which circles of a service were drawn. */
  async circleMinutes({ service }) {
    const query = { service, minutes: "all", limit: MOST_ROWS, format: "json" };
    const answers = await this.latest("circle-minutes", ["circles", query]);
    return answers && [...new Set(answers[0].items.map((circle) => circle.minutes))];
  }

  async circles({ service, minutes, bbox = null }) {
    const query = { service, minutes, bbox, format: "geojson" };
    return (await this.latest("circles", ["circles", query]))?.[0] ?? null;
  }

  async roads() {
    return (await this.latest("roads", ["roads", { format: "geojson", simplify: this.study.tiles.size > 0 ? LARGE_DETAIL_M / 2 : null }]))?.[0] ?? null;
  }

  /** Divisions of a level as columns: where there are very many. */
  async columns(level) {
    return (await this.latest("columns", ["divisions/columns", { level }]))?.[0] ?? null;
  }

  /** Codes and rates of a level, the rates of the level above, and of the whole. */
  rateColumns(view, wide) {
    const { level, service, minutes, denominator, variant, indicator } = view;
    const speed = indicator == null ? view.speed : null;
    const whole = view.county ? "county" : this.study.levels[0].id;
    return this.latest(
      "rates",
      ["divisions/columns", { level }],
      ["coverage/columns", { level, service, minutes, denominator, variant, speed }],
      coverage(view, wide),
      coverage(view, whole),
    );
  }

  /** Codes and verdicts of a level, of the level above, and of the whole. */
  async verdictColumns(view, wide) {
    const { level, speed } = view;
    const path = `indicators/${encodeURIComponent(view.indicator)}`;
    const whole = view.county ? "county" : this.study.levels[0].id;
    const ask = (one) => [path, { level: one, speed, limit: MOST_ROWS, format: "json" }];
    const columns = [`${path}/columns`, { level, speed }];
    const answers = await this.latest("verdicts", ["divisions/columns", { level }], columns, ask(wide), ask(whole));
    if (!answers) return null;
    const [codes, column, ...bodies] = answers;
    return [codes, column, ...bodies.map((body) => ({ ...body, items: atSpeed(body, view) }))];
  }

  /** Full rates of the divisions below one. */
  async areaRates(view, { level, parent }) {
    const [path, query] = coverage(view, level);
    return (await this.load(readAll(path, { ...query, parent }))).items;
  }

  /** Full results of an indicator for the divisions below one. */
  async areaVerdicts(view, { level, parent }) {
    const path = `indicators/${encodeURIComponent(view.indicator)}`;
    const query = { level, parent, speed: view.speed, limit: MOST_ROWS, format: "json" };
    return atSpeed(await this.load(readAll(path, query)), view);
  }

  areaGaps({ service, minutes, level, parent, limit }) {
    return read("gaps", { service, minutes, level, parent, limit, format: "geojson" });
  }

  /** Facilities of a box as clusters. */
  async clusters(query) {
    return (await this.latest("clusters", ["facilities/clusters", query]))?.[0] ?? null;
  }

  /** Divisions of a level without their shapes. */
  async divisions(level) {
    const body = await this.load(readAll("divisions", { level, format: "json", limit: MOST_ROWS }));
    return body.items;
  }

  /** The plans' indicators, each with its verdict on the whole study. */
  indicators() {
    return this.load(readAll("indicators", { limit: MOST_ROWS, format: "json" }));
  }
}

function coverage(view, level) {
  const { service, minutes, denominator, variant, indicator } = view;
  // an indicator's speed is its own: rates beside it are the study's
  const speed = indicator == null ? view.speed : null;
  return ["coverage", { level, service, minutes, denominator, variant, speed, limit: MOST_ROWS }];
}

// the rows as they are, or as they would be at another walking speed
function atSpeed({ items, robustness }, { speed }) {
  if (speed == null) return items;
  const tried = new Map(
    robustness
      .filter((row) => row.speed_mps === speed && row.variant === "with_neighbours")
      .map((row) => [row.code, row]),
  );
  return items.map((item) => {
    const row = tried.get(item.code);
    // what is missing, and where, was told at the run's own speed only
    const untold = { missing_text: null, failing_codes: [] };
    if (!row) return { ...item, ...untold, value: null, status: "unknown" };
    const { value, numerator, denominator, status } = row;
    return { ...item, ...untold, value, numerator, denominator, status };
  });
}

// What the planner chooses, kept in the address so that a plan can be shared.

import { GOALS, SOURCES } from "./siting_words.js";

const MOST_SITES = 10000;
const MOST_MONEY = 1e12;
const MOST_APART_M = 10000;
const JOB_ID = /^[0-9a-f]{16}$/;
const YEARS = /^\s*\d{1,5}(\s*[,，、 ]\s*\d{1,5}){0,29}\s*$/;
/** Longest list of candidates that the address takes; the job has them in any case. */
const LONGEST_LIST = 1200;

/** Numbers of the form and what they are at first; null is none. */
export const NUMBERS = {
  n: 10, share: 60, budget: 1000, site_cost: 100, capacity: null, upgrade_cost: null, least_share: 60,
};
const PERCENT = ["share", "least_share"];
const WORDS = ["service", "area", "goal", "source", "side", "indicator", "fair", "years"];
/** Lists of ids, as they stand in the address. */
const LISTS = ["more", "also", "forced", "forbidden"];
const FAIR = ["none", "least", "worst"];

/** Read what the address says; only what is well formed. */
export function readChoices(search) {
  const query = new URLSearchParams(search);
  const number = (name) => {
    const found = query.get(name) ? Number(query.get(name)) : null;
    return Number.isFinite(found) ? found : null;
  };
  const job = query.get("job");
  const [lat, lng, zoom] = ["lat", "lng", "zoom"].map((name) => (query.get(name) ? Number(query.get(name)) : NaN));
  const isPlace = Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && zoom >= 0 && zoom <= 18;
  return {
    ...Object.fromEntries(WORDS.map((name) => [name, query.get(name)])),
    ...Object.fromEntries(["minutes", ...Object.keys(NUMBERS)].map((name) => [name, number(name)])),
    ...Object.fromEntries(LISTS.map((name) => [name, query.get(name)?.split(",").filter(Boolean) ?? []])),
    exclude: readZones(query.get("exclude")),
    planned: query.get("planned") === "1",
    layers: query.get("layers")?.split(",") ?? null,
    job: JOB_ID.test(job ?? "") ? job : null,
    place: isPlace ? { lat, lng, zoom } : null,
  };
}

/** Write the choices, the layers, the place and the job as the query of an address. */
export function writeChoices(view) {
  const query = new URLSearchParams();
  const put = (name, value) => value != null && value !== "" && query.set(name, value);
  const numbers = asked(view).concat(view.fair === "least" ? ["least_share"] : []);
  for (const name of ["job", "service", "area", "minutes", "goal", ...numbers, "source"]) put(name, view[name]);
  if (view.goal === "target") put("indicator", view.indicator);
  if (sourcesChosen(view).includes("upgrade") && usesMoney(view)) put("upgrade_cost", view.upgrade_cost);
  if (view.fair !== "none") put("fair", view.fair);
  put("years", view.years);
  if (view.planned) put("planned", "1");
  for (const name of LISTS) {
    const text = (view[name] ?? []).join(",");
    if (text.length <= LONGEST_LIST) put(name, text);
  }
  put("exclude", Object.entries(view.exclude ?? {}).map(([zone, m]) => `${zone}:${m}`).join(","));
  if (view.side === "before") query.set("side", "before");
  if (view.layers) query.set("layers", [...view.layers].join(","));
  if (view.place) {
    query.set("lat", view.place.lat.toFixed(5));
    query.set("lng", view.place.lng.toFixed(5));
    query.set("zoom", String(Number(view.place.zoom.toFixed(2))));
  }
  return `?${query}`.replaceAll("%3A", ":").replaceAll("%2C", ",");
}

/** Complete the choices from what the study offers. */
export function settleChoices(view, study) {
  const service =
    study.services.find(({ id }) => id === view.service) ??
    study.services.find(({ id }) => id === "elderly_circle") ??
    study.services[0];
  const usual = Math.round((service.limit_s ?? 900) / 60);
  const offered = [view.minutes, usual, service.minutes[0]];
  const sources = sourcesOf(study, service).filter(({ missing }) => !missing);
  const source = (sources.find(({ id }) => id === view.source) ?? sources[0]).id;
  const numbers = Object.entries(NUMBERS).map(([name, first]) => [name, view[name] ?? first]);
  const indicators = study.options?.indicators ?? [];
  const goals = goalsOf(study).map(({ id }) => id);
  const goal = goals.includes(view.goal) ? view.goal : goals[0];
  const areas = study.options?.areas ?? [];
  const area = areas.find(({ code }) => code === view.area) ?? (study.options?.one_area ? areas[0] : null);
  const zones = new Set((study.options?.zones ?? []).map(({ id }) => id));
  const known = (view.also ?? []).filter((id) => id !== service.id && study.services.some((one) => one.id === id));
  const also = ["max_people", "budget", "min_sites"].includes(goal) ? known.slice(0, 8) : [];
  const isFair = ["max_people", "budget"].includes(goal) && also.length === 0 && FAIR.includes(view.fair);
  return {
    ...view,
    ...Object.fromEntries(numbers),
    service: service.id,
    area: area?.code ?? null,
    hasCapacity: service.capacity != null,
    minutes: offered.find((one) => service.minutes.includes(one)),
    goal,
    indicator: (indicators.find(({ id }) => id === view.indicator) ?? indicators[0])?.id ?? null,
    source,
    more: sources.filter(({ id }) => id !== source && view.more?.includes(id)).map(({ id }) => id),
    also,
    fair: isFair ? view.fair : "none",
    years: view.years ?? "",
    planned: Boolean(view.planned),
    exclude: Object.fromEntries(Object.entries(view.exclude ?? {}).filter(([zone]) => zones.has(zone))),
    forced: view.forced ?? [],
    forbidden: view.forbidden ?? [],
    layer: view.layer ?? null,
    side: view.side === "before" ? "before" : "after",
    job: view.job ?? null,
  };
}

/** The choices as a request of the API. */
export function requestOf(view) {
  const numbers = asked(view).map((name) => [name, valueOf(view, name)]);
  const sources = sourcesChosen(view);
  const zones = Object.entries(view.exclude).map(([zone, distance_m]) => ({ zone, distance_m }));
  const years = yearsOf(view);
  return {
    service: view.service,
    minutes: view.minutes,
    ...(view.area && { area: view.area }),
    goal: view.goal === "budget" ? "max_people" : view.goal,
    ...Object.fromEntries(numbers),
    candidates: sources.join("+"),
    ...(view.goal === "target" && { indicator: view.indicator }),
    ...(sources.includes("layer") && view.layer && { layer: view.layer }),
    ...(sources.includes("upgrade") && usesMoney(view) && view.upgrade_cost && { upgrade_cost: view.upgrade_cost }),
    ...(view.also.length > 0 && { also: view.also.map((service) => ({ service })) }),
    ...(view.fair === "least" && { least_share: valueOf(view, "least_share") }),
    ...(view.fair === "worst" && { worst_first: true }),
    ...(years && { sites_per_year: years }),
    ...(view.planned && { count_planned: true }),
    ...(zones.length > 0 && { exclude: zones }),
    ...(view.forced.length > 0 && { forced: view.forced }),
    ...(view.forbidden.length > 0 && { forbidden: view.forbidden }),
  };
}

/** A request of the API as choices. */
export function choicesOf(request) {
  const percent = (share) => (share == null ? null : Number((share * 100).toFixed(6)));
  // the API leaves out what is its default
  const [source, ...more] = (request.candidates ?? "community_centres").split("+");
  return {
    service: request.service,
    area: request.area ?? null,
    minutes: request.minutes,
    goal: request.budget == null ? request.goal : "budget",
    n: request.n ?? null,
    share: percent(request.share),
    budget: request.budget ?? null,
    site_cost: request.site_cost ?? null,
    capacity: request.capacity ?? null,
    upgrade_cost: request.upgrade_cost ?? null,
    least_share: percent(request.least_share),
    indicator: request.indicator ?? null,
    source,
    more,
    also: (request.also ?? []).map(({ service }) => service),
    fair: request.worst_first ? "worst" : request.least_share == null ? "none" : "least",
    years: yearWords(request.sites_per_year),
    planned: Boolean(request.count_planned),
    exclude: Object.fromEntries((request.exclude ?? []).map(({ zone, distance_m: m }) => [zone, m])),
    forced: request.forced ?? [],
    forbidden: request.forbidden ?? [],
    layer: request.layer ?? null,
  };
}

/** The first thing that is not usable, with what it must be; null if all is well. */
export function problemOf(view) {
  for (const name of asked(view).concat(view.fair === "least" ? ["least_share"] : [])) {
    const value = view[name];
    if (name === "n" && !(Number.isInteger(value) && value >= 1 && value <= MOST_SITES)) {
      return { name, words: "建设数量请填 1 以上的整数。" };
    }
    if (PERCENT.includes(name) && !(value > 0 && value <= 100)) {
      return { name, words: "覆盖率请填大于 0、不超过 100 的百分数。" };
    }
    if (name === "capacity" && !(value > 0)) return { name, words: "这项服务按容量计，请填每处新设施的容量。" };
    if ((name === "budget" || name === "site_cost") && !(value > 0 && value <= MOST_MONEY)) {
      return { name, words: "费用请填大于 0 的数。" };
    }
  }
  if (sourcesChosen(view).includes("layer") && !view.layer) {
    return { name: "file", words: "请选择候选点文件（GeoJSON 或 CSV）。" };
  }
  const zone = Object.entries(view.exclude).find(([, m]) => !(m >= 0 && m <= MOST_APART_M));
  if (zone) return { name: `zone-${zone[0]}`, words: `禁建距离请填 0 至 ${MOST_APART_M} 米。` };
  if (view.years && !YEARS.test(view.years)) {
    return { name: "years", words: "每年处数请填整数，逐年不同时用逗号分开，如 3,3,4。" };
  }
  return null;
}

/** Sources of candidates, with why one is missing for this service. */
export function sourcesOf(study, service) {
  return SOURCES.map((one) => ({ ...one, missing: whyMissing(one, study, service) }));
}

/** Goals that the study can have. */
export const goalsOf = (study) =>
  GOALS.filter(({ id }) => id !== "target" || study.options?.indicators?.length > 0);

/** All sources chosen, the first one first. */
export const sourcesChosen = ({ source, more = [] }) => [source, ...more];

/** Names of the numbers that the choices ask for. */
export const asked = ({ goal, hasCapacity }) => [
  ...(GOALS.find(({ id }) => id === goal)?.asks ?? ["n"]),
  ...(hasCapacity ? ["capacity"] : []),
];

/** How many further conditions are set. */
export const countMore = (view) =>
  [
    view.fair !== "none", view.years, view.planned, ...view.also, ...view.more,
    ...Object.keys(view.exclude), ...view.forced, ...view.forbidden,
  ].filter(Boolean).length;

const usesMoney = ({ goal }) => goal === "budget";

const valueOf = (view, name) => (PERCENT.includes(name) ? view[name] / 100 : view[name]);

// one number holds for every year, until all is built
function yearsOf({ years, n, goal }) {
  if (!years || !YEARS.test(years)) return null;
  const numbers = years.trim().split(/\s*[,，、 ]\s*/).map(Number);
  if (numbers.length > 1 || numbers[0] === 0) return numbers;
  const wanted = ["max_people", "p_median", "p_center"].includes(goal) ? n : 30 * numbers[0];
  return new Array(Math.min(30, Math.ceil(wanted / numbers[0]))).fill(numbers[0]);
}

function yearWords(numbers) {
  if (!numbers?.length) return "";
  return new Set(numbers).size === 1 ? String(numbers[0]) : numbers.join(",");
}

function readZones(text) {
  const pairs = (text ?? "").split(",").map((pair) => pair.split(":"));
  return Object.fromEntries(
    pairs
      .map(([zone, m]) => [zone, Number(m)])
      .filter(([zone, m]) => /^[\w-]{1,64}$/.test(zone) && Number.isFinite(m)),
  );
}

function whyMissing({ category, needsFunctions }, study, service) {
  if (category && !Object.hasOwn(study.categories, category)) return "本成果中没有这类设施";
  if (needsFunctions && !service.functions?.length) return "这项服务不要求设施有特定功能";
  return null;
}

// What the planner chooses, kept in the address so that a plan can be shared.

import { GOALS, SOURCES } from "./siting_words.js";

const MOST_SITES = 10000;
const MOST_MONEY = 1e12;
const JOB_ID = /^[0-9a-f]{16}$/;

/** Numbers of the form and what they are at first. */
export const NUMBERS = { n: 10, share: 60, budget: 1000, site_cost: 100 };

/** Read what the address says; only what is well formed. */
export function readChoices(search) {
  const query = new URLSearchParams(search);
  const words = ["service", "goal", "source", "side"].map((name) => [name, query.get(name)]);
  const numbers = ["minutes", ...Object.keys(NUMBERS)].map((name) => {
    const number = query.get(name) ? Number(query.get(name)) : null;
    return [name, Number.isFinite(number) ? number : null];
  });
  const job = query.get("job");
  return {
    ...Object.fromEntries([...words, ...numbers]),
    job: JOB_ID.test(job ?? "") ? job : null,
  };
}

/** Write the choices, and the job where there is one, as the query of an address. */
export function writeChoices(view) {
  const query = new URLSearchParams();
  for (const name of ["job", "service", "minutes", "goal", ...asked(view), "source"]) {
    if (view[name] != null) query.set(name, view[name]);
  }
  if (view.side === "before") query.set("side", "before");
  return `?${query}`.replaceAll("%3A", ":");
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
  const numbers = Object.entries(NUMBERS).map(([name, first]) => [name, view[name] ?? first]);
  return {
    ...view,
    ...Object.fromEntries(numbers),
    service: service.id,
    minutes: offered.find((one) => service.minutes.includes(one)),
    goal: GOALS.find(({ id }) => id === view.goal)?.id ?? GOALS[0].id,
    source: (sources.find(({ id }) => id === view.source) ?? sources[0]).id,
    side: view.side === "before" ? "before" : "after",
    job: view.job ?? null,
  };
}

/** The choices as a request of the API. */
export function requestOf(view) {
  const numbers = asked(view).map((name) => [
    name,
    name === "share" ? view.share / 100 : view[name],
  ]);
  return {
    service: view.service,
    minutes: view.minutes,
    goal: view.goal === "budget" ? "max_people" : view.goal,
    ...Object.fromEntries(numbers),
    candidates: view.source,
  };
}

/** A request of the API as choices. */
export function choicesOf(request) {
  return {
    service: request.service,
    minutes: request.minutes,
    goal: request.budget == null ? request.goal : "budget",
    n: request.n ?? null,
    share: request.share == null ? null : Number((request.share * 100).toFixed(6)),
    budget: request.budget ?? null,
    site_cost: request.site_cost ?? null,
    // the API leaves out what is its default
    source: request.candidates ?? "community_centres",
  };
}

/** The first number that is not usable, with what it must be; null if all is well. */
export function problemOf(view) {
  for (const name of asked(view)) {
    const value = view[name];
    if (name === "n" && !(Number.isInteger(value) && value >= 1 && value <= MOST_SITES)) {
      return { name, words: "建设数量请填 1 以上的整数。" };
    }
    if (name === "share" && !(value > 0 && value <= 100)) {
      return { name, words: "覆盖率请填大于 0、不超过 100 的百分数。" };
    }
    if ((name === "budget" || name === "site_cost") && !(value > 0 && value <= MOST_MONEY)) {
      return { name, words: "费用请填大于 0 的数。" };
    }
  }
  return null;
}

/** Sources of candidates, with why one is missing for this service. */
export function sourcesOf(study, service) {
  return SOURCES.map((one) => ({ ...one, missing: whyMissing(one, study, service) }));
}

function whyMissing({ category, needsFunctions }, study, service) {
  if (category && !Object.hasOwn(study.categories, category)) return "本成果中没有这类设施";
  if (needsFunctions && !service.functions?.length) return "这项服务不要求设施有特定功能";
  return null;
}

/** Names of the numbers that the goal asks for. */
export const asked = ({ goal }) => GOALS.find(({ id }) => id === goal)?.asks ?? ["n"];

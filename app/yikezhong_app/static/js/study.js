// What the study offers, in one shape for the controls.

import { read } from "./api.js";
import { embedded } from "./embedded.js";
import { DENOMINATOR_NAMES, LEVELS, LEVEL_NAMES, VARIANT_NAMES, nameOf } from "./words.js";

const USUAL_MINUTES = [5, 10, 15, 20, 30];
const MOST_OFFERS = 1000;
/** Named walking speeds that a planner compares [m/s]. */
const USUAL_SPEEDS = [0.8, 1, 1.2];
/** Denominators that count areas are there for the levels above those areas only. */
const COUNTED_LEVELS = { communities: "community", townships: "township" };

/** Return the study with its choices as lists of `{id, name, …}`. */
export function arrangeStudy(body) {
  // in the order of the screen: people first
  const names = {
    ...DENOMINATOR_NAMES,
    ...Object.fromEntries(choices(body.denominators, {}).map(({ id, name }) => [id, name])),
  };
  return {
    name: body.name ?? "一刻钟",
    // levels with too many divisions for one document: a file has only what it needs
    tiles: new Map((embedded ? [] : (body.tiles ?? [])).map((one) => [one.level, one])),
    notice: body.notice ?? null,
    asOf: body.as_of ?? null,
    version: body.version ?? null,
    issuer: body.map?.issuer ?? body.issuer ?? null,
    approvalNumber: body.map?.approval_number ?? body.approval_number ?? null,
    services: choices(body.services, {}).map((service) => ({
      ...service,
      minutes: service.minutes?.length ? service.minutes : USUAL_MINUTES,
      denominators: inOrder(choices(service.denominators ?? body.denominators, names), [
        service.group,
        ...Object.keys(names),
      ]),
      // limits of each denominator, as far as they are known: see `learnOffers`
      offers: null,
    })),
    levels: choices(body.levels, LEVEL_NAMES).sort(
      (a, b) => LEVELS.indexOf(a.id) - LEVELS.indexOf(b.id),
    ),
    variants: choices(body.variants ?? Object.keys(VARIANT_NAMES), VARIANT_NAMES),
    walkSpeed: body.parameters?.walk_speed_mps ?? null,
    walkSpeeds: body.walk_speeds_mps ?? [body.parameters?.walk_speed_mps],
    // filled where a page needs them: see `learnCounties` and `learnSpeeds`
    counties: [],
    speeds: new Map(),
    baseMaps: readBaseMaps(),
    categoryIds: new Set(choices(body.categories, {}).map(({ id }) => id)),
    categories: Object.fromEntries(
      choices(body.categories, {}).map(({ id, name }) => [id, name]),
    ),
    functions: Object.fromEntries(
      choices(body.functions, {}).map(({ id, name }) => [id, name]),
    ),
  };
}

/** Learn which denominators a service has at which limits: not all have all. */
export async function learnOffers(study, id) {
  const service = study.services.find((one) => one.id === id);
  if (!service || service.offers) return;
  const level = study.levels[0].id;
  const body = await read("coverage", {
    level,
    service: id,
    minutes: "all",
    denominator: "all",
    limit: MOST_OFFERS,
  });
  service.offers = new Set(
    body.items.map(({ minutes, denominator }) => `${minutes} ${denominator}`),
  );
}

/** Learn the counties that a page can be narrowed to: none where there is only one. */
export async function learnCounties(study) {
  if (!study.levels.some(({ id }) => id === "county")) return;
  const body = await read("divisions", { level: "county", limit: MOST_OFFERS, format: "json" });
  if (body.items.length > 1) study.counties = body.items;
}

/** Learn at which walking speeds an indicator was valued besides the study's own. */
export async function learnSpeeds(study, indicator) {
  if (indicator == null || study.speeds.has(indicator)) return;
  const body = await read(`indicators/${encodeURIComponent(indicator)}`, { limit: 1 });
  study.speeds.set(indicator, [...new Set(body.robustness.map(({ speed_mps: speed }) => speed))]);
}

/**
 * Walking speeds as `{id, name, there}`: those that are usual and those of the result.
 *
 * Rates of services on foot are there at all speeds of the result; an indicator of travel
 * times at those at which its robustness was tried.
 */
export function speedsFor(study, service, indicator) {
  if (study.walkSpeed == null) return [];
  const onFoot = service.profile === "driving" ? [] : study.walkSpeeds;
  const tried = [study.walkSpeed, ...(study.speeds.get(indicator) ?? [])];
  const there = new Set(indicator == null ? onFoot : tried);
  return [...new Set([...USUAL_SPEEDS, ...there])]
    .sort((a, b) => a - b)
    .map((id) => ({ id, name: id.toFixed(1), there: there.has(id) }));
}

// base maps that the operator allows, told by the page itself
function readBaseMaps() {
  const text = document.querySelector('meta[name="base-maps"]')?.content;
  return text ? JSON.parse(text) : [];
}

/** Denominators that there are for a service at a limit and a level. */
export function denominatorsAt(service, minutes, level) {
  return service.denominators.filter(({ id }) => {
    const counted = COUNTED_LEVELS[id];
    if (counted && LEVELS.indexOf(level) >= LEVELS.indexOf(counted)) return false;
    return !service.offers?.size || service.offers.has(`${minutes} ${id}`);
  });
}

const inOrder = (list, order) =>
  list.toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id));

// a list of ids, or of records with an id
function choices(given, names) {
  return (given ?? []).map((entry) => {
    const record = typeof entry === "object" ? entry : { id: String(entry) };
    return { ...record, name: record.name ?? nameOf(names, record.id) };
  });
}

// What the study offers, in one shape for the controls.

import { read } from "./api.js";
import { DENOMINATOR_NAMES, LEVELS, LEVEL_NAMES, VARIANT_NAMES, nameOf } from "./words.js";

const USUAL_MINUTES = [5, 10, 15, 20, 30];
const MOST_OFFERS = 1000;
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

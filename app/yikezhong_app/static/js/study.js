// What the study offers, in one shape for the controls.

import { byLevel } from "./state.js";
import { DENOMINATOR_NAMES, LEVEL_NAMES, VARIANT_NAMES, nameOf } from "./words.js";

const USUAL_MINUTES = [5, 10, 15, 20, 30];

/** Return the study with its choices as lists of `{id, name, …}`. */
export function arrangeStudy(body) {
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
      denominators: choices(service.denominators ?? body.denominators, names),
    })),
    levels: choices(body.levels, LEVEL_NAMES).sort(byLevel),
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

// a list of ids, or of records with an id
function choices(given, names) {
  return (given ?? []).map((entry) => {
    const record = typeof entry === "object" ? entry : { id: String(entry) };
    return { ...record, name: record.name ?? nameOf(names, record.id) };
  });
}

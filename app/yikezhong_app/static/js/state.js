// The view: what is shown, kept in the address of the page so that it can be shared.

import { denominatorsAt } from "./study.js";
import { LAYER_NAMES } from "./words.js";

const WORDS = ["service", "level", "denominator", "variant", "code"];
const LAYERS = Object.keys(LAYER_NAMES);
const DEFAULT_LAYERS = ["areas", "townships", "circles", "facilities", "gaps", "roads", "labels"];

/** Read what the address says; only what is well formed. */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const view = {};
  for (const name of WORDS) if (query.get(name)) view[name] = query.get(name);
  if (query.get("minutes")) view.minutes = Number(query.get("minutes"));
  if (query.has("layers")) {
    view.layers = query.get("layers").split(",").filter((name) => LAYERS.includes(name));
  }
  const [lat, lng, zoom] = ["lat", "lng", "zoom"].map((name) =>
    query.get(name) ? Number(query.get(name)) : NaN,
  );
  if (Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && zoom >= 0 && zoom <= 18) {
    Object.assign(view, { lat, lng, zoom });
  }
  return view;
}

/** Write the whole view as the query of an address. */
export function writeAddress(view) {
  const query = new URLSearchParams();
  for (const name of ["service", "minutes", "level", "denominator", "variant"]) {
    query.set(name, view[name]);
  }
  query.set("layers", view.layers.join(","));
  if (view.code) query.set("code", view.code);
  if (view.zoom != null) {
    query.set("lat", view.lat.toFixed(5));
    query.set("lng", view.lng.toFixed(5));
    query.set("zoom", String(Number(view.zoom.toFixed(2))));
  }
  return `?${query.toString().replaceAll("%2C", ",")}`;
}

/** Complete a view from what the study offers; what it does not offer is dropped. */
export function settle(view, study) {
  const service = pick(study.services, view.service, "elderly_circle");
  const usual = Math.round((service.limit_s ?? 900) / 60);
  const minutes = service.minutes.includes(view.minutes)
    ? view.minutes
    : service.minutes.includes(usual)
      ? usual
      : service.minutes[0];
  const level = pick(study.levels, view.level, "township").id;
  const denominators = denominatorsAt(service, minutes, level);
  return {
    ...view,
    service: service.id,
    minutes,
    level,
    denominator: pick(denominators, view.denominator, service.group ?? "people_60").id,
    variant: pick(study.variants, view.variant, "with_neighbours").id,
    layers: LAYERS.filter((name) => (view.layers ?? DEFAULT_LAYERS).includes(name)),
    code: view.code ?? null,
  };
}

/** A view that tells its listeners what has changed. */
export function createStore(view) {
  let current = view;
  const listeners = [];
  return {
    get: () => current,
    listen: (listener) => listeners.push(listener),
    set(patch) {
      const changed = new Set(
        Object.keys(patch).filter((name) => String(patch[name]) !== String(current[name])),
      );
      if (changed.size === 0) return;
      current = { ...current, ...patch };
      for (const listener of listeners) listener(current, changed);
    },
  };
}

function pick(choices, wanted, usual) {
  return (
    choices.find((choice) => choice.id === wanted) ??
    choices.find((choice) => choice.id === usual) ??
    choices[0]
  );
}

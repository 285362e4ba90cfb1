// The view: what is shown, kept in the address of the page so that it can be shared.

import { denominatorsAt, speedsFor } from "./study.js";
import { LEVELS, LAYER_NAMES } from "./words.js";

const WORDS = ["service", "level", "denominator", "variant", "code", "county", "indicator", "base"];
const LAYERS = Object.keys(LAYER_NAMES);
const DEFAULT_LAYERS = ["areas", "townships", "circles", "facilities", "gaps", "roads", "labels"];
/** What moves the map only: it does not become a step of the browser's history. */
const PLACE = ["lat", "lng", "zoom"];

/** Read what the address says; only what is well formed. */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const view = {};
  for (const name of WORDS) if (query.get(name)) view[name] = query.get(name);
  for (const name of ["minutes", "speed"]) {
    if (query.get(name)) view[name] = Number(query.get(name));
  }
  if (query.has("layers")) {
    view.layers = query.get("layers").split(",").filter((name) => LAYERS.includes(name));
  }
  if (query.get("off")) view.off = query.get("off").split(",").filter(Boolean);
  const [lat, lng, zoom] = PLACE.map((name) => (query.get(name) ? Number(query.get(name)) : NaN));
  if (isPlace(lat, lng) && zoom >= 0 && zoom <= 18) Object.assign(view, { lat, lng, zoom });
  const [atLng, atLat] = (query.get("at") ?? "").split(",").map((text) => (text ? Number(text) : NaN));
  if (isPlace(atLat, atLng)) view.at = [atLng, atLat];
  return view;
}

const isPlace = (lat, lng) => Math.abs(lat) <= 90 && Math.abs(lng) <= 180;

/** Write the whole view as the query of an address. */
export function writeAddress(view) {
  const query = new URLSearchParams();
  for (const name of ["service", "minutes", "level", "denominator", "variant"]) {
    query.set(name, view[name]);
  }
  for (const name of ["county", "indicator", "speed", "base"]) {
    if (view[name] != null) query.set(name, view[name]);
  }
  query.set("layers", view.layers.join(","));
  if (view.off.length > 0) query.set("off", view.off.join(","));
  if (view.code) query.set("code", view.code);
  if (view.at) query.set("at", view.at.map((degrees) => degrees.toFixed(5)).join(","));
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
  const county = study.counties.find(({ code }) => code === view.county)?.code ?? null;
  const level = pick(levelsWithin(study, county), view.level, "township").id;
  const denominators = denominatorsAt(service, minutes, level);
  const indicator = /^[\w\-.]{1,64}$/.test(view.indicator ?? "") ? view.indicator : null;
  // the study's own speed is not written into addresses
  const speed = speedsFor(study, service, indicator).find((one) => one.id === view.speed && one.there);
  const isOther = indicator == null && speed != null && speed.id !== study.walkSpeed;
  return {
    ...view,
    service: service.id,
    minutes,
    level,
    denominator: pick(denominators, view.denominator, service.group ?? "people_60").id,
    // at other speeds all facilities count
    variant: pick(study.variants, isOther ? null : view.variant, "with_neighbours").id,
    county,
    indicator,
    speed: speed && speed.id !== study.walkSpeed ? speed.id : null,
    layers: LAYERS.filter((name) => (view.layers ?? DEFAULT_LAYERS).includes(name)),
    off: (view.off ?? []).filter((id) => study.categoryIds.has(id)),
    base: study.baseMaps.some(({ id }) => id === view.base) ? view.base : null,
    code: view.code ?? null,
    at: view.at ?? null,
  };
}

/** Levels that there are within a county, or all. */
export function levelsWithin(study, county) {
  if (county == null) return study.levels;
  const within = study.levels.filter(({ id }) => LEVELS.indexOf(id) >= LEVELS.indexOf("county"));
  return within.length > 0 ? within : study.levels;
}

/** Whether rates are shown at another walking speed than the result's. */
export const isAtOtherSpeed = ({ indicator, speed }) => indicator == null && speed != null;

/** Whether a change is one of the map's place only. */
export const isMove = (changed) => [...changed].every((name) => PLACE.includes(name));

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

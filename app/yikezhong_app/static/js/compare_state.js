// What is compared, kept in the address so that it can be shared.

export const MODES = [
  { id: "scenario", name: "现状与方案" },
  { id: "versions", name: "两个评价日期" },
  { id: "speeds", name: "两种步行速度" },
];
export const LAYERS = { areas: "覆盖率分级", facilities: "设施", people: "得失人口", roads: "道路", labels: "地名" };
const WORDS = ["mode", "scenario", "before", "after", "service", "code"];
const PLACE = ["lat", "lng", "zoom"];

/** Read what the address says; only what is well formed. */
export function readView(search) {
  const query = new URLSearchParams(search);
  const view = Object.fromEntries(WORDS.map((name) => [name, query.get(name) || null]));
  const minutes = Number(query.get("minutes"));
  view.minutes = Number.isFinite(minutes) && minutes > 0 ? minutes : null;
  const layers = query.get("layers")?.split(",");
  view.layers = Object.keys(LAYERS).filter((name) => !layers || layers.includes(name));
  view.mode = MODES.find(({ id }) => id === view.mode)?.id ?? "scenario";
  const [lat, lng, zoom] = PLACE.map((name) => (query.get(name) ? Number(query.get(name)) : NaN));
  if (Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && zoom >= 0 && zoom <= 18) {
    view.place = { lat, lng, zoom };
  }
  return view;
}

/** Write the view as the query of an address. */
export function writeView(view) {
  const query = new URLSearchParams();
  const asked = view.mode === "scenario" ? ["scenario"] : ["before", "after", "minutes"];
  for (const name of ["mode", ...asked, "service", "code"]) {
    if (view[name] != null) query.set(name, view[name]);
  }
  query.set("layers", view.layers.join(","));
  if (view.place) {
    query.set("lat", view.place.lat.toFixed(5));
    query.set("lng", view.place.lng.toFixed(5));
    query.set("zoom", String(Number(view.place.zoom.toFixed(2))));
  }
  return `?${query}`.replaceAll("%2C", ",");
}

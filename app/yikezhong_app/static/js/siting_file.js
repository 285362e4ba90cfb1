// A planner's own candidates, read in the browser: GeoJSON points, or CSV with
// longitude and latitude. Nothing is sent before a siting is asked for.

const MOST_BYTES = 4 << 20;
const MOST_POINTS = 10000;
const COLUMNS = {
  lon: ["lon", "lng", "longitude", "x", "经度"],
  lat: ["lat", "latitude", "y", "纬度"],
  id: ["id", "编号", "代码"],
  name: ["name", "名称", "地点"],
  cost: ["cost", "费用", "造价", "投资"],
  capacity: ["capacity", "容量", "床位数", "托位数"],
};

/** A file that cannot be used; the message says why and what to do. */
export class FileError extends Error {}

/** Read a file as a layer of the API: a FeatureCollection of points. */
export async function readLayer(file) {
  if (file.size > MOST_BYTES) throw new FileError("文件超过 4 MB，请只留候选点的位置与名称。");
  const text = decode(await file.arrayBuffer());
  const isJson = /^\s*[[{]/.test(text);
  const rows = isJson ? rowsOfGeoJson(text) : rowsOfCsv(text);
  if (rows.length === 0) throw new FileError("文件里没有点。");
  if (rows.length > MOST_POINTS) throw new FileError(`文件有 ${rows.length} 个点，最多 ${MOST_POINTS} 个。`);
  return { type: "FeatureCollection", features: rows.map(featureOf) };
}

// Excel writes CSV in the code page of the machine
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

function rowsOfGeoJson(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new FileError("不是合法的 GeoJSON。");
  }
  const features = body?.type === "FeatureCollection" ? body.features : body?.type === "Feature" ? [body] : null;
  if (!Array.isArray(features)) throw new FileError("GeoJSON 须为 FeatureCollection。");
  return features.map((feature, i) => {
    if (feature?.geometry?.type !== "Point") throw new FileError(`第 ${i + 1} 个要素不是点。`);
    const [lon, lat] = feature.geometry.coordinates ?? [];
    const found = feature.properties ?? {};
    const named = Object.fromEntries(
      Object.entries(COLUMNS).map(([name, words]) => [
        name,
        words.map((word) => found[word]).find((value) => value != null),
      ]),
    );
    return { ...named, id: named.id ?? feature.id, lon, lat, at: i + 1 };
  });
}

function rowsOfCsv(text) {
  const lines = parseCsv(text.replace(/^\uFEFF/, ""));
  const heads = (lines.shift() ?? []).map((head) => head.trim().toLowerCase());
  const at = Object.fromEntries(
    Object.entries(COLUMNS).map(([name, words]) => [name, heads.findIndex((head) => words.includes(head))]),
  );
  if (at.lon < 0 || at.lat < 0) throw new FileError("CSV 的第一行须有“经度”“纬度”（或 lon、lat）两列。");
  return lines
    .filter((cells) => cells.some((cell) => cell.trim()))
    .map((cells, i) => ({
      ...Object.fromEntries(Object.entries(at).map(([name, k]) => [name, k < 0 ? null : cells[k]?.trim()])),
      at: i + 2,
    }));
}

/** Cells of CSV; quoted cells may hold commas, quotes and line ends. */
export function parseCsv(text) {
  const rows = [[]];
  const cell = /("(?:[^"]|"")*"|[^,;\t\r\n]*)([,;\t]|\r?\n|\r|$)/g;
  for (let match = cell.exec(text); match; match = cell.exec(text)) {
    const [whole, value, end] = match;
    rows.at(-1).push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end === "" || whole === "") break;
    if (/[\r\n]/.test(end)) rows.push([]);
  }
  return rows;
}

function featureOf({ lon, lat, id, name, cost, capacity, at }) {
  const [x, y] = [lon, lat].map((value) => (value === "" || value == null ? NaN : Number(value)));
  if (!(Math.abs(x) <= 180 && Math.abs(y) <= 85)) {
    throw new FileError(`第 ${at} ${typeof lon === "string" ? "行" : "个点"}的经纬度有误，须为十进制度（WGS-84）。`);
  }
  const properties = {};
  if (id != null && id !== "") properties.id = String(id);
  if (name != null && name !== "") properties.name = String(name);
  for (const [key, value] of [["cost", cost], ["capacity", capacity]]) {
    if (value == null || value === "") continue;
    const number = Number(value);
    if (!(number >= 0)) throw new FileError(`第 ${at} 个点的${key === "cost" ? "费用" : "容量"}不是数。`);
    properties[key] = number;
  }
  return { type: "Feature", geometry: { type: "Point", coordinates: [x, y] }, properties };
}

// Boundary tiles of our own server: fetched, decoded once and kept. A tile holds areas
// as rings on its own grid; what is narrower than the grid is a point.

import { ApiError } from "./api.js";

const READER = "/static/lib/pbf/pbf.js";
const KEPT = 160;
/** Kinds of geometry and commands of the Mapbox Vector Tile specification, version 2. */
const POINT = 1;
const POLYGON = 3;
const MOVE = 1;
const LINE = 2;

/** Tiles of one set of boundaries: `{url, min_zoom, max_zoom}` of the study. */
export class TileSource {
  constructor({ url, min_zoom: minZoom, max_zoom: maxZoom, level }) {
    Object.assign(this, { url, minZoom, maxZoom, level });
    this.kept = new Map();
  }

  /** The areas of a tile as `{code, rings, box, isPoint}` on a grid of `extent` steps. */
  read({ x, y, z }) {
    const key = `${z}/${x}/${y}`;
    const known = this.kept.get(key);
    // the one used last goes to the end: the first is dropped
    this.kept.delete(key);
    const tile = known ?? this.load({ x, y, z });
    this.kept.set(key, tile);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    tile.catch(() => this.kept.delete(key));
    return tile;
  }

  /** The areas of a tile that has been read, else null. */
  peek({ x, y, z }) {
    return this.ready?.get(`${z}/${x}/${y}`) ?? null;
  }

  async load({ x, y, z }) {
    const url = this.url.replace("{z}", z).replace("{x}", x).replace("{y}", y);
    const [response, { default: Pbf }] = await Promise.all([
      fetch(url, { credentials: "same-origin" }).catch(() => null),
      import(READER),
    ]);
    if (!response) throw new ApiError("无法连接服务，请检查网络后重试", 0);
    if (!response.ok) throw new ApiError("边界没有读到，请刷新后重试", response.status);
    const bytes = response.status === 204 ? [] : new Uint8Array(await response.arrayBuffer());
    const tile = bytes.length === 0 ? { extent: 4096, areas: [] } : decode(new Pbf(bytes), this.level);
    this.remember(`${z}/${x}/${y}`, tile);
    return tile;
  }

  remember(key, tile) {
    this.ready ??= new Map();
    this.ready.set(key, tile);
    if (this.ready.size > KEPT) this.ready.delete(this.ready.keys().next().value);
  }
}

/** Decode the areas of a level; an area cut into pieces comes once. */
function decode(pbf, level) {
  const layers = pbf.readFields((tag, list, reader) => {
    if (tag === 3) list.push(reader.readMessage(readLayer, newLayer()));
  }, []);
  const extent = layers[0]?.extent ?? 4096;
  const areas = new Map();
  for (const layer of layers) {
    for (const feature of layer.features) {
      const words = wordsOf(layer, feature.tags);
      if (words.level !== level) continue;
      const area = areas.get(words.code) ?? { code: words.code, rings: [], isPoint: true };
      areas.set(words.code, area);
      if (feature.type === POLYGON) addRings(area, feature.geometry);
      else if (feature.type === POINT && area.isPoint) area.rings = [pointRing(feature.geometry)];
    }
  }
  for (const area of areas.values()) area.box = boxOf(area.rings);
  return { extent, areas: [...areas.values()] };
}

const newLayer = () => ({ extent: 4096, keys: [], values: [], features: [] });

function readLayer(tag, layer, reader) {
  if (tag === 2) layer.features.push(reader.readMessage(readFeature, { tags: [], geometry: [], type: 0 }));
  else if (tag === 3) layer.keys.push(reader.readString());
  else if (tag === 4) layer.values.push(reader.readMessage(readValue, { text: null }).text);
  else if (tag === 5) layer.extent = reader.readVarint();
}

function readFeature(tag, feature, reader) {
  if (tag === 2) reader.readPackedVarint(feature.tags);
  else if (tag === 3) feature.type = reader.readVarint();
  else if (tag === 4) reader.readPackedVarint(feature.geometry);
}

function readValue(tag, value, reader) {
  if (tag === 1) value.text = reader.readString();
}

function wordsOf({ keys, values }, tags) {
  const words = {};
  for (let i = 0; i < tags.length; i += 2) words[keys[tags[i]]] = values[tags[i + 1]];
  return words;
}

function addRings(area, geometry) {
  if (area.isPoint) area.rings = [];
  area.isPoint = false;
  let x = 0;
  let y = 0;
  let ring = null;
  for (let i = 0; i < geometry.length; ) {
    const command = geometry[i] & 7;
    const count = geometry[i] >> 3;
    i += 1;
    if (command !== MOVE && command !== LINE) continue;
    for (let n = 0; n < count; n += 1, i += 2) {
      x += unzigzag(geometry[i]);
      y += unzigzag(geometry[i + 1]);
      if (command === MOVE) area.rings.push((ring = []));
      ring.push(x, y);
    }
  }
}

const pointRing = ([, x, y]) => [unzigzag(x), unzigzag(y)];

const unzigzag = (value) => (value >> 1) ^ -(value & 1);

function boxOf(rings) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      box[0] = Math.min(box[0], ring[i]);
      box[1] = Math.min(box[1], ring[i + 1]);
      box[2] = Math.max(box[2], ring[i]);
      box[3] = Math.max(box[3], ring[i + 1]);
    }
  }
  return box;
}

/** Whether a place on a tile's grid lies in an area; of a point, whether it is near. */
export function holds({ rings, box, isPoint }, x, y, near) {
  if (isPoint) return Math.hypot(x - box[0], y - box[1]) <= near;
  if (x < box[0] || y < box[1] || x > box[2] || y > box[3]) return false;
  let inside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
      const [ax, ay, bx, by] = [ring[i], ring[i + 1], ring[j], ring[j + 1]];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    }
  }
  return inside;
}

// A layer of the map that paints boundary tiles on canvases, at any zoom from the tiles'
// first one on: close up, the finest tiles are painted larger.

const L = window.L;
const SIZE = 256;
/** Size of the dot of an area that is narrower than the grid [pixels]. */
const DOT = 3;

/** Paints areas: `options.source`, `options.fill(code)`, `options.stroke` or null each. */
export const TileLayer = L.GridLayer.extend({
  options: { tileSize: SIZE, updateWhenIdle: false, updateWhenZooming: false, keepBuffer: 2 },

  initialize(options) {
    L.GridLayer.prototype.initialize.call(this, { ...options, minZoom: options.source.minZoom });
    this.painted = new Map();
  },

  createTile(coords, done) {
    const canvas = document.createElement("canvas");
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    canvas.width = SIZE * scale;
    canvas.height = SIZE * scale;
    const own = wanted(this.options.source, coords);
    this.options.source.read(own.tile).then(
      (tile) => {
        const state = { canvas, scale, own, tile };
        this.painted.set(canvas, state);
        this.paintTile(state);
        done(null, canvas);
        this.fire("areas");
      },
      (error) => {
        done(error, canvas);
        this.fire("areaserror", { error });
      },
    );
    return canvas;
  },

  /** Paint all tiles anew, after what they are filled with has changed. */
  repaint() {
    const there = new Set(Object.values(this._tiles ?? {}).map(({ el }) => el));
    for (const [canvas, state] of this.painted) {
      if (there.has(canvas)) this.paintTile(state);
      else this.painted.delete(canvas);
    }
  },

  paintTile({ canvas, scale, own, tile }) {
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const step = ((SIZE * scale) / tile.extent) * own.enlarged;
    const toPixels = [step, 0, 0, step, -own.left * SIZE * scale, -own.top * SIZE * scale];
    const view = visible(toPixels, canvas);
    const fills = new Map();
    const lines = new Path2D();
    const move = new DOMMatrix(toPixels);
    for (const area of tile.areas) {
      if (!meets(area.box, view) || !this.options.isWithin(area.code)) continue;
      const fill = this.options.fill?.(area.code) ?? null;
      const path = pathOf(area, step, scale);
      if (fill != null) {
        if (!fills.has(fill)) fills.set(fill, new Path2D());
        fills.get(fill).addPath(path, move);
      }
      lines.addPath(path, move);
    }
    for (const [fill, path] of fills) {
      context.fillStyle = paintOf(fill, context, scale);
      context.fill(path, "evenodd");
    }
    const { stroke } = this.options;
    if (!stroke) return;
    // where areas are tiny, lines would hide them
    context.lineWidth = stroke.width * scale * Math.min(1, Math.max(0.35, (canvas.width / tile.areas.length) * 6 / SIZE));
    context.strokeStyle = stroke.colour;
    context.setLineDash((stroke.dash ?? []).map((length) => length * scale));
    context.stroke(lines);
  },

  /** Where a place of the map lies on the tiles that are shown: `{tile, x, y}` or null. */
  tileAt(latlng) {
    if (!this._map || this._tileZoom === undefined) return null;
    const { source } = this.options;
    const zoom = Math.min(this._tileZoom, source.maxZoom);
    const point = this._map.project(latlng, zoom).divideBy(SIZE);
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    const tile = source.peek({ x, y, z: zoom });
    if (!tile) return null;
    return { tile, x: (point.x - x) * tile.extent, y: (point.y - y) * tile.extent, zoom };
  },

  /** The pieces of an area on the tiles that are shown, as lines without the cuts. */
  linesOf(code) {
    const found = [];
    const seen = new Set();
    for (const { own, tile } of this.painted.values()) {
      const key = `${own.tile.z}/${own.tile.x}/${own.tile.y}`;
      if (seen.has(key) || own.tile.z !== Math.min(this._tileZoom, this.options.source.maxZoom)) continue;
      seen.add(key);
      const area = tile.areas.find((one) => one.code === code);
      if (area) found.push(...uncut(area, tile.extent).map((line) => this.latLngs(line, own.tile, tile.extent)));
    }
    return found;
  },

  latLngs(line, { x, y, z }, extent) {
    return line.map(([px, py]) => this._map.unproject([(x + px / extent) * SIZE, (y + py / extent) * SIZE], z));
  },
});

// the tile to read, and which part of it is painted how much larger
function wanted({ maxZoom }, { x, y, z }) {
  const closer = Math.max(0, z - maxZoom);
  const enlarged = 2 ** closer;
  const tile = { x: Math.floor(x / enlarged), y: Math.floor(y / enlarged), z: z - closer };
  return { tile, enlarged, left: x - tile.x * enlarged, top: y - tile.y * enlarged };
}

function pathOf(area, step, scale) {
  if (area.isPoint) {
    const half = (DOT * scale) / step / 2;
    const path = new Path2D();
    path.rect(area.box[0] - half, area.box[1] - half, 2 * half, 2 * half);
    return path;
  }
  if (area.path) return area.path;
  const path = new Path2D();
  for (const ring of area.rings) {
    path.moveTo(ring[0], ring[1]);
    for (let i = 2; i < ring.length; i += 2) path.lineTo(ring[i], ring[i + 1]);
    path.closePath();
  }
  area.path = path;
  return path;
}

function visible([step, , , , left, top], canvas) {
  return [-left / step, -top / step, (canvas.width - left) / step, (canvas.height - top) / step];
}

const meets = (box, view) =>
  box[0] <= view[2] && box[2] >= view[0] && box[1] <= view[3] && box[3] >= view[1];

// lines of an area's rings but for those along which the tile was cut
function uncut({ rings, isPoint, box }, extent) {
  if (isPoint) return [square(box[0], box[1], extent / 400)];
  const lines = [];
  const isOut = (value) => value < 0 || value > extent;
  for (const ring of rings) {
    let line = [];
    const n = ring.length;
    for (let i = 0; i <= n; i += 2) {
      const [x, y] = [ring[i % n], ring[(i + 1) % n]];
      const last = line.at(-1);
      const isCut = last && ((isOut(x) && isOut(last[0])) || (isOut(y) && isOut(last[1])));
      if (isCut) {
        if (line.length > 1) lines.push(line);
        line = [];
      }
      line.push([x, y]);
    }
    if (line.length > 1) lines.push(line);
  }
  return lines;
}

const square = (x, y, half) => [
  [x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half], [x - half, y - half],
];

const SPACING = 10;
const MARKS = {
  "no-data": (context) => {
    context.strokeStyle = "#a9aeab";
    context.lineWidth = 2;
    for (const shift of [-SPACING, 0, SPACING]) {
      context.moveTo(shift, SPACING);
      context.lineTo(shift + SPACING, 0);
    }
    context.stroke();
  },
  "no-target": (context) => {
    context.fillStyle = "#7d93a6";
    context.arc(SPACING / 2, SPACING / 2, 1.5, 0, 2 * Math.PI);
    context.fill();
  },
};

// the fills of `patterns.js`, which are SVG, for a canvas
function paintOf(fill, context, scale) {
  const mark = MARKS[/^url\(#(.+)\)$/.exec(fill)?.[1]];
  if (!mark) return fill;
  const patch = document.createElement("canvas");
  patch.width = SPACING * scale;
  patch.height = SPACING * scale;
  const own = patch.getContext("2d");
  own.scale(scale, scale);
  own.fillStyle = "#f2f1ed";
  own.fillRect(0, 0, SPACING, SPACING);
  own.beginPath();
  mark(own);
  return context.createPattern(patch, "repeat");
}

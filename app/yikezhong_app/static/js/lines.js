// What is only looked at: roads and service circles, painted on canvases that let the
// pointer through.

const L = window.L;

/** Classes of roads from the widest to the narrowest, and from which zoom on. */
const ROADS = [
  { classes: ["motorway", "trunk"], colour: "#7b827f", weight: 2.2, zoom: 0 },
  { classes: ["primary"], colour: "#878e8b", weight: 1.7, zoom: 0 },
  { classes: ["secondary"], colour: "#949a97", weight: 1.2, zoom: 8.5 },
  { classes: ["tertiary"], colour: "#a3a8a5", weight: 0.9, zoom: 10 },
  { classes: ["unclassified", "residential", "living_street", "road"], colour: "#aeb3b0", weight: 0.8, zoom: 12 },
  { classes: null, colour: "#b9beba", weight: 0.7, zoom: 13 },
];

/** Roads as grey lines, the small ones only where there is room. */
export class Roads {
  constructor(map) {
    this.map = map;
    this.shown = false;
    this.renderer = L.canvas({ pane: "roads", padding: 0.3 });
    this.layers = [];
    map.on("zoomend", () => this.draw());
  }

  setData(collection) {
    for (const { layer } of this.layers) layer.remove();
    const parts = ROADS.map(() => []);
    for (const { geometry, properties } of collection.features) {
      if (geometry) parts[roadRank(properties.class)].push(...latLngLines(geometry));
    }
    this.layers = ROADS.map(({ colour, weight, zoom }, i) => ({
      zoom,
      layer: L.polyline(parts[i], {
        renderer: this.renderer,
        pane: "roads",
        interactive: false,
        color: colour,
        weight,
        opacity: 0.9,
        smoothFactor: 1.2,
      }),
    }));
    this.draw();
  }

  toggle(shown) {
    this.shown = shown;
    this.draw();
  }

  draw() {
    const zoom = this.map.getZoom();
    for (const { layer, zoom: from } of this.layers) {
      if (this.shown && zoom >= from) layer.addTo(this.map);
      else layer.remove();
    }
  }
}

/** What is within the limit of any facility of the service. */
export class Circles {
  constructor(map) {
    this.map = map;
    this.group = L.layerGroup();
    this.renderer = L.canvas({ pane: "circles", padding: 0.3 });
  }

  setData(collection) {
    this.group.clearLayers();
    for (const { geometry } of collection.features) {
      if (!geometry) continue;
      L.geoJSON(geometry, {
        renderer: this.renderer,
        pane: "circles",
        interactive: false,
        style: { color: "#0b5a57", weight: 1.1, opacity: 0.9, fillColor: "#12807a", fillOpacity: 0.3 },
      }).addTo(this.group);
    }
  }

  toggle(shown) {
    if (shown) this.group.addTo(this.map);
    else this.group.remove();
  }
}

function roadRank(name) {
  const plain = String(name ?? "").replace(/_link$/, "");
  const rank = ROADS.findIndex(({ classes }) => classes?.includes(plain));
  return rank < 0 ? ROADS.length - 1 : rank;
}

function latLngLines({ type, coordinates }) {
  const lines = type === "MultiLineString" ? coordinates : type === "LineString" ? [coordinates] : [];
  return lines.map((line) => line.map(([lng, lat]) => [lat, lng]));
}

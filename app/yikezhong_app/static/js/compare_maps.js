// Two maps that show the same place, each with the rates of its side.

import { Areas, Labels } from "./areas.js";
import { make, makeSvg } from "./dom.js";
import { Facilities } from "./facilities.js";
import { Roads } from "./lines.js";

const L = window.L;
const NEW_COLOUR = "#0a7a3f";
const GONE_COLOUR = "#b3261e";
const ROAD_COLOUR = "#6d28d9";
/** From here on, changes are dots instead of signs. */
const MOST_SIGNS = 300;

/** Make the second map, with the options of the scaffold's. */
export function afterMap() {
  const { center, zoom, zoomSnap, minZoom, maxZoom } = window.map_planner.options;
  return L.map("map_after", {
    center,
    zoom,
    zoomSnap,
    minZoom,
    maxZoom,
    zoomControl: false,
    attributionControl: false,
    preferCanvas: true,
  });
}

/** Move both maps whenever one is moved; a change of its box's size is no move. */
export function moveTogether(maps) {
  let busy = false;
  const alone = (act) => {
    const before = busy;
    busy = true;
    try {
      return act();
    } finally {
      busy = before;
    }
  };
  for (const map of maps) {
    const resize = map.invalidateSize.bind(map);
    map.invalidateSize = (options) => alone(() => resize(options));
    map.on("move zoomend", () => {
      if (busy) return;
      const others = maps.filter((other) => other !== map);
      alone(() => {
        for (const other of others) other.setView(map.getCenter(), map.getZoom(), { animate: false });
      });
    });
  }
}

/** Areas whose twin on the other map is marked with them. */
class TwinAreas extends Areas {
  hover(code) {
    super.hover(code);
    this.twin?.mark(code);
  }

  mark(code) {
    super.hover(code);
  }
}

/** What one of the two maps shows. */
export class Side {
  constructor(map, { study, onPick }) {
    this.map = map;
    this.areas = new TwinAreas(map, { onPick });
    this.labels = new Labels(map);
    this.roads = new Roads(map);
    this.facilities = new Facilities(map, { study });
    this.changes = L.layerGroup().addTo(map);
    this.people = L.layerGroup();
    this.renderer = L.svg({ pane: "sites", padding: 0.4 });
    this.canvas = L.canvas({ pane: "circles", padding: 0.3 });
    map.on("click", () => onPick(null));
  }

  toggle(name, shown) {
    if (name === "people") {
      if (shown) this.people.addTo(this.map);
      else this.people.remove();
    } else this[name].toggle(shown);
  }

  /** Draw what a scenario changes; on the side before only where it changes something. */
  setChanges(changes, { isAfter, placeOf }) {
    this.changes.clearLayers();
    this.hasMany = changes.length > MOST_SIGNS;
    for (const change of changes) {
      for (const layer of this.drawChange(change, isAfter, placeOf)) this.changes.addLayer(layer);
    }
  }

  drawChange(change, isAfter, placeOf) {
    const { action, id } = change;
    const style = { renderer: this.renderer, pane: "sites" };
    if (action === "add_road" && isAfter) {
      const ends = [change.from, change.to].map(([lon, lat]) => [lat, lon]);
      return [
        L.polyline(ends, { ...style, color: "#fff", weight: 8, interactive: false }),
        this.named(L.polyline(ends, { ...style, color: ROAD_COLOUR, weight: 4.5 }), `新建道路 ${id}`),
      ];
    }
    if (action === "close_area") {
      const ring = change.polygon.map(([lon, lat]) => [lat, lon]);
      const area = { ...style, color: GONE_COLOUR, weight: 2, dashArray: "5 4", fill: isAfter, fillOpacity: 0.08 };
      return [this.named(L.polygon(ring, area), "范围内的设施停用")];
    }
    if (action === "add" && isAfter) {
      return [this.sign([change.lat, change.lon], "add", `新增 ${change.name || id}`)];
    }
    const place = placeOf(id);
    if (!place) return [];
    if (action === "close" && isAfter) return [this.sign(place.at, "close", `停用 ${place.name}`)];
    if (action === "change" && isAfter) return [this.sign(place.at, "change", `变更 ${place.name}`)];
    if (action === "move") {
      const to = [change.lat, change.lon];
      if (!isAfter) return [];
      return [
        L.polyline([place.at, to], { ...style, color: NEW_COLOUR, weight: 2, dashArray: "4 4", interactive: false }),
        this.sign(place.at, "close", `${place.name}（原址）`),
        this.sign(to, "add", `${place.name}（迁至此处）`),
      ];
    }
    return [];
  }

  sign(at, kind, words) {
    if (this.hasMany) {
      const fillColor = kind === "close" ? GONE_COLOUR : NEW_COLOUR;
      const style = { radius: 2.6, stroke: false, fillColor, fillOpacity: 0.9, interactive: false };
      return L.circleMarker(at, { renderer: this.canvas, pane: "circles", ...style });
    }
    const icon = new ChangeIcon({ kind });
    return this.named(L.marker(at, { icon, pane: "sites", keyboard: false }), words);
  }

  named(layer, words) {
    return layer.bindTooltip(() => make("strong", { class: "name", text: words }), {
      direction: "top",
      sticky: true,
      className: "tip",
    });
  }

  /** Dots where people gain or lose the service. */
  setPeople(features) {
    this.people.clearLayers();
    for (const { geometry, properties } of features) {
      if (!geometry) continue;
      const [lon, lat] = geometry.coordinates;
      const { gained, lost } = properties;
      const dot = L.circleMarker([lat, lon], {
        renderer: this.canvas,
        pane: "circles",
        interactive: false,
        radius: Math.min(7, 1.8 + Math.sqrt(Math.max(gained, lost)) / 3),
        stroke: false,
        fillColor: gained > 0 ? NEW_COLOUR : GONE_COLOUR,
        fillOpacity: 0.75,
      });
      this.people.addLayer(dot);
    }
  }
}

/** The sign of a change, for the map and for the legend. */
export function drawChangeSign(kind, size = 22) {
  const paths = {
    add: "M11 5.5v11M5.5 11h11",
    close: "M7 7l8 8M15 7l-8 8",
    change: "M6.5 8.5h8l-2.5-2.5M15.5 13.5h-8l2.5 2.5",
  };
  const colour = kind === "close" ? GONE_COLOUR : NEW_COLOUR;
  return makeSvg(
    "svg",
    { viewBox: "0 0 22 22", width: size, height: size, "aria-hidden": "true" },
    makeSvg("circle", { cx: 11, cy: 11, r: 9.5, fill: colour, stroke: "#fff", "stroke-width": 2 }),
    makeSvg("path", { d: paths[kind], fill: "none", stroke: "#fff", "stroke-width": 2.2, "stroke-linecap": "round" }),
  );
}

const ChangeIcon = L.Icon.extend({
  options: { iconSize: [22, 22], iconAnchor: [11, 11] },
  createIcon() {
    const element = make("div", { data: { change: this.options.kind } }, drawChangeSign(this.options.kind));
    this._setIconStyles(element, "icon");
    element.classList.add("change-sign");
    return element;
  },
  createShadow: () => null,
});

// A circle at any point: what can be reached from there, and how many people live in it.

import { ApiError, read } from "./api.js";
import { make, makeSvg } from "./dom.js";
import { amount } from "./format.js";
import { PROFILE_NAMES, nameOf } from "./words.js";

const L = window.L;
const STYLE = { color: "#1d4ed8", weight: 2, fillColor: "#3b82f6", fillOpacity: 0.22 };

/**
 * A tool of the map.
 *
 * While it is on, a click (or Enter, for the middle of the map) asks for the circle at
 * that point; the secondary button does so at any time. `onPlace([lng, lat])` is called
 * with the point, and with null when the tool is put away.
 */
export class Probe {
  constructor(map, { load, onPlace, onSwitch }) {
    Object.assign(this, { map, load, onPlace, onSwitch });
    this.isOn = false;
    this.asked = 0;
    this.group = L.layerGroup().addTo(map);
    this.renderer = L.svg({ pane: "outlines", padding: 0.4 });
    map.on("click", ({ latlng }) => this.isOn && this.place(latlng));
    map.on("contextmenu", ({ latlng }) => this.place(latlng));
    map.getContainer().addEventListener("keydown", (event) => {
      if (!this.isOn || event.key !== "Enter" || event.target !== map.getContainer()) return;
      this.place(map.getCenter());
    });
    this.addControl();
  }

  place({ lng, lat }) {
    this.onPlace([lng, lat]);
  }

  turn(isOn) {
    this.isOn = isOn;
    this.button.setAttribute("aria-pressed", String(isOn));
    this.map.getContainer().classList.toggle("probing", isOn);
    this.onSwitch(isOn);
    if (!isOn) this.onPlace(null);
  }

  /** Ask for the circle at a point and draw it; null takes it away. */
  async show(at, { service, minutes, speed }) {
    const own = (this.asked += 1);
    this.group.clearLayers();
    if (at == null) return;
    const [lng, lat] = at;
    const point = L.latLng(lat, lng);
    L.circleMarker(point, { ...STYLE, renderer: this.renderer, pane: "outlines", radius: 5, fillOpacity: 1 }).addTo(this.group);
    const walking = service.profile !== "driving";
    const query = {
      // as in the address, so that what is shared is the same point
      lon: lng.toFixed(5),
      lat: lat.toFixed(5),
      service: service.id,
      minutes,
      speed: walking ? speed : null,
      format: "geojson",
    };
    let content;
    try {
      const answer = await this.load(read("circles", query));
      if (own !== this.asked) return;
      const [{ geometry, properties }] = answer.features;
      if (geometry) {
        const options = { renderer: this.renderer, pane: "outlines", interactive: false, style: STYLE };
        L.geoJSON(geometry, options).addTo(this.group);
      }
      content = card(properties);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (own !== this.asked) return;
      content = make("p", { class: "name", text: error.message });
    }
    L.popup({ className: "card probe-card", maxWidth: 280, offset: [0, -4], autoPan: false })
      .setLatLng(point)
      .setContent(content)
      .openOn(this.map);
  }

  addControl() {
    const control = L.control({ position: "topright" });
    control.onAdd = () => {
      this.button = make(
        "a",
        {
          href: "#",
          role: "button",
          id: "probe",
          title: "点选服务圈：打开后点图上任意处（或用鼠标右键）",
          "aria-label": "点选服务圈",
          "aria-pressed": "false",
        },
        makeSvg(
          "svg",
          { viewBox: "0 0 20 20", width: 17, height: 17, "aria-hidden": "true" },
          makeSvg("circle", { cx: 10, cy: 10, r: 7.2, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-dasharray": "3 2" }),
          makeSvg("circle", { cx: 10, cy: 10, r: 2.2, fill: "currentColor" }),
        ),
      );
      const box = make("div", { class: "leaflet-bar probe-control" }, this.button);
      L.DomEvent.disableClickPropagation(box);
      const press = (event) => {
        L.DomEvent.preventDefault(event);
        this.turn(!this.isOn);
      };
      L.DomEvent.on(this.button, "click", press);
      L.DomEvent.on(this.button, "keydown", (event) => event.key === " " && press(event));
      return box;
    };
    control.addTo(this.map);
  }
}

function card(circle) {
  const { profile, minutes, speed_mps: speed, area_m2: area } = circle;
  const walking = profile !== "driving" && speed != null ? ` ${speed.toFixed(1)} 米/秒` : "";
  const rows = [
    ["60岁及以上", amount(circle.people_60)],
    ["常住人口", amount(circle.people)],
    ["未成年人", circle.children == null ? null : amount(circle.children)],
    ["面积", area == null ? null : amount(area, "area")],
    ["离路", circle.snap_m == null ? null : `${Math.round(circle.snap_m)} 米`],
    ["说明", circle.note],
  ].filter(([, text]) => text != null);
  return make(
    "div",
    {},
    make("h3", { text: `${nameOf(PROFILE_NAMES, profile)} ${minutes} 分钟可达${walking}` }),
    make(
      "dl",
      { class: "facts" },
      rows.map(([term, text]) => [make("dt", { text: term }), make("dd", { class: "name", text })]).flat(),
    ),
  );
}

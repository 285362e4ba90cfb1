// Facilities of a study that has very many: counted on a grid by the server, so that a
// map reads only what is in view.

import { make } from "./dom.js";
import { Facilities, RingIcon } from "./facilities.js";

const L = window.L;
/** Views are widened to whole blocks of this size, so that a small move asks nothing. */
const BLOCK_PX = 512;
const MOST_ZOOM = 18;

/** Facilities of one service as clusters of the view, with the face of `Facilities`. */
export class Clusters extends Facilities {
  constructor(map, { study, ask, onData }) {
    super(map, { study });
    Object.assign(this, { ask, onData });
    this.group = L.layerGroup();
    this.shown = false;
    this.question = null;
    this.hollow = 0;
    this.names = study.categories;
    map.on("moveend", () => this.look());
  }

  /** Say of which service and county; the map then asks by itself. */
  setQuestion(question) {
    this.question = question;
    this.asked = null;
    return this.look();
  }

  narrow({ off }) {
    this.off = new Set(off);
    this.asked = null;
    this.look();
  }

  toggle(shown) {
    this.shown = shown;
    if (shown) this.group.addTo(this.map);
    else this.group.remove();
    this.look();
  }

  /** Only categories that there are: the others have a sign, but nothing to show. */
  legend() {
    return super.legend().filter(({ id }) => this.counts.has(id));
  }

  hasHollow() {
    return this.hollow > 0;
  }

  nameOf() {
    return null;
  }

  async look() {
    if (!this.shown || !this.question) return;
    const query = { ...this.question, ...this.view(), off: [...this.off].join(",") };
    const key = JSON.stringify(query);
    if (key === this.asked) return;
    this.asked = key;
    const answer = await this.ask(query);
    if (!answer || key !== this.asked) return;
    this.draw(answer);
    this.onData();
  }

  // the box of the view in whole blocks, and the zoom of its grid
  view() {
    const zoom = Math.min(MOST_ZOOM, Math.max(0, Math.round(this.map.getZoom())));
    const bounds = this.map.getBounds();
    const low = this.map.project(bounds.getNorthWest(), zoom).divideBy(BLOCK_PX).floor();
    const high = this.map.project(bounds.getSouthEast(), zoom).divideBy(BLOCK_PX).ceil();
    const northWest = this.map.unproject(low.multiplyBy(BLOCK_PX), zoom);
    const southEast = this.map.unproject(high.multiplyBy(BLOCK_PX), zoom);
    const bound = (value, most) => Math.min(most, Math.max(-most, value)).toFixed(5);
    const box = [
      bound(northWest.lng, 180), bound(southEast.lat, 85), bound(southEast.lng, 180), bound(northWest.lat, 85),
    ];
    return { zoom, bbox: box.join(",") };
  }

  draw({ clusters, categories, not_open: hollow }) {
    this.hollow = hollow;
    this.counts = new Map(Object.entries(categories));
    // in the order of the service, whatever part is counted: a sign keeps its meaning
    const order = this.study.services.find(({ id }) => id === this.question.service)?.categories ?? [];
    this.signs = this.signsOf([...new Set([...order, ...this.counts.keys()])]);
    this.group.clearLayers();
    for (const cluster of clusters) this.group.addLayer(cluster.facility ? this.single(cluster) : this.ring(cluster));
  }

  single({ facility, lon, lat }) {
    return this.marker({ geometry: { coordinates: [lon, lat] }, properties: facility });
  }

  ring({ lon, lat, count: total, categories }) {
    const shares = [...this.signs].map(([category, { colour }]) => ({
      colour,
      share: (categories[category] ?? 0) / total,
    }));
    const size = total < 10 ? 24 : total < 50 ? 30 : 36;
    const marker = L.marker([lat, lon], { icon: new RingIcon({ total, size, shares }), keyboard: true });
    marker.on("click", () => this.open([lat, lon], categories));
    return marker;
  }

  // closer, or at the last zoom what there is at this place
  open(at, categories) {
    const zoom = this.map.getZoom();
    if (zoom < MOST_ZOOM) {
      this.map.setView(at, Math.min(MOST_ZOOM, Math.floor(zoom) + 2), { animate: false });
      return;
    }
    const rows = Object.entries(categories).map(([category, n]) => make("li", { text: `${this.categoryName(category)} ${n}` }));
    L.popup({ className: "card", maxWidth: 280 }).setLatLng(at).setContent(make("ul", {}, rows)).openOn(this.map);
  }
}

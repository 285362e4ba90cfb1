// The candidates of a request on the map: which may be chosen, which must or must not.

import { send } from "./api.js";
import { byId, make } from "./dom.js";

const L = window.L;
const COLOURS = { free: "#3d5fa8", forced: "#0a7a3f", forbidden: "#b3261e", barred: "#8b918e" };
const STATES = { forced: "必选", forbidden: "不选", free: "可选" };

/** Candidates as dots; a dot opens a card with what can be done with it. */
export class Candidates {
  constructor(map, { onMark, onShown, ask, zoneName }) {
    Object.assign(this, { map, onMark, onShown, ask, zoneName });
    this.group = L.layerGroup();
    this.renderer = L.svg({ pane: "gaps", padding: 0.4 });
    this.items = [];
    this.marks = { forced: [], forbidden: [] };
  }

  /** Let the button of the form show and hide them. */
  wire() {
    byId("show-candidates").addEventListener("click", () => (this.isShown ? this.hide() : this.ask()));
  }

  /** Ask for the candidates of a request and show them. */
  async show(request) {
    const { forced, forbidden, ...rest } = request;
    byId("candidates-note").textContent = "正在准备候选点…";
    try {
      const answer = await send("POST", "candidates", rest);
      this.items = answer.items.map((item) => ({ ...item, reason: this.zoneName(item.reason) }));
      this.group.addTo(this.map);
      this.draw();
      this.tell(candidateWords(answer, this.items), true);
      this.onShown();
    } catch (error) {
      this.hide();
      throw error;
    }
  }

  hide() {
    this.items = [];
    this.group.remove();
    this.draw();
    this.tell("", false);
  }

  tell(words, isShown) {
    byId("candidates-note").textContent = words;
    byId("show-candidates").textContent = isShown ? "隐藏候选点" : "在地图上看候选点";
    byId("show-candidates").setAttribute("aria-pressed", String(isShown));
  }

  get isShown() {
    return this.items.length > 0;
  }

  /** Name of a candidate by its id. */
  nameOf(id) {
    return this.items.find((item) => item.id === id)?.name ?? id;
  }

  setMarks({ forced, forbidden }) {
    this.marks = { forced, forbidden };
    if (this.isShown) this.draw();
  }

  stateOf({ id, allowed }) {
    if (this.marks.forced.includes(id)) return "forced";
    if (this.marks.forbidden.includes(id)) return "forbidden";
    return allowed ? "free" : "barred";
  }

  draw() {
    this.group.clearLayers();
    for (const item of this.items) {
      const state = this.stateOf(item);
      const isMarked = state === "forced" || state === "forbidden";
      const dot = L.circleMarker([item.lat, item.lon], {
        renderer: this.renderer,
        pane: "gaps",
        radius: isMarked ? 7 : 4.5,
        color: isMarked ? COLOURS[state] : "#fff",
        weight: isMarked ? 3 : 1.2,
        fillColor: isMarked ? "#fff" : COLOURS[state],
        fillOpacity: 0.95,
      });
      dot.bindTooltip(() => make("strong", { class: "name", text: item.name }), {
        direction: "top",
        className: "tip",
      });
      dot.bindPopup(() => this.card(item), { className: "card", maxWidth: 260 });
      this.group.addLayer(dot);
    }
  }

  card(item) {
    const state = this.stateOf(item);
    const act = (words, mark) =>
      make("button", {
        type: "button",
        class: "more",
        text: words,
        on: {
          click: () => {
            this.map.closePopup();
            this.onMark(item.id, mark);
          },
        },
      });
    return make(
      "div",
      {},
      make("h3", { class: "name", text: item.name }),
      make("p", { text: item.allowed ? `候选点，${STATES[state]}` : `不可用：${item.reason}` }),
      item.allowed &&
        make(
          "p",
          { class: "card-act" },
          state !== "forced" && act("必选", "forced"),
          state !== "forbidden" && act("不选", "forbidden"),
          state !== "free" && act("取消", null),
        ),
    );
  }
}

/** Words about how many candidates there are, and why some are not. */
function candidateWords({ total, n_allowed: allowed }, items) {
  const reasons = new Map();
  for (const { reason } of items) if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const why = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([name, n]) => `${name} ${n} 个`);
  return `候选点 ${total} 个，可用 ${allowed} 个${why.length > 0 ? `；不可用：${why.join("、")}` : ""}。`;
}

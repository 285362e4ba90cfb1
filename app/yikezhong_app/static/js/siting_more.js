// Further conditions of a siting: fairness, services, zones, years, planned facilities.

import { byId, make, show } from "./dom.js";
import { countMore, sourcesChosen, sourcesOf } from "./siting_state.js";

const FAIR = [
  { id: "none", name: "不作要求" },
  { id: "least", name: "每个乡镇街道都达到一定比例" },
  { id: "worst", name: "先照顾覆盖率最低的乡镇", note: "先使最低的尽可能高，再使次低的尽可能高" },
];
const USUAL_ZONE_M = 100;
/** Names of the marks of candidates. */
const MARKS = { forced: "必选", forbidden: "不选" };

/** Build the conditions; returns a function that shows the choices. */
export function buildMore(study, { choose, options, nameOfCandidate, unmark }) {
  const { zones = [] } = study.options ?? {};
  options("fair", FAIR, (fair) => choose({ fair }));
  byId("field-zones").hidden = zones.length === 0;
  show(byId("choose-zones"), zones.map((zone) => zoneRow(zone, choose)));
  const stated = zones.filter(({ distance_m: m }) => m != null);
  byId("zones-plan").hidden = stated.length === 0;
  byId("zones-plan").addEventListener("click", () =>
    choose({ exclude: Object.fromEntries(stated.map(({ id, distance_m: m }) => [id, m])) }),
  );
  byId("zones-none").addEventListener("click", () => choose({ exclude: {} }));
  byId("choose-years").addEventListener("input", ({ target }) => choose({ years: target.value }));
  byId("choose-planned").addEventListener("change", ({ target }) => choose({ planned: target.checked }));
  let shownFor = null;
  return (view) => {
    const service = study.services.find(({ id }) => id === view.service);
    const key = `${view.service} ${view.source}`;
    if (shownFor !== key) {
      shownFor = key;
      checks("also", study.services.filter(({ id }) => id !== view.service), (also) => choose({ also }));
      const others = sourcesOf(study, service).filter(({ id, missing }) => id !== view.source && !missing);
      checks("more", others, (more) => choose({ more }));
    }
    showConditions(view, { nameOfCandidate, unmark });
  };
}

function showConditions(view, { nameOfCandidate, unmark }) {
  const allowsMany = ["max_people", "budget", "min_sites"].includes(view.goal);
  const allowsFair = ["max_people", "budget"].includes(view.goal) && view.also.length === 0;
  for (const input of document.getElementsByName("fair")) {
    input.checked = input.value === view.fair;
    input.disabled = !allowsFair && input.value !== "none";
    input.closest("label").classList.toggle("missing", input.disabled);
  }
  byId("field-least_share").hidden = view.fair !== "least";
  for (const input of document.getElementsByName("also")) {
    input.checked = view.also.includes(input.value);
    input.disabled = !allowsMany || view.fair !== "none";
  }
  byId("also-note").textContent = !allowsMany
    ? "这一目标只按一项服务计算。"
    : view.fair !== "none"
      ? "要求公平时只按一项服务计算。"
      : "各按自己的时限与人群计入。";
  for (const input of document.getElementsByName("more")) input.checked = view.more.includes(input.value);
  const usesLayer = sourcesChosen(view).includes("layer");
  byId("field-file").hidden = !usesLayer;
  byId("field-upgrade_cost").hidden = !(sourcesChosen(view).includes("upgrade") && view.goal === "budget");
  for (const row of document.querySelectorAll("[data-zone]")) {
    const [tick, distance] = row.querySelectorAll("input");
    const own = view.exclude[row.dataset.zone];
    tick.checked = own !== undefined;
    if (own !== undefined && numberIn(distance) !== own) distance.value = Number.isFinite(own) ? own : "";
    distance.disabled = own === undefined;
  }
  byId("zones-none").hidden = Object.keys(view.exclude).length === 0;
  const years = byId("choose-years");
  if (years.value !== view.years) years.value = view.years;
  byId("choose-planned").checked = view.planned;
  showMarks(view, { nameOfCandidate, unmark });
  const n = countMore(view);
  byId("conditions-count").textContent = String(n);
  byId("conditions-count").hidden = n === 0;
}

/** Show which candidates are decided already. */
function showMarks(view, { nameOfCandidate, unmark }) {
  const rows = Object.keys(MARKS).flatMap((mark) => view[mark].map((id) => ({ mark, id })));
  show(
    byId("marks"),
    rows.map(({ mark, id }) =>
      make(
        "li",
        {},
        make("span", { class: `mark mark-${mark}`, text: MARKS[mark] }),
        make("span", { class: "name", text: nameOfCandidate(id) }),
        make("button", {
          type: "button",
          class: "unmark",
          text: "×",
          "aria-label": `取消${MARKS[mark]}：${nameOfCandidate(id)}`,
          on: { click: () => unmark(id) },
        }),
      ),
    ),
  );
}

function zoneRow({ id, name, distance_m: stated }, choose) {
  const distance = make("input", {
    type: "number",
    id: `choose-zone-${id}`,
    min: 0,
    max: 10000,
    step: "any",
    inputmode: "decimal",
    value: stated ?? USUAL_ZONE_M,
    "aria-label": `${name}：距离 [米]`,
    on: { input: () => choose({ exclude: zonesIn() }) },
  });
  return make(
    "div",
    { class: "zone", data: { zone: id } },
    make(
      "label",
      { class: "layer" },
      make("input", { type: "checkbox", on: { change: () => choose({ exclude: zonesIn() }) } }),
      make("span", { class: "name", text: name }),
    ),
    make("span", { class: "number" }, distance, "米"),
  );
}

// what is being typed counts, even where it is not usable yet
function zonesIn() {
  const rows = [...document.querySelectorAll("[data-zone]")];
  return Object.fromEntries(
    rows
      .map((row) => [row.dataset.zone, ...row.querySelectorAll("input")])
      .filter(([, tick]) => tick.checked)
      .map(([zone, , distance]) => [zone, numberIn(distance)]),
  );
}

const numberIn = (input) => (input.value.trim() === "" ? NaN : Number(input.value));

function checks(name, choices, pick) {
  const ticked = () =>
    [...document.getElementsByName(name)].filter((one) => one.checked).map((one) => one.value);
  show(
    byId(`choose-${name}`),
    choices.map(({ id, name: words }) =>
      make(
        "label",
        { class: "layer" },
        make("input", { type: "checkbox", name, value: id, on: { change: () => pick(ticked()) } }),
        make("span", { class: "name", text: words }),
      ),
    ),
  );
}

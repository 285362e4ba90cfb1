// The form of choices. Every change is one patch of the view.

import { byId, make, show } from "./dom.js";
import { embedded } from "./embedded.js";
import { count } from "./format.js";
import { isAtOtherSpeed, levelsWithin } from "./state.js";
import { denominatorsAt, speedsFor } from "./study.js";
import { LAYER_NAMES, PROFILE_NAMES, nameOf } from "./words.js";

/**
 * Build the form.
 *
 * `choose(patch)` is called with what the reader changes, `listIndicators()` gives the
 * plans' indicators when they are first wanted. Returns a function that shows a view in
 * the form.
 */
export function buildControls(study, choose, listIndicators) {
  const lists = { service: study.services, county: wholeAnd(study.counties), base: noneAnd(study.baseMaps) };
  for (const [name, entries] of Object.entries(lists)) {
    show(byId(`choose-${name}`), entries.map(option));
  }
  byId("field-county").hidden = study.counties.length === 0;
  byId("field-base").hidden = study.baseMaps.length === 0;
  for (const name of ["service", "denominator", "county", "base"]) {
    const list = byId(`choose-${name}`);
    list.addEventListener("change", () => choose({ [name]: list.value || null }));
  }
  byId("choices").addEventListener("submit", (event) => event.preventDefault());
  segments("variant", study.variants, (id) => choose({ variant: id }));
  buildLayers((layers) => choose({ layers }));
  const showIndicator = buildSubject(choose, listIndicators);

  return (view) => {
    const chosen = study.services.find(({ id }) => id === view.service);
    byId("choose-service").value = view.service;
    byId("choose-county").value = view.county ?? "";
    byId("choose-base").value = view.base ?? "";
    const denominator = byId("choose-denominator");
    refill(denominator, denominatorsAt(chosen, view.minutes, view.level));
    denominator.value = view.denominator;
    const minutes = chosen.minutes.map((value) => ({ id: String(value), name: String(value) }));
    segments("minutes", minutes, (id) => choose({ minutes: Number(id) }));
    segments("level", levelsWithin(study, view.county), (id) => choose({ level: id }));
    showSpeeds(study, chosen, { view, choose });
    byId("service-hint").textContent = serviceHint(chosen, study);
    for (const id of ["field-denominator", "field-variant"]) byId(id).hidden = view.indicator != null;
    for (const name of ["minutes", "level", "variant"]) check(name, String(view[name]));
    for (const input of document.getElementsByName("layer")) {
      input.checked = view.layers.includes(input.value);
    }
    showIndicator(view.indicator);
  };
}

const wholeAnd = (counties) => [
  { id: "", name: "全域" },
  ...counties.map(({ code, name }) => ({ id: code, name })),
];

const noneAnd = (baseMaps) => [{ id: "", name: "不用底图" }, ...baseMaps];

function check(name, value) {
  for (const input of document.getElementsByName(name)) input.checked = input.value === value;
}

// what the areas are painted by: the rate, or the verdicts of an indicator
function buildSubject(choose, listIndicators) {
  const subjects = [
    { id: "rate", name: "服务覆盖率" },
    { id: "indicator", name: "规划指标" },
  ];
  const list = byId("choose-indicator");
  let filled = null;
  const fill = () => {
    filled ??= listIndicators().then((groups) => {
      show(list, groups.map(({ name, entries }) => make("optgroup", { label: name }, entries.map(option))));
    });
    filled.catch(() => {
      filled = null;
    });
    return filled;
  };
  const refuse = (words) => {
    byId("subject-hint").textContent = words;
    check("subject", "rate");
  };
  segments("subject", subjects, async (id) => {
    byId("subject-hint").textContent = "";
    if (id === "rate") return choose({ indicator: null });
    try {
      await fill();
    } catch (error) {
      return refuse(error.message);
    }
    if (!list.value) return refuse("这份成果没有对照的规划指标");
    return choose({ indicator: list.value });
  });
  list.addEventListener("change", () => choose({ indicator: list.value }));
  return (indicator) => {
    check("subject", indicator == null ? "rate" : "indicator");
    byId("field-indicator").hidden = indicator == null;
    if (indicator != null) {
      fill().then(
        () => {
          list.value = indicator;
        },
        () => null,
      );
    }
  };
}

// speeds without a result stay to be seen, and say why they cannot be chosen
function showSpeeds(study, service, { view, choose }) {
  const speeds = speedsFor(study, service, view.indicator);
  byId("field-speed").hidden = speeds.length === 0;
  segments(
    "speed",
    speeds.map(({ id, name, there }) => ({ id: String(id), name, disabled: !there })),
    (id) => choose({ speed: Number(id) }),
  );
  const there = speeds.filter((one) => one.there);
  check("speed", there.length > 0 ? String(view.speed ?? study.walkSpeed) : "");
  byId("speed-hint").textContent =
    isAtOtherSpeed(view)
      ? `计所有设施；服务圈与缺口只按 ${study.walkSpeed.toFixed(1)} 米/秒计算，此处不绘`
      : there.length === speeds.length
      ? ""
      : there.length === 0
        ? "驾车到达的服务不按步行速度"
        : `这份成果的覆盖率按 ${study.walkSpeed.toFixed(1)} 米/秒计算；其他速度见按路网时间考核的规划指标`;
}

/** How a service is reached, and its usual limit. */
export function serviceHint(service, { walkSpeed }) {
  const walking = service.profile !== "driving" && walkSpeed;
  const speed = walking ? ` ${walkSpeed.toFixed(1)} 米/秒` : "";
  const profile = `${nameOf(PROFILE_NAMES, service.profile ?? "walking")}${speed}`;
  const usual = service.limit_s ? `，规定时限 ${Math.round(service.limit_s / 60)} 分钟` : "";
  return `${profile}${usual}`;
}

/** Show choices of one, as a row of buttons in `choose-<name>`. */
export function segments(name, choices, pick) {
  const box = byId(`choose-${name}`);
  // made anew only where the choices differ: what has the focus keeps it
  const key = JSON.stringify(choices.map(({ id, disabled }) => [id, Boolean(disabled)]));
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  show(
    box,
    choices.map(({ id, name: words, disabled }) =>
      make(
        "label",
        { class: "segment" },
        make("input", { type: "radio", name, value: id, disabled, on: { change: () => pick(id) } }),
        make("span", { text: words }),
      ),
    ),
  );
}

/** Switches of the categories of facilities, each with its sign and its count. */
export function showCategories(entries, pick) {
  const box = byId("choose-categories");
  byId("field-categories").hidden = entries.length === 0;
  const ticked = () =>
    [...document.getElementsByName("category")].filter((one) => !one.checked).map((one) => one.value);
  refillOnce(box, entries, ({ id, isOff, sign, name, count: n }) =>
    make(
      "label",
      { class: "layer category" },
      make("input", {
        type: "checkbox",
        name: "category",
        value: id,
        checked: !isOff,
        on: { change: () => pick(ticked()) },
      }),
      make("span", { class: "legend-sign", "aria-hidden": "true" }, sign),
      make("span", { class: "name", text: name }),
      make("span", { class: "legend-count", text: count(n) }),
    ),
  );
}

// a list is made anew only where it differs: what has the focus keeps it
function refillOnce(box, entries, row) {
  const key = JSON.stringify(entries.map(({ id, count: n, isOff }) => [id, n, isOff]));
  if (box.dataset.key === key) return;
  const focused = box.contains(document.activeElement) ? document.activeElement.value : null;
  box.dataset.key = key;
  show(box, entries.map(row));
  if (focused != null) box.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
}

function refill(list, entries) {
  const key = entries.map(({ id }) => id).join(" ");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  show(list, entries.map(option));
}

const layersOffered = () =>
  Object.entries(LAYER_NAMES).filter(([id]) => !embedded || embedded.layers.includes(id));

function buildLayers(pick) {
  const ticked = () =>
    [...document.getElementsByName("layer")].filter((one) => one.checked).map((one) => one.value);
  show(
    byId("choose-layers"),
    layersOffered().map(([id, words]) =>
      make(
        "label",
        { class: "layer" },
        make("input", {
          type: "checkbox",
          name: "layer",
          value: id,
          on: { change: () => pick(ticked()) },
        }),
        make("span", { class: `swatch swatch-${id}`, "aria-hidden": "true" }),
        make("span", { text: words }),
      ),
    ),
  );
}

/** An entry of a list of choices. */
export const option = ({ id, name }) => make("option", { value: id, text: name });

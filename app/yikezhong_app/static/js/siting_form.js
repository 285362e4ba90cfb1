// The form of siting: service, limit, goal with its number, candidates, layers.

import { option, segments, serviceHint } from "./controls.js";
import { byId, make, show } from "./dom.js";
import { FileError, readLayer } from "./siting_file.js";
import { buildMore } from "./siting_more.js";
import { NUMBERS, asked, goalsOf, problemOf, sourcesOf } from "./siting_state.js";

export const LAYERS = { areas: "覆盖率分级", facilities: "现有设施", gaps: "未覆盖人口", roads: "道路", labels: "地名" };
export const FIRST_LAYERS = ["areas", "facilities", "roads", "labels"];

/** Where the numbers stand that further conditions show and hide. */
const IN_CONDITIONS = ["least_share", "upgrade_cost"];
const CAPACITY_UNITS = { beds: "张床位", nursing_beds: "张床位", places: "个托位" };

/**
 * Build the form.
 *
 * `choose(patch)` is called with what the planner changes, `compute()` when asked to,
 * `layer(name, shown)` for a layer; `nameOfCandidate(id)` and `unmark(id)` are for the
 * candidates that are decided. Returns a function that shows the choices.
 */
export function buildForm(study, { choose, compute, layer, layers, nameOfCandidate, unmark }) {
  const service = byId("choose-service");
  show(service, study.services.map(option));
  service.addEventListener("change", () => choose({ service: service.value }));
  for (const name of Object.keys(NUMBERS)) {
    const input = byId(`choose-${name}`);
    input.addEventListener("input", () => choose({ [name]: numberIn(input) }));
  }
  byId("choices").addEventListener("submit", (event) => {
    event.preventDefault();
    compute();
  });
  options("goal", goalsOf(study), (id) => choose({ goal: id }));
  const areas = study.options?.areas ?? [];
  const area = byId("choose-area");
  const all = study.options?.one_area ? [] : [{ id: "", name: "全域" }];
  show(area, [...all, ...areas.map(({ code, name }) => ({ id: code, name }))].map(option));
  area.addEventListener("change", () => choose({ area: area.value || null }));
  byId("field-area").hidden = areas.length < 2;
  const indicator = byId("choose-indicator");
  show(indicator, (study.options?.indicators ?? []).map(option));
  indicator.addEventListener("change", () => choose({ indicator: indicator.value }));
  byId("choose-file").addEventListener("change", ({ target }) => takeFile(target.files[0], choose));
  const showMore = buildMore(study, { choose, options, nameOfCandidate, unmark });
  buildLayers(layer, layers);
  let shownFor = null;
  return (view) => {
    const chosen = study.services.find(({ id }) => id === view.service);
    service.value = view.service;
    area.value = view.area ?? "";
    byId("service-hint").textContent = serviceHint(chosen, study);
    if (shownFor !== chosen.id) {
      shownFor = chosen.id;
      const limits = chosen.minutes.map((value) => ({ id: String(value), name: String(value) }));
      options("source", sourcesOf(study, chosen), (id) => choose({ source: id }));
      segments("minutes", limits, (id) => choose({ minutes: Number(id) }));
    }
    for (const name of ["minutes", "goal", "source"]) {
      for (const input of document.getElementsByName(name)) {
        input.checked = input.value === String(view[name]);
      }
    }
    for (const name of Object.keys(NUMBERS)) {
      const input = byId(`choose-${name}`);
      // what is being typed stays as it is typed
      if (numberIn(input) !== view[name]) input.value = view[name] ?? "";
      if (!IN_CONDITIONS.includes(name)) byId(`field-${name}`).hidden = !asked(view).includes(name);
    }
    byId("field-indicator").hidden = view.goal !== "target";
    if (view.indicator) indicator.value = view.indicator;
    byId("capacity-unit").textContent = CAPACITY_UNITS[chosen.capacity] ?? "个";
    showMore(view);
    showProblem(view, { loud: false });
  };
}

/** Show which number is wrong, and how; returns whether all is well. */
export function showProblem(view, { loud }) {
  const problem = problemOf(view);
  const line = byId("number-problem");
  line.textContent = problem?.words ?? "";
  line.hidden = !problem;
  for (const input of document.querySelectorAll("#choices [aria-invalid=true]")) {
    input.setAttribute("aria-invalid", "false");
  }
  const input = problem && byId(`choose-${problem.name}`);
  input?.setAttribute("aria-invalid", "true");
  if (input && loud) {
    const around = input.closest("details");
    if (around) around.open = true;
    input.focus();
  }
  return !problem;
}

// only read here: it is sent with the request
async function takeFile(file, choose) {
  if (!file) return;
  const note = byId("file-note");
  try {
    const layer = await readLayer(file);
    choose({ layer });
    note.textContent = `已读取“${file.name}”：${layer.features.length} 个点。`;
    note.classList.remove("problem-line");
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    choose({ layer: null });
    note.textContent = `“${file.name}”不能用：${error.message}`;
    note.classList.add("problem-line");
  }
}

function numberIn(input) {
  return input.value.trim() === "" ? null : Number(input.value);
}

function options(name, choices, pick) {
  show(
    byId(`choose-${name}`),
    choices.map(({ id, name: words, note, missing = null }) =>
      make(
        "label",
        { class: missing ? "option missing" : "option" },
        make("input", {
          type: "radio",
          name,
          value: id,
          disabled: Boolean(missing),
          on: { change: () => pick(id) },
        }),
        make("span", { class: "option-name", text: words }),
        (missing ?? note) && make("span", { class: "option-note", text: missing ?? note }),
      ),
    ),
  );
}

function buildLayers(pick, shown) {
  show(
    byId("choose-layers"),
    Object.entries(LAYERS).map(([id, words]) =>
      make(
        "label",
        { class: "layer" },
        make("input", {
          type: "checkbox",
          name: "layer",
          value: id,
          checked: shown.has(id),
          on: { change: (event) => pick(id, event.target.checked) },
        }),
        make("span", { text: words }),
      ),
    ),
  );
}

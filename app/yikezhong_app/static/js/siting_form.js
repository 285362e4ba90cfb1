// The form of siting: service, limit, goal with its number, candidates, layers.

import { option, segments, serviceHint } from "./controls.js";
import { byId, make, show } from "./dom.js";
import { NUMBERS, asked, problemOf, sourcesOf } from "./siting_state.js";
import { GOALS } from "./siting_words.js";

const LAYERS = { areas: "覆盖率分级", facilities: "现有设施", gaps: "未覆盖人口", roads: "道路", labels: "地名" };
export const FIRST_LAYERS = ["areas", "facilities", "roads", "labels"];

/**
 * Build the form.
 *
 * `choose(patch)` is called with what the planner changes, `compute()` when asked to,
 * `layer(name, shown)` for a layer. Returns a function that shows the choices.
 */
export function buildForm(study, { choose, compute, layer }) {
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
  options("goal", GOALS, (id) => choose({ goal: id }));
  buildLayers(layer);
  let shownFor = null;
  return (view) => {
    const chosen = study.services.find(({ id }) => id === view.service);
    service.value = view.service;
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
      byId(`field-${name}`).hidden = !asked(view).includes(name);
    }
    showProblem(view, { loud: false });
  };
}

/** Show which number is wrong, and how; returns whether all is well. */
export function showProblem(view, { loud }) {
  const problem = problemOf(view);
  const line = byId("number-problem");
  line.textContent = problem?.words ?? "";
  line.hidden = !problem;
  for (const name of Object.keys(NUMBERS)) {
    byId(`choose-${name}`).setAttribute("aria-invalid", String(problem?.name === name));
  }
  if (problem && loud) byId(`choose-${problem.name}`).focus();
  return !problem;
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

function buildLayers(pick) {
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
          checked: FIRST_LAYERS.includes(id),
          on: { change: (event) => pick(id, event.target.checked) },
        }),
        make("span", { text: words }),
      ),
    ),
  );
}

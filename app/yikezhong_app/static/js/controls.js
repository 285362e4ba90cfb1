// The form of choices. Every change is one patch of the view.

import { byId, make, show } from "./dom.js";
import { denominatorsAt } from "./study.js";
import { LAYER_NAMES, PROFILE_NAMES, nameOf } from "./words.js";

/**
 * Build the form.
 *
 * `choose(patch)` is called with what the reader changes. Returns a function that shows
 * a view in the form.
 */
export function buildControls(study, choose) {
  const service = byId("choose-service");
  const denominator = byId("choose-denominator");
  show(service, study.services.map(option));
  service.addEventListener("change", () => choose({ service: service.value }));
  denominator.addEventListener("change", () => choose({ denominator: denominator.value }));
  byId("choices").addEventListener("submit", (event) => event.preventDefault());

  segments("level", study.levels, (id) => choose({ level: id }));
  segments("variant", study.variants, (id) => choose({ variant: id }));
  buildLayers((layers) => choose({ layers }));

  let shownFor = null;
  return (view) => {
    const chosen = study.services.find(({ id }) => id === view.service);
    service.value = view.service;
    show(denominator, denominatorsAt(chosen, view.minutes, view.level).map(option));
    if (shownFor !== chosen.id) {
      shownFor = chosen.id;
      segments(
        "minutes",
        chosen.minutes.map((value) => ({ id: String(value), name: String(value) })),
        (id) => choose({ minutes: Number(id) }),
      );
    }
    denominator.value = view.denominator;
    byId("service-hint").textContent = serviceHint(chosen, study);
    for (const name of ["minutes", "level", "variant"]) {
      for (const input of document.getElementsByName(name)) {
        input.checked = input.value === String(view[name]);
      }
    }
    for (const input of document.getElementsByName("layer")) {
      input.checked = view.layers.includes(input.value);
    }
  };
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
  show(
    byId(`choose-${name}`),
    choices.map(({ id, name: words }) =>
      make(
        "label",
        { class: "segment" },
        make("input", { type: "radio", name, value: id, on: { change: () => pick(id) } }),
        make("span", { text: words }),
      ),
    ),
  );
}

function buildLayers(pick) {
  const ticked = () =>
    [...document.getElementsByName("layer")].filter((one) => one.checked).map((one) => one.value);
  show(
    byId("choose-layers"),
    Object.entries(LAYER_NAMES).map(([id, words]) =>
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

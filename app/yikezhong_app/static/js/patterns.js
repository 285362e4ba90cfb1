// Fills that are not a colour: stripes where nothing is known, dots where nothing is
// asked for.

import { makeSvg } from "./dom.js";

const SIZE = { width: 7, height: 7 };
const MARKS = {
  "no-data": () => makeSvg("rect", { width: 2, height: 7, fill: "#a9aeab" }),
  "no-target": () => makeSvg("circle", { cx: 3.5, cy: 3.5, r: 1.3, fill: "#7d93a6" }),
};

/** Give an SVG renderer of the map the patterns. */
export function addPatterns(renderer) {
  const svg = renderer._container;
  if (!svg || svg.querySelector("#no-data")) return;
  svg.prepend(makeSvg("defs", {}, Object.keys(MARKS).map((id) => pattern(id, id))));
}

/** A small picture of a fill; a pattern brings itself along. */
export function patch(fill, border = "#00000026") {
  const id = /^url\(#(.+)\)$/.exec(fill)?.[1];
  return makeSvg(
    "svg",
    { class: "patch", width: 20, height: 13, "aria-hidden": "true" },
    id && makeSvg("defs", {}, pattern(id, `${id}-legend`)),
    makeSvg("rect", {
      width: "100%",
      height: "100%",
      fill: id ? `url(#${id}-legend)` : fill,
      stroke: border,
    }),
  );
}

function pattern(kind, id) {
  return makeSvg(
    "pattern",
    { id, ...SIZE, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    makeSvg("rect", { ...SIZE, fill: "#f2f1ed" }),
    MARKS[kind](),
  );
}

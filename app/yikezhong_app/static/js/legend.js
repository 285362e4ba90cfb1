// The legend: classes with their counts, signs of the facilities, other layers.

import { BREAKS, COLOURS, NO_DATA, classOf, classWords } from "./classes.js";
import { byId, make, makeSvg, show } from "./dom.js";
import { count } from "./format.js";
import { patch } from "./patterns.js";

/** Show the classes of the rates of `codes` with how many areas each has. */
export function showRateLegend({ title, codes, rates }) {
  const counts = BREAKS.map(() => 0);
  let unknown = 0;
  for (const code of codes) {
    const index = classOf(rates.get(code)?.rate ?? null);
    if (index < 0) unknown += 1;
    else counts[index] += 1;
  }
  const classes = BREAKS.map((_, index) => ({
    id: `class-${index}`,
    fill: COLOURS[index],
    words: classWords(index),
    count: counts[index],
  }));
  showClasses(title, [...classes, { id: "class-none", fill: NO_DATA, words: "无数据", count: unknown }]);
}

/** Show classes as `{id, fill, words, count}`. */
export function showClasses(title, classes) {
  show(
    byId("legend-rates"),
    make("h2", { class: "name", text: title }),
    make(
      "ul",
      { class: "ramp" },
      classes.map(({ id, fill, words, count: n }) =>
        make(
          "li",
          { data: { legend: id } },
          patch(fill),
          make("span", { class: "ramp-words", text: words }),
          make("span", { class: "legend-count", text: `${count(n)} 个` }),
        ),
      ),
    ),
  );
}

/** Show the signs of the facilities; nothing where there are none. */
export function showFacilityLegend({ entries, hasHollow }) {
  show(
    byId("legend-facilities"),
    entries.length > 0 && make("h2", { text: "设施" }),
    entries.length > 0 &&
      make("ul", {}, entries.map(({ sign, name, count: n }) => row(sign, name, n))),
    hasHollow && make("p", { class: "legend-note", text: "空心：未运营" }),
  );
}

/** Show what the other layers look like. */
export function showOtherLegend({ layers, gaps, gapAreas, gapName, unit, circleWords }) {
  const rows = [];
  if (layers.includes("gaps") && gaps.gaps.length > 0) rows.push(gapRow(gaps, gapName, unit));
  if (gapAreas && layers.includes("gapareas")) rows.push(gapAreaRow(gapAreas));
  if (layers.includes("circles")) rows.push(row(patch("#12807a66", "#0b5a57"), circleWords));
  if (layers.includes("roads")) rows.push(row(line("#878e8b"), "道路"));
  show(
    byId("legend-others"),
    rows.length > 0 && make("h2", { text: "其他" }),
    rows.length > 0 && make("ul", {}, rows),
  );
}

function row(sign, words, n = null) {
  return make(
    "li",
    {},
    make("span", { class: "legend-sign", "aria-hidden": "true" }, sign),
    make("span", { class: "legend-words name", text: words }),
    n != null && make("span", { class: "legend-count", text: count(n) }),
  );
}

function gapAreaRow({ count: drawn, total, minutes }) {
  const most = drawn < total ? `，绘出人数最多的 ${count(drawn)} 片` : "";
  const limit = minutes == null ? "" : `（${minutes} 分钟${most}）`;
  return row(patch("#ea580c3d", "#7c2d12"), `缺口片区${limit}`, total);
}

function gapRow(gaps, name, unit) {
  const most = roundDown(gaps.most);
  const steps = [most / 10, most].filter((people) => people >= 1);
  const width = 2 * gaps.radius(most) + 2;
  const circles = steps.map((people) =>
    makeSvg("circle", {
      cx: width / 2,
      cy: width - 1 - gaps.radius(people),
      r: gaps.radius(people),
      class: "gap-sign",
    }),
  );
  return make(
    "li",
    { class: "gap-legend" },
    make(
      "span",
      { class: "legend-sign", "aria-hidden": "true" },
      makeSvg("svg", { viewBox: `0 0 ${width} ${width}`, width, height: width }, circles.reverse()),
    ),
    make("span", {
      class: "legend-words",
      text: `${name}（${steps.map((n) => count(n)).join("、")} ${unit}）`,
    }),
    make("span", { class: "legend-count", text: count(gaps.gaps.length) }),
  );
}

// to one leading digit: 1,234 becomes 1,000
function roundDown(value) {
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return Math.floor(value / size) * size;
}

function line(colour) {
  return makeSvg(
    "svg",
    { viewBox: "0 0 20 13", width: 20, height: 13 },
    makeSvg("path", { d: "M1 9 7 4 13 9 19 4", fill: "none", stroke: colour, "stroke-width": 2 }),
  );
}

// Verdicts of a plan's indicator: colours, words, legend and panel of results.

import { byId, make, show } from "./dom.js";
import { DASH, count, percent } from "./format.js";
import { showClasses } from "./legend.js";
import { MOST_MORE, moreWords } from "./results.js";
import { VERDICT_NAMES, nameOf } from "./words.js";

/** Order in which a planner asks; blue and orange are told apart by everyone, and in grey. */
export const VERDICTS = ["met", "not_met", "unknown", "not_applicable", "no_target"];

const FILLS = {
  met: "#2b75a3",
  not_met: "#f2a154",
  unknown: "url(#no-data)",
  not_applicable: "#dcdedb",
  no_target: "url(#no-target)",
};
const FIRST_ROWS = 60;

/** How areas are painted by their verdicts: code → record of the API. */
export function verdictPaint(verdicts) {
  const statusOf = (code) => verdicts.get(code)?.status ?? "not_applicable";
  return {
    fill: (code) => FILLS[statusOf(code)],
    words: (code) => {
      const record = verdicts.get(code);
      return record ? `${verdictName(record.status)} ${valueWords(record)}`.trim() : "不在考核之列";
    },
  };
}

export const verdictName = (status) => nameOf(VERDICT_NAMES, status);

/** A value as its unit is read: a share in per cent, anything else as a number. */
export function valueWords({ value, value_unit: unit }) {
  return worded(value, unit);
}

export function targetWords({ target, comparison, value_unit: unit }) {
  if (target == null) return "未设目标";
  return `${comparison ?? ""}${worded(target, unit)}`.replace(">=", "≥ ").replace("<=", "≤ ");
}

function worded(value, unit) {
  if (value == null) return DASH;
  if (unit === "share") return percent(value);
  return new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 2 }).format(value);
}

/** Show the classes of verdicts with how many areas each has. */
export function showVerdictLegend({ title, codes, verdicts }) {
  const counts = Object.fromEntries(VERDICTS.map((status) => [status, 0]));
  for (const code of codes) counts[verdicts.get(code)?.status ?? "not_applicable"] += 1;
  showClasses(
    title,
    VERDICTS.map((status) => ({
      id: `verdict-${status}`,
      fill: FILLS[status],
      words: verdictName(status),
      count: counts[status],
    })),
  );
}

/** Show the whole study's verdict and the areas, those that fail first. */
export function showVerdictOverview({ name, entry, whole, areas, verdicts, level, choose }) {
  const order = ["not_met", "unknown", "met", "no_target", "not_applicable"];
  const rows = areas
    .map((area) => ({ ...area, record: verdicts.get(area.code) }))
    .filter(({ record }) => record)
    .sort(
      (a, b) =>
        order.indexOf(a.record.status) - order.indexOf(b.record.status) ||
        (a.record.value ?? 0) - (b.record.value ?? 0) ||
        a.code.localeCompare(b.code),
    );
  const list = make("ol", { class: "ranking" });
  const draw = (n) => show(list, rows.slice(0, n).map((row) => verdictRow(row, choose)));
  draw(FIRST_ROWS);
  const more =
    rows.length > FIRST_ROWS &&
    make("button", {
      type: "button",
      class: "more",
      text: moreWords(rows.length, 0),
      on: {
        click: () => {
          const shown = Math.min(rows.length, list.childElementCount + MOST_MORE);
          draw(shown);
          if (shown === rows.length) more.remove();
          else more.textContent = moreWords(rows.length, shown);
        },
      },
    });
  show(
    byId("results"),
    make("h2", { class: "name", text: name }),
    whole ? verdictFacts(whole) : empty("这一范围没有整体结论"),
    clauseWords(entry),
    make("h2", { class: "spaced", text: `${level}，未达标在前` }),
    rows.length === 0 && empty("这一层级不在考核之列，请换一个层级"),
    list,
    more,
  );
}

/** Show one area's verdict. */
export function showVerdictArea({ area, parent, record, entry, links, onBack }) {
  show(
    byId("results"),
    make("button", { type: "button", class: "back", text: "返回全域", on: { click: onBack } }),
    make("h2", { class: "area-name name", id: "area-name", text: area.name }),
    make(
      "p",
      { class: "area-place" },
      parent && make("span", { class: "name", text: parent }),
      make("span", { class: "code", text: area.code }),
    ),
    record ? verdictFacts(record) : empty("这一区划不在这项指标的考核之列"),
    clauseWords(entry),
    links,
  );
}

function verdictFacts(record) {
  const rows = [
    ["目标", targetWords(record)],
    ["分子", numberOf(record.numerator)],
    ["分母", numberOf(record.denominator)],
    ["差距", record.missing_text],
    ["说明", record.reason],
    ["未达到的区划", record.failing_codes.length > 0 ? `${count(record.failing_codes.length)} 个` : null],
  ].filter(([, text]) => text != null);
  return make(
    "div",
    { class: "figures" },
    make(
      "p",
      { class: "headline" },
      make("span", { class: "headline-rate", data: { figure: "value" }, text: valueWords(record) }),
      chip(record.status),
    ),
    make(
      "dl",
      { class: "facts" },
      rows.map(([term, text]) => [make("dt", { text: term }), make("dd", { class: "name", text })]).flat(),
    ),
  );
}

const numberOf = (value) => (value == null ? null : valueWords({ value, value_unit: "number" }));

function clauseWords(entry) {
  if (!entry) return null;
  const clause = [entry.clause?.document, entry.clause?.chapter].filter(Boolean).join(" ");
  return make(
    "div",
    { class: "clause" },
    clause && make("p", { class: "name", text: clause }),
    entry.clause?.phrase && make("p", { class: "name", text: `「${entry.clause.phrase}」` }),
    entry.reading && make("p", { class: "name hint", text: `口径：${entry.reading}` }),
  );
}

/** A verdict as a chip: its sign tells it without its colour. */
export function chip(status) {
  const sign = { met: "✓", not_met: "✕", unknown: "?", not_applicable: "–", no_target: "·" }[status];
  return make(
    "span",
    { class: `chip chip-${status}` },
    make("span", { "aria-hidden": "true", text: `${sign ?? "·"} ` }),
    verdictName(status),
  );
}

function verdictRow({ code, name, record }, choose) {
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "rank verdict", data: { rank: code }, on: { click: () => choose(code) } },
      make("span", { class: "rank-name name", text: name }),
      chip(record.status),
      make("span", { class: "rank-rate", text: valueWords(record) }),
    ),
  );
}

const empty = (text) => make("p", { class: "empty", text });

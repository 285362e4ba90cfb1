// The panel of results: the whole study with its areas from the least covered, or the
// figures of one area.

import { fillOf } from "./classes.js";
import { byId, make, show } from "./dom.js";
import { amount, count, minutes, percent } from "./format.js";
import { FLAG_NAMES, KIND_NAMES, nameOf, unitOf } from "./words.js";

const FIRST_ROWS = 60;
/** Rows that are added at a time, so that very many do not stop the page. */
export const MOST_MORE = 1000;

/** What the button under a list says that does not show all of its rows. */
export const moreWords = (total, shown) =>
  total <= MOST_MORE + shown ? `显示全部 ${count(total)} 个` : `再显示 ${count(MOST_MORE)} 个（共 ${count(total)} 个）`;

/** Show the whole study: its rate and its areas. */
export function showOverview({ total, areas, rates, words, choose }) {
  const rows = areas
    .map((area) => ({ ...area, rate: rates.get(area.code)?.rate ?? null }))
    .sort((a, b) => (a.rate ?? 2) - (b.rate ?? 2) || a.code.localeCompare(b.code));
  const list = make("ol", { class: "ranking" });
  const draw = (n) => show(list, rows.slice(0, n).map((row) => rankRow(row, choose)));
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
    make("h2", { class: "name", text: words.whole }),
    figures(total, words),
    make("h2", { class: "spaced", text: `${words.level}，覆盖率由低到高` }),
    rows.length === 0 && empty("这一层级没有行政区划"),
    list,
    more,
  );
}

/** Show one area: its figures, its uncovered places, and where they are served. */
export function showArea({
  area, parent, record, gaps, gapName, note, nearest, words, links, onBack, onGap,
}) {
  const kind = area.kind ? nameOf(KIND_NAMES, area.kind) : null;
  const place = [kind, parent].filter(Boolean).join(" · ");
  show(
    byId("results"),
    make("button", { type: "button", class: "back", text: "返回全域", on: { click: onBack } }),
    make("h2", { class: "area-name name", id: "area-name", text: area.name }),
    make(
      "p",
      { class: "area-place" },
      place && make("span", { class: "name", text: place }),
      make("span", { class: "code", text: area.code }),
    ),
    record ? figures(record, words) : empty("没有这个区划在当前指标下的数据"),
    gaps && make("h3", { text: `有未覆盖人口的${gapName}（${count(gaps.length)}）` }),
    note && make("p", { class: "hint", text: note }),
    gaps?.length === 0 && empty("没有未覆盖的人口"),
    gaps && make("ul", { class: "gap-list" }, gaps.map((gap) => gapRow(gap, nearest, words, onGap))),
    showLinks(links),
  );
}

/** Links on from an area: `[words, address]` each. */
export function showLinks(links) {
  return make(
    "div",
    {},
    make("h3", { class: "links-title", text: "更多" }),
    make(
      "ul",
      { class: "links" },
      links.map(([text, href]) => make("li", {}, make("a", { href, target: "_blank", text }))),
    ),
  );
}

/** Say that the panel is waiting for figures. */
export function showWaiting() {
  show(byId("results"), make("p", { class: "empty", text: "正在读取…" }));
}

/** The figures of a record of coverage: rate, bar, counts, flags. */
export function figures(record, words) {
  if (!record || record.total == null) return empty("没有可用的数据");
  const { denominator } = words;
  const parts = [
    ["已覆盖", record.covered, "covered"],
    ["可达但已满", record.full, "full"],
    ["未覆盖", record.out_of_reach, "out"],
  ];
  return make(
    "div",
    { class: "figures" },
    make(
      "p",
      { class: "headline" },
      make("span", { class: "headline-rate", text: percent(record.rate) }),
      make("span", { class: "headline-words", text: `${words.denominatorName}覆盖率` }),
    ),
    make(
      "div",
      { class: "bar", "aria-hidden": "true" },
      parts.map(([, value, id]) =>
        make("span", { class: `bar-${id}`, style: `flex-grow:${share(value, record.total)}` }),
      ),
    ),
    make(
      "dl",
      { class: "facts figures-list" },
      fact(`${words.denominatorName}（分母）`, amount(record.total, denominator), "total"),
      parts.map(([term, value, id]) => fact(term, amount(value, denominator), id)).flat(),
    ),
    flagWords(record).map((text) => make("p", { class: "flag", text })),
  );
}

const share = (value, total) => (total > 0 ? Math.max(0, (value ?? 0) / total) : 0);

function fact(term, value, id) {
  return [
    make("dt", { class: `fact-${id}`, text: term }),
    make("dd", { data: { figure: id }, text: value }),
  ];
}

function flagWords({ flags }) {
  const list = Array.isArray(flags) ? flags : String(flags ?? "").split(" ");
  return list.filter(Boolean).map((flag) => nameOf(FLAG_NAMES, flag));
}

function rankRow({ code, name, rate }, choose) {
  const bar = make("span", { class: "rank-bar", "aria-hidden": "true" });
  if (rate != null) bar.append(make("span", { style: `width:${rate * 100}%;background:${fillOf(rate)}` }));
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "rank", data: { rank: code }, on: { click: () => choose(code) } },
      make("span", { class: "rank-name name", text: name }),
      bar,
      make("span", { class: "rank-rate", text: rate == null ? "无数据" : percent(rate) }),
    ),
  );
}

function gapRow(gap, nearest, words, onGap) {
  const people = gap.people == null ? "人数未知" : `${count(gap.people)} ${unitOf(words.group)}`;
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "gap", data: { gapRow: gap.code }, on: { click: () => onGap(gap.code) } },
      make("span", { class: "gap-name name", text: gap.name }),
      make("span", { class: "gap-people", text: people }),
      make("span", {
        class: "gap-reason",
        text: [gap.seconds != null && minutes(gap.seconds), gap.reason].filter(Boolean).join(" · "),
      }),
      make("span", { class: "gap-nearest", text: nearest(gap) }),
    ),
  );
}

const empty = (text) => make("p", { class: "empty", text });

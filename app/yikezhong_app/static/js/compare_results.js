// The panel of a comparison: the whole, what is changed, verdicts that turn, townships.

import { address } from "./api.js";
import { BREAKS, COLOURS, NO_DATA, classOf, classWords } from "./classes.js";
import { drawChangeSign } from "./compare_maps.js";
import { byId, make, show } from "./dom.js";
import { amount, count, percent } from "./format.js";
import { patch } from "./patterns.js";
import { points, signed } from "./siting_words.js";
import { nameOf, unitOf } from "./words.js";

const FIRST_ROWS = 12;
const VERDICTS = {
  met: "达标",
  not_met: "未达标",
  unknown: "无法判定",
  not_applicable: "不适用",
  no_target: "无目标",
};
const STATUS = { open: "运营", planned: "规划/在建", closed: "停用" };

/** A comparison. */
export function showComparison(found, { words, table, links, nameOfPlace, categories }) {
  const { whole, names, about } = found;
  show(
    byId("results"),
    make("h2", { class: "name", text: `${found.titles[0]} → ${found.titles[1]}` }),
    make("p", { class: "asked", text: `${words.service} · ${words.limit}` }),
    about && aboutScenario(about),
    whole ? wholeFigures(whole, names, words) : make("p", { class: "empty", text: "没有全域的数字。" }),
    found.changes && changeList(found.changes, nameOfPlace, categories),
    found.indicators && verdictList(found.indicators, nameOfPlace),
    make("h3", { text: `乡镇街道（${count(found.rows.length)}）` }),
    make("p", {
      class: "hint",
      text: `覆盖率；「变化」为百分点${words.hasPeople ? "，「净增」为人数" : ""}。点列名排序，点乡镇名在两幅图上查看。`,
    }),
    table.element,
    links.length > 0 && make("h3", { class: "links-title", text: "下载" }),
    make(
      "ul",
      { class: "links downloads" },
      links.map(([text, path, query]) =>
        make("li", {}, make("a", { href: address(path, query), download: "", text })),
      ),
    ),
  );
}

/** Nothing to compare yet: why, and what to do. */
export function showNothing(title, lines, link = null) {
  show(
    byId("results"),
    make("h2", { text: title }),
    lines.map((text) => make("p", { class: "empty", text })),
    link && make("p", {}, make("a", { class: "go", href: link[1], text: link[0] })),
  );
}

/** The classes with how many areas each has before and after. */
export function showPairLegend({ title, codes, rates }) {
  const counts = rates.map((side) => {
    const own = [...BREAKS, null].map(() => 0);
    for (const code of codes) {
      const at = classOf(side.get(code)?.rate ?? null);
      own[at < 0 ? BREAKS.length : at] += 1;
    }
    return own;
  });
  const classes = [...BREAKS.map((_, i) => [COLOURS[i], classWords(i)]), [NO_DATA, "无数据"]];
  show(
    byId("legend-rates"),
    make("h2", { class: "name", text: title }),
    make(
      "ul",
      { class: "ramp" },
      classes.map(([fill, words], i) =>
        make(
          "li",
          {},
          patch(fill),
          make("span", { class: "ramp-words", text: words }),
          make("span", { class: "legend-count", text: `${counts[0][i]} → ${counts[1][i]}` }),
        ),
      ),
    ),
  );
}

/** What the signs of a scenario's changes mean. */
export function showChangeLegend(changes, hasPeople) {
  const kinds = [
    ["add", "新增或迁至", ["add", "move"]],
    ["close", "停用或迁出", ["close", "move"]],
    ["change", "变更", ["change"]],
  ].filter(([, , actions]) => changes.some(({ action }) => actions.includes(action)));
  const rows = kinds.map(([kind, words]) => [drawChangeSign(kind, 16), words]);
  if (changes.some(({ action }) => action === "add_road")) rows.push([patch("#6d28d9"), "新建道路"]);
  if (hasPeople) rows.push([patch("#0a7a3f"), "新增覆盖的人口"], [patch("#b3261e"), "失去覆盖的人口"]);
  show(
    byId("legend-others"),
    rows.length > 0 && make("h2", { text: "方案" }),
    rows.length > 0 &&
      make(
        "ul",
        {},
        rows.map(([sign, words]) =>
          make(
            "li",
            {},
            make("span", { class: "legend-sign", "aria-hidden": "true" }, sign),
            make("span", { class: "legend-words", text: words }),
          ),
        ),
      ),
  );
}

function wholeFigures(whole, names, { group, groupName }) {
  const unit = unitOf(group);
  const difference =
    whole.rateBefore == null || whole.rateAfter == null ? null : whole.rateAfter - whole.rateBefore;
  const tone = difference == null || Math.abs(difference) < 5e-5 ? "same" : difference > 0 ? "grew" : "shrank";
  return [
    make(
      "p",
      { class: "headline change" },
      make("span", { class: "headline-before", data: { figure: "rate-before" }, text: percent(whole.rateBefore) }),
      make("span", { class: "headline-arrow", role: "img", "aria-label": "变为", text: "→" }),
      make("span", { class: "headline-rate", data: { figure: "rate-after" }, text: percent(whole.rateAfter) }),
      difference != null &&
        make("span", { class: `headline-change ${tone}`, data: { figure: "change" }, text: `${points(difference)} 个百分点` }),
      make("span", { class: "headline-words", text: `${groupName}覆盖率（全域）` }),
    ),
    make(
      "dl",
      { class: "facts" },
      fact(`${groupName}（总数）`, amount(whole.total, group), "total"),
      whole.totalBefore !== whole.total && fact(`${groupName}（总数，${names[0]}）`, amount(whole.totalBefore, group), "total-before"),
      fact(`已覆盖（${names[0]}）`, amount(whole.coveredBefore, group), "before"),
      fact(`已覆盖（${names[1]}）`, amount(whole.coveredAfter, group), "after"),
      whole.gained != null && fact("新增覆盖", `${signed(whole.gained)} ${unit}`, "gained"),
      whole.lost != null && fact("失去覆盖", `${signed(-whole.lost)} ${unit}`, "lost"),
    ),
  ];
}

const fact = (term, value, id) => [
  make("dt", { text: term }),
  make("dd", { data: { figure: id }, text: value }),
];

function aboutScenario({ author, note, is_current: isCurrent, as_of: asOf }) {
  return [
    author && make("p", { class: "hint name", text: `作者：${author}` }),
    note && make("p", { class: "note name", text: note }),
    !isCurrent && make("p", { class: "flag", text: `与较早的成果（评价日期 ${asOf}）比较` }),
  ];
}

function changeList(changes, nameOfPlace, categories) {
  return [
    make("h3", { text: `改动（${count(changes.length)} 项）` }),
    ...longList({ class: "changes", id: "changes" }, changes, (change) =>
      changeRow(...changeWords(change, nameOfPlace, categories)),
    ),
  ];
}

// the first rows of a list, the others when asked for
function longList(about, items, draw) {
  const list = make("ul", about);
  const fill = (n) => show(list, items.slice(0, n).map(draw));
  fill(FIRST_ROWS);
  const more =
    items.length > FIRST_ROWS &&
    make("button", {
      type: "button",
      class: "more",
      text: `显示全部 ${count(items.length)} 项`,
      on: {
        click: () => {
          fill(items.length);
          more.remove();
        },
      },
    });
  return [list, more];
}

const changeRow = (kind, text) =>
  make(
    "li",
    {},
    make("span", { class: `change-kind change-${kind === "停用" ? "gone" : "new"}`, text: kind }),
    make("span", { class: "name", text }),
  );

function changeWords(change, nameOfPlace, categories) {
  const { action, id } = change;
  if (action === "add") {
    const about = [nameOf(categories, change.category), change.status !== "open" && STATUS[change.status]];
    return ["新增", `${change.name || id}（${about.filter(Boolean).join("，")}）`];
  }
  if (action === "move") return ["迁移", nameOfPlace(id)];
  if (action === "close") return ["停用", nameOfPlace(id)];
  if (action === "change") return ["变更", nameOfPlace(id)];
  if (action === "close_area") return ["停用", "一个范围内的设施"];
  if (action === "add_road") return ["新路", id];
  return ["封路", change.edge];
}

function toneOf({ status_before: before, status_after: after }) {
  if (after === "met") return "grew";
  return before === "met" || after === "not_met" ? "shrank" : "same";
}

function verdictList(indicators, nameOfPlace) {
  return [
    make("h3", { text: `结论改变的规划指标（${count(indicators.length)}）` }),
    indicators.length === 0 && make("p", { class: "empty", text: "没有规划指标的结论因此改变。" }),
    ...longList({ class: "verdicts", id: "verdicts" }, indicators, (one) =>
      make(
        "li",
        {},
        make("span", { class: "name", text: `${nameOfPlace(one.code)}：${one.name}` }),
        make("span", {
          class: `verdict ${toneOf(one)}`,
          text: `${VERDICTS[one.status_before] ?? one.status_before} → ${VERDICTS[one.status_after] ?? one.status_after}`,
        }),
      ),
    ),
  ];
}

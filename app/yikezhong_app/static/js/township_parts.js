// The parts of a township's sheet: its heading, its tables and its links.

import { address } from "./api.js";
import { fillOf } from "./classes.js";
import { byId, make, show } from "./dom.js";
import { amount, count, minutes, percent } from "./format.js";
import { remedyWords } from "./gap_areas.js";
import { SortableTable } from "./sortable_table.js";
import { VERDICTS, chip, targetWords, valueWords } from "./verdicts.js";
import { KIND_NAMES, STATUS_NAMES, nameOf, unitOf } from "./words.js";

/** Write name, place and people of the township. */
export function showPlace(township) {
  byId("place-name").textContent = township.name;
  show(
    byId("place-above"),
    township.above.map(({ name }) => make("span", { class: "name", text: name })),
    make("span", { class: "code", text: township.code }),
  );
  const basis = [township.population_year, township.population_basis].filter(Boolean).join(" 年");
  const facts = [
    township.kind && ["类型", nameOf(KIND_NAMES, township.kind)],
    [`人口${basis ? `（${basis}）` : ""}`, amount(township.people)],
    ["60岁及以上", amount(township.people_60)],
    township.n_communities > 0 && ["社区、村", amount(township.n_communities, "communities")],
  ].filter(Boolean);
  show(
    byId("place-facts"),
    facts.map(([term, value]) =>
      make("span", {}, make("span", { class: "fact-term", text: term }), make("strong", { class: "name", text: value })),
    ),
  );
}

/** Link to the reports and data of the township. */
export function showPlaceLinks({ code }, { service, minutes: limit }) {
  const own = encodeURIComponent(code);
  const links = [
    ["报告（Word）", address(`reports/${own}.docx`)],
    ["报告（Excel）", address(`reports/${own}.xlsx`)],
    ["地图（PNG）", address("maps.png", { code, service, minutes: limit })],
    ["地图（SVG）", address("maps.svg", { code, service, minutes: limit })],
    ["覆盖率（CSV）", address("coverage", { parent: code, level: "community", service, minutes: limit, format: "csv" })],
    ["缺口清单（Excel）", address("gaps", { parent: code, service, minutes: limit, format: "xlsx" })],
    ["指标卡（Excel）", address(`townships/${own}/scorecard`, { format: "xlsx" })],
    ["在覆盖地图中查看", `/maps/?code=${own}&service=${encodeURIComponent(service)}&minutes=${limit}`],
  ];
  show(
    byId("place-links"),
    links.map(([text, href]) => make("li", {}, make("a", { href, text }))),
  );
}

/** Counts of the verdicts as chips. */
export function showSummary(summary, total) {
  show(
    byId("scorecard-summary"),
    total === 0 && "这份成果没有对照的规划指标",
    total > 0 &&
      VERDICTS.map((status) =>
        make("span", { class: "chip-count", data: { verdict: status } }, chip(status), ` ${summary[status] ?? 0} 项`),
      ),
  );
}

const reasonOf = ({ reason_name: reason }) => reason;

/** Communities with their rates; `onPick(code)` is called with the one chosen. */
export function communityTable({ onPick }) {
  const number = (name) => ({ record }) => record?.[name] ?? null;
  return new SortableTable({
    id: "communities-table",
    caption: "社区与村的覆盖率",
    sort: { id: "out_of_reach", direction: "descending" },
    rowData: ({ code }) => ({ code }),
    columns: [
      {
        id: "name",
        name: "社区、村",
        value: ({ name }) => name,
        cell: ({ code, name }) =>
          make("button", { type: "button", class: "row-name name", text: name, on: { click: () => onPick(code) } }),
      },
      { id: "kind", name: "类型", value: ({ kind }) => (kind ? nameOf(KIND_NAMES, kind) : null) },
      counted("total", "服务人群", number("total")),
      counted("covered", "已覆盖", number("covered")),
      counted("full", "可达但已满", number("full")),
      counted("out_of_reach", "未覆盖", number("out_of_reach")),
      { id: "rate", name: "覆盖率", isNumber: true, value: number("rate"), cell: rateCell },
      { id: "reason", name: "主要原因", value: ({ gap }) => gap?.reason ?? null },
      {
        id: "nearest",
        name: "最近设施用时",
        isNumber: true,
        value: ({ gap }) => gap?.seconds ?? null,
        cell: ({ gap }) => (gap ? minutes(gap.seconds) : null),
      },
    ],
  });
}

function rateCell({ record }) {
  const rate = record?.rate ?? null;
  if (rate == null) return "无数据";
  return make(
    "span",
    { class: "rate-cell" },
    make("span", { class: "dot", style: `background:${fillOf(rate)}`, "aria-hidden": "true" }),
    percent(rate),
  );
}

const counted = (id, name, value) => ({
  id,
  name,
  isNumber: true,
  value,
  cell: (row) => (value(row) == null ? null : count(value(row))),
});

/** Gaps of a service with reasons and remedies. */
export function gapTable() {
  return new SortableTable({
    id: "gaps-table",
    caption: "未覆盖的社区与村、原因与对策",
    sort: { id: "people", direction: "descending" },
    rowData: ({ code }) => ({ gapCode: code }),
    columns: [
      { id: "name", name: "地点", value: ({ name, code }) => name ?? code },
      ...gapColumns(),
    ],
  });
}

/** Gap areas of a service. */
export function gapAreaTable() {
  return new SortableTable({
    id: "gap-areas-table",
    caption: "缺口片区",
    sort: { id: "people", direction: "descending" },
    rowData: ({ id }) => ({ gapAreaRow: id }),
    columns: [{ id: "name", name: "片区", value: ({ name }) => name }, ...gapColumns()],
  });
}

function gapColumns() {
  return [
    {
      id: "people",
      name: "未覆盖人数",
      isNumber: true,
      value: ({ people_without: without }) => without ?? null,
      cell: ({ people_without: without, group }) =>
        without == null ? "未知" : `${count(without)} ${unitOf(group ?? "people")}`,
    },
    { id: "reason", name: "原因", value: reasonOf },
    { id: "facility", name: "最近设施", value: ({ nearest_facility_name: name }) => name ?? null },
    {
      id: "time",
      name: "用时",
      isNumber: true,
      value: ({ nearest_time_s: seconds }) => seconds ?? null,
      cell: ({ nearest_time_s: seconds }) => minutes(seconds),
    },
    { id: "remedy", name: "对策", value: (row) => (row.remedy_name ? remedyWords(row) : null) },
  ];
}

/** Indicators with their verdicts, those that fail first. */
export function scorecardTable(id) {
  const order = ["not_met", "unknown", "met", "no_target", "not_applicable"];
  return new SortableTable({
    id,
    caption: "规划指标",
    sort: { id: "status", direction: "ascending" },
    rowData: ({ indicator_id: indicator }) => ({ indicator }),
    columns: [
      { id: "name", name: "指标", value: ({ name }) => name },
      { id: "indicator", name: "编号", value: ({ indicator_id: indicator }) => indicator },
      { id: "value", name: "数值", isNumber: true, value: ({ value }) => value, cell: valueWords },
      { id: "target", name: "目标", isNumber: true, value: ({ target }) => target, cell: targetWords },
      {
        id: "status",
        name: "结论",
        value: ({ status }) => order.indexOf(status),
        cell: ({ status }) => chip(status),
      },
      { id: "missing", name: "差距", value: ({ missing_text: missing }) => missing ?? null },
      { id: "clause", name: "条文", value: ({ clause }) => clause ?? null },
    ],
  });
}

/** Areas and facilities that fail the plans, with remedies. */
export function planGapTable() {
  return new SortableTable({
    id: "plan-gaps-table",
    caption: "没有达到规划指标的区划与设施",
    sort: { id: "indicator", direction: "ascending" },
    columns: [
      { id: "place", name: "地点", value: ({ division_name: name, code }) => name ?? code },
      { id: "indicator", name: "指标", value: ({ indicator_id: id, name }) => `${id} ${name}` },
      counted("people_60", "60岁及以上", ({ people_60: people }) => people ?? null),
      { id: "reason", name: "原因", value: reasonOf },
      { id: "facility", name: "最近设施", value: ({ nearest_facility_name: name }) => name ?? null },
      { id: "remedy", name: "对策", value: (row) => (row.remedy_name ? remedyWords(row) : null) },
    ],
  });
}

/** Facilities registered or located in the township. */
export function facilityTable(study) {
  return new SortableTable({
    id: "facilities-table",
    caption: "设施",
    sort: { id: "category", direction: "ascending" },
    rowData: ({ id }) => ({ facility: id }),
    columns: [
      { id: "name", name: "名称", value: ({ name }) => name },
      { id: "category", name: "类别", value: (one) => one.category_name ?? nameOf(study.categories, one.category) },
      { id: "status", name: "状态", value: ({ status }) => nameOf(STATUS_NAMES, status ?? "unknown") },
      counted("beds", "床位", ({ beds }) => beds ?? null),
      counted("places", "托位/名额", ({ places }) => places ?? null),
      {
        id: "functions",
        name: "服务功能",
        value: ({ functions }) => functions?.map((id) => nameOf(study.functions, id)).join("、") || null,
      },
      { id: "id", name: "编号", value: ({ id }) => id },
    ],
  });
}

/** Rates of all services, each at its own limit. */
export function serviceTable() {
  return new SortableTable({
    id: "services-table",
    caption: "各项服务的覆盖率",
    sort: { id: "rate", direction: "ascending" },
    rowData: ({ service }) => ({ service }),
    columns: [
      { id: "name", name: "服务", value: ({ service_name: name, service }) => name ?? service },
      { id: "limit", name: "时限", isNumber: true, value: ({ minutes: limit }) => limit, cell: ({ minutes: limit }) => `${limit} 分` },
      { id: "rate", name: "覆盖率", isNumber: true, value: ({ rate }) => rate, cell: (record) => rateCell({ record }) },
    ],
  });
}

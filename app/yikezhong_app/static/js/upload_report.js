// What the check found: verdict, rows, findings, preview. All of it as text.

import { byId, make, show } from "./dom.js";
import { ACTIONS, COLUMNS, LAYERS } from "./upload_words.js";

const LAYER_NAMES = Object.fromEntries(LAYERS);
const MOST_GROUPS = 60;
const WHOLE = new Intl.NumberFormat("zh-CN");

/** Write the report of an upload. */
export function showReport(upload) {
  const { error, preview, report } = upload;
  show(byId("verdict"), upload.status === "refused" ? refusal(error) : acceptance(upload));
  show(
    byId("report-parts"),
    make(
      "p",
      { class: "facts-line" },
      make("span", { class: "name", text: `文件：${upload.name}` }),
      make("span", { text: `图层：${LAYER_NAMES[upload.layer] ?? upload.layer}` }),
      make("span", {
        class: "name",
        text: upload.replaces ? `替换：${upload.replaces}` : "增加一个文件",
      }),
      upload.isolated === false && make("span", { text: "本机系统不允许断开网络，读取时没有隔离" }),
    ),
    report && rowCounts(report),
    report && findings(report),
    preview && previewParts(preview),
  );
}

/** Rows of the brought file that are left out. */
export function rowsSetAside({ report }) {
  return ownCounts(report).reduce((sum, row) => sum + row.set_aside, 0);
}

const ownCounts = (report) => (report?.counts ?? []).filter((row) => row.own);

function refusal(error) {
  return make(
    "p",
    { class: "verdict refused", role: "alert" },
    make("strong", { text: "这个文件不能使用，研究没有变化。" }),
    make("span", { class: "name", text: error?.text ?? "检查没有完成" }),
  );
}

function acceptance({ report }) {
  const words = ownCounts(report).map(
    ({ read, used, repaired, set_aside: left }) =>
      `读入 ${WHOLE.format(read)} 行 = 使用 ${WHOLE.format(used)} + 修复 ${WHOLE.format(repaired)} + 剔除 ${WHOLE.format(left)}`,
  );
  return make(
    "p",
    { class: "verdict" },
    make("strong", { text: "文件可以使用。" }),
    make("span", { text: words.join("；") || "已与整个研究一起读取" }),
  );
}

function rowCounts({ counts }) {
  const head = ["图层", "文件", "读入", "使用", "修复", "剔除"];
  const rows = counts.map((row) => [
    { text: LAYER_NAMES[row.layer] ?? row.layer },
    { text: row.file, class: "name" },
    ...[row.read, row.used, row.repaired, row.set_aside].map((n) => ({
      text: WHOLE.format(n), class: "number",
    })),
  ]);
  const own = counts.map((row) => row.own);
  return [make("h4", { text: "每一行的去向" }), tableOf("每一行的去向", head, rows, { own })];
}

function findings({ groups, findings: listed, n_finding: n }) {
  const head = ["文件", "处理", "行数", "说明"];
  const rows = groups.slice(0, MOST_GROUPS).map((row) => [
    { text: row.file, class: "name" },
    { text: ACTIONS[row.action] ?? row.action, class: row.action },
    { text: WHOLE.format(row.n), class: "number" },
    { text: row.message, class: "words" },
  ]);
  const own = groups.map((row) => row.own);
  const lines = listed.map((row) => [
    { text: row.file, class: "name" },
    { text: row.row == null ? "" : WHOLE.format(row.row), class: "number" },
    { text: row.id ?? "", class: "name" },
    { text: ACTIONS[row.action] ?? row.action, class: row.action },
    { text: row.value ?? "", class: "name" },
    { text: row.message, class: "words" },
  ]);
  const shown = listed.length < n ? `逐条（前 ${listed.length} 条，共 ${WHOLE.format(n)} 条）` : `逐条（${n} 条）`;
  return [
    make("h4", { text: "数据问题" }),
    groups.length === 0
      ? make("p", { class: "hint", text: "没有需要说明的行。" })
      : tableOf("数据问题", head, rows, { own }),
    listed.length > 0 &&
      make(
        "details",
        {},
        make("summary", { text: shown }),
        tableOf(shown, ["文件", "行", "编号", "处理", "原值", "说明"], lines),
      ),
  ];
}

function previewParts({ headers, columns, rows, n_row: n, n_column: nColumn, notes, geometry }) {
  const meanings = new Map(Object.entries(columns).map(([name, header]) => [header, name]));
  const head = headers.map((header) => {
    const meaning = meanings.get(header);
    return [
      make("span", { class: "name", text: header }),
      make("span", {
        class: meaning ? "recognised" : "recognised unrecognised",
        text: meaning ? `识别为 ${COLUMNS[meaning] ?? meaning}` : "不使用",
      }),
    ];
  });
  const body = rows.map((row) =>
    row.map((cell) => ({ text: cell ?? "", class: "name", title: cell ?? "" })),
  );
  const shapes = Object.entries(geometry).map(([kind, count]) => `${kind} ${WHOLE.format(count)}`);
  const label = `文件内容（前 ${rows.length} 行，共 ${WHOLE.format(n)} 行，${nColumn} 列）`;
  return [
    make("h4", { text: label }),
    ...notes.map(({ message }) => make("p", { class: "hint name", text: message })),
    shapes.length > 0 && make("p", { class: "hint", text: `图形：${shapes.join("、")}` }),
    tableOf(label, head, body, { kind: "preview" }),
  ];
}

const isNumber = (rows, index) => rows[0]?.[index].class === "number";

/** A table in a box that scrolls by itself, also by keyboard. */
function tableOf(label, head, rows, { own = [], kind = null } = {}) {
  const heads = head.map((cell, index) =>
    Array.isArray(cell)
      ? make("th", { scope: "col" }, ...cell)
      : make("th", { scope: "col", text: cell, class: isNumber(rows, index) ? "number" : null }),
  );
  const body = rows.map((cells, index) =>
    make(
      "tr",
      { class: own[index] ? "own" : null },
      ...cells.map((cell) => make("td", cell)),
    ),
  );
  return make(
    "div",
    { class: "table-box", role: "region", "aria-label": label, tabindex: "0" },
    make(
      "table",
      { class: kind },
      make("thead", {}, make("tr", {}, ...heads)),
      make("tbody", {}, ...body),
    ),
  );
}

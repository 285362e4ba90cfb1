// Townships before and after: a table that can be sorted by every column.

import { fillOf } from "./classes.js";
import { make, show } from "./dom.js";
import { percent } from "./format.js";
import { points, signed } from "./siting_words.js";

const FIRST_ROWS = 20;

const COLUMNS = [
  { id: "name", value: ({ name }) => name, first: "ascending" },
  { id: "before", value: ({ rateBefore }) => rateBefore, first: "ascending" },
  { id: "after", value: ({ rateAfter }) => rateAfter, first: "ascending" },
  { id: "change", value: ({ change }) => change, first: "descending" },
  { id: "people", value: ({ people }) => people, first: "descending" },
];
/** What the columns of a siting are called; one without a name is left out. */
const SITING_NAMES = { name: "乡镇街道", before: "建设前", after: "建设后", change: "增加" };

/** Townships of the API in one shape; rates are null where nothing is known. */
export function arrangeTownships(townships) {
  return townships.map((one) => {
    const rateBefore = one.rate_before ?? null;
    const rateAfter = one.rate_after ?? null;
    const known = rateBefore != null && rateAfter != null;
    const change = known ? rateAfter - rateBefore : null;
    const people = one.gained == null || one.lost == null ? null : one.gained - one.lost;
    return { code: one.code, name: one.name ?? one.code, rateBefore, rateAfter, change, people };
  });
}

/** A table that keeps its order when its rows are replaced. */
export class TownshipTable {
  constructor({ onPick, names = SITING_NAMES }) {
    this.onPick = onPick;
    this.names = names;
    this.rows = [];
    this.sort = { id: "change", direction: "descending" };
    this.all = false;
    this.selected = null;
    this.head = make("tr");
    this.body = make("tbody");
    this.more = make("button", {
      type: "button",
      class: "more",
      on: {
        click: () => {
          this.all = true;
          this.draw();
        },
      },
    });
    this.element = make(
      "div",
      {},
      make(
        "table",
        { class: "townships", id: "townships" },
        make("caption", { class: "hidden-text", text: "各乡镇街道前后的覆盖率，可按列排序" }),
        make("thead", {}, this.head),
        this.body,
      ),
      this.more,
    );
  }

  setRows(rows) {
    this.rows = rows;
    this.draw();
  }

  select(code) {
    this.selected = code;
    this.draw();
  }

  draw() {
    const focused = this.head.contains(document.activeElement)
      ? document.activeElement.dataset.sort
      : null;
    show(this.head, COLUMNS.filter(({ id }) => this.names[id]).map((column) => this.header(column)));
    if (focused) this.head.querySelector(`[data-sort="${focused}"]`)?.focus();
    const rows = this.sorted();
    const shown = this.all ? rows : rows.slice(0, FIRST_ROWS);
    show(this.body, shown.map((row) => this.row(row)));
    this.more.textContent = `显示全部 ${rows.length} 个`;
    this.more.hidden = this.all || rows.length <= FIRST_ROWS;
  }

  sorted() {
    const { value } = COLUMNS.find(({ id }) => id === this.sort.id);
    const sign = this.sort.direction === "ascending" ? 1 : -1;
    return this.rows.toSorted((a, b) => {
      const [left, right] = [value(a), value(b)];
      // what is not known comes last, whichever way
      if (left == null || right == null) return (left == null) - (right == null);
      const order = typeof left === "string" ? left.localeCompare(right, "zh-CN") : left - right;
      return sign * order || a.code.localeCompare(b.code);
    });
  }

  header({ id, first }) {
    const direction = this.sort.id === id ? this.sort.direction : "none";
    const other = { ascending: "descending", descending: "ascending", none: first }[direction];
    return make(
      "th",
      { scope: "col", "aria-sort": direction },
      make("button", {
        type: "button",
        class: "sort",
        text: this.names[id],
        data: { sort: id },
        on: {
          click: () => {
            this.sort = { id, direction: other };
            this.draw();
          },
        },
      }),
    );
  }

  row({ code, name, rateBefore, rateAfter, change, people }) {
    const grew = change != null && change > 0;
    return make(
      "tr",
      { data: { township: code }, class: code === this.selected ? "selected" : null },
      make(
        "th",
        { scope: "row" },
        make("button", {
          type: "button",
          class: "township name",
          text: name,
          on: { click: () => this.onPick(code) },
        }),
      ),
      make("td", {}, rateCell(rateBefore)),
      make("td", {}, rateCell(rateAfter)),
      make("td", {
        class: grew ? "grew" : change < 0 ? "shrank" : "same",
        text: change == null ? "—" : points(change),
      }),
      this.names.people && make("td", { text: people == null ? "—" : signed(people) }),
    );
  }
}

function rateCell(rate) {
  if (rate == null) return [make("span", { class: "unknown", text: "无数据" })];
  return [
    make("span", { class: "dot", style: `background:${fillOf(rate)}`, "aria-hidden": "true" }),
    make("span", { text: percent(rate) }),
  ];
}

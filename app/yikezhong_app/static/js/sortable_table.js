// A table that can be sorted by every column, from the keyboard as well.

import { make, show } from "./dom.js";

/**
 * A table of records.
 *
 * A column is `{id, name, value, cell, isNumber, first}`: `value(row)` is what is sorted
 * by (null: not known, always last), `cell(row)` what is shown (default: the value) and
 * `first` the direction of the first click. The first column heads its row.
 */
export class SortableTable {
  constructor({ id, caption, columns, sort, rowData = () => ({}) }) {
    Object.assign(this, { columns, sort, rowData });
    this.rows = [];
    this.head = make("tr");
    this.body = make("tbody");
    this.element = make(
      "div",
      { class: "table-box", role: "region", "aria-label": caption, tabindex: "0" },
      make(
        "table",
        { class: "records", id },
        make("caption", { class: "hidden-text", text: `${caption}，可按列排序` }),
        make("thead", {}, this.head),
        this.body,
      ),
    );
  }

  setRows(rows) {
    this.rows = rows;
    this.draw();
    return this.element;
  }

  draw() {
    const active = document.activeElement;
    const focused = this.head.contains(active) ? active.dataset.sort : null;
    show(this.head, this.columns.map((column) => this.header(column)));
    if (focused) this.head.querySelector(`[data-sort="${focused}"]`)?.focus();
    show(this.body, this.sorted().map((row) => this.row(row)));
  }

  sorted() {
    const { value } = this.columns.find(({ id }) => id === this.sort.id);
    const sign = this.sort.direction === "ascending" ? 1 : -1;
    return this.rows.toSorted((a, b) => {
      const [left, right] = [value(a), value(b)];
      if (left == null || right == null) return (left == null) - (right == null);
      const order = typeof left === "string" ? left.localeCompare(right, "zh-CN") : left - right;
      return sign * order;
    });
  }

  header({ id, name, isNumber, first = isNumber ? "descending" : "ascending" }) {
    const direction = this.sort.id === id ? this.sort.direction : "none";
    const other = { ascending: "descending", descending: "ascending", none: first }[direction];
    const click = () => {
      this.sort = { id, direction: other };
      this.draw();
    };
    return make(
      "th",
      { scope: "col", "aria-sort": direction, class: isNumber ? "number" : null },
      make("button", { type: "button", class: "sort", text: name, data: { sort: id }, on: { click } }),
    );
  }

  row(record) {
    return make(
      "tr",
      { data: this.rowData(record) },
      this.columns.map(({ id, value, cell = value, isNumber }, i) => {
        const shown = cell(record) ?? "—";
        const classes = [isNumber && "number", typeof shown === "string" && "name"];
        return make(
          i === 0 ? "th" : "td",
          {
            scope: i === 0 ? "row" : null,
            class: classes.filter(Boolean).join(" ") || null,
            data: { column: id },
          },
          shown instanceof Node ? shown : String(shown),
        );
      }),
    );
  }
}

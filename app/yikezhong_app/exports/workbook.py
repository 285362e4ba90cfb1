"""The workbook of a report: one sheet to a question, each ready to print on A4."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from yikezhong_app.exports.coverage_sheet import write_coverage
from yikezhong_app.exports.report_data import ReportData
from yikezhong_app.exports.sheets import (
    HEADER_ROW,
    Book,
    Column,
    Marks,
    finish_print,
    write,
    write_table,
)
from yikezhong_app.exports.source_sheet import write_sources
from yikezhong_app.exports.wording import DASH, is_share, target_words
from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.records import Row
from yikezhong_app.words import (
    FLAGS,
    LEVEL_NAMES,
    PROFILE_NAMES,
    function_names,
)
from yikezhong_geodata.columns import FACILITY_STATUS

#: Grounds of verdicts: light enough to print, told apart without colour by the words.
VERDICT_COLOURS: Final = {
    "met": "#DDEFE3",
    "not_met": "#FBE3D6",
    "unknown": "#F2F1ED",
}
ACTION_NAMES: Final = {"noted": "记录", "repaired": "修复", "set_aside": "剔除"}
LAYER_TITLES: Final = {
    "boundaries": "行政区划",
    "facilities": "设施",
    "population": "人口",
    "roads": "道路",
    "demand": "需求点",
    "study": "研究",
}
_MOST_NAMES: Final = 6
#: Texts stay texts, whatever they begin with.
BOOK_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def make_workbook(data: ReportData) -> bytes:
    """Return the XLSX report.

    Codes and names are written as texts, whatever they begin with; numbers are those
    of the API, unrounded, shown rounded.
    """
    import xlsxwriter

    catalog = data.catalog
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, BOOK_OPTIONS) as raw:
        raw.set_properties(
            {
                "title": f"{data.scope.name} 服务圈覆盖报告",
                "comments": f"{catalog.notice or ''} 成果版本 {catalog.version}".strip(),
            }
        )
        marks = Marks(data.scope.name, catalog.as_of, catalog.version, catalog.notice)
        book = Book(raw, marks)
        write_overview(book, data)
        if data.scorecard:
            write_scorecard(book, data)
            write_parts(book, data)
        for level, name in (("township", "乡镇覆盖率"), ("community", "社区覆盖率")):
            write_coverage(book, data, level=level, name=name)
        write_gaps(book, data)
        write_facilities(book, data)
        write_findings(book, data)
        write_sources(book, data.catalog)
    return file.getvalue()


def write_overview(book: Book, data: ReportData) -> None:
    """Write the first sheet: what the scope is, and each service in one line."""
    sheet = book.sheet("概览", "服务圈覆盖概览", landscape=False)
    columns = [
        Column("服务", 24, "wrap", "service_name"),
        Column("出行与时限", 15, "text", travel_words),
        Column("分母", 17, "wrap", "denominator_name"),
        Column("总数", 12, "count", "total"),
        Column("已覆盖", 12, "count", "covered"),
        Column("到达但已满", 11, "count", "full"),
        Column("未到达", 12, "count", "out_of_reach"),
        Column("覆盖率", 10, "rate", lambda row: rate_cell(row)),
        Column("说明", 22, "wrap", "rate_note"),
    ]
    facts = overview_facts(data)
    last = write_table(book, sheet, columns, data.services, n_keys=1, landscape=False)
    start = last + 1
    write(sheet, start, 0, "基本情况", book.format("head"))
    for i, (left, right) in enumerate(facts, start=start + 1):
        write(sheet, i, 0, left, book.format("wrap"))
        kind = "count" if isinstance(right, float) else "text"
        write(sheet, i, 1, right, book.format(kind))
    end = start + len(facts)
    finish_print(sheet, HEADER_ROW, end, [c.width for c in columns], landscape=False)


def overview_facts(data: ReportData) -> list[tuple[str, object]]:
    """Return the lines on the scope itself: people, divisions, facilities, verdicts."""
    facts: list[tuple[str, object]] = [("范围", data.scope.name)]
    if data.top is not None:
        facts.append(("代码", data.top["code"]))
        for group, name in data.catalog.denominator_names.items():
            value = data.top.get(group)
            if isinstance(value, float) and not name.endswith("数"):
                facts.append((name, value))
    facts += [(LEVEL_NAMES[k], float(n)) for k, n in data.level_counts().items()]
    open_here = sum(row["status"] == "open" for row in data.facilities)
    facts += [
        ("设施（登记或位于此）", float(len(data.facilities))),
        ("其中运营", float(open_here)),
    ]
    for status, name in STATUS_NAMES.items():
        n = sum(row["status"] == status for row in data.scorecard)
        if data.scorecard:
            facts.append((f"规划指标：{name}", float(n)))
    return [*facts, *((k, v) for k, v in data.catalog.about if k != "研究")]


def travel_words(row: Row) -> str:
    """Return how and how far: 步行 15 分钟."""
    return (
        f"{PROFILE_NAMES.get(row['profile'], row['profile'])} {row['minutes']:g} 分钟"
    )


def rate_cell(row: Row) -> object:
    """Return the rate, or a word where there is none: unknown is never zero."""
    if row.get("rate") is not None:
        return row["rate"]
    return "不适用" if set(row["flags"]) & _NOT_APPLICABLE else "未知"


_NOT_APPLICABLE: Final = frozenset(name for name in FLAGS if name.startswith("no_"))


def write_scorecard(book: Book, data: ReportData) -> None:
    """Write the indicators of the scope with verdict, distance and clause."""
    sheet = book.sheet("计分卡", "规划指标计分卡")
    plans = data.plan_names
    columns = [
        Column("编号", 10, "mid", "indicator_id"),
        Column("指标", 28, "wrap", "name"),
        Column("规划", 13, "wrap", lambda row: plans.get(row["plan"], row["plan"])),
        Column("属性", 8, "mid", "nature"),
        Column("数值", 9, "number", "value"),
        Column("分子", 10, "number", "numerator"),
        Column("分母", 10, "number", "denominator"),
        Column("目标", 12, "wrap", target_words),
        Column("年份", 7, "mid", lambda row: str(row["year"] or "")),
        Column("结论", 9, "mid", "status_name"),
        Column("差距", 15, "wrap", "missing_text"),
        Column(
            "未达到的区划或设施", 26, "wrap", lambda row: _some(row["failing_names"])
        ),
        Column("缺少的数据或原因", 15, "wrap", "reason"),
        Column("随步速改变", 7, "mid", lambda row: _flips(row)),
        Column("依据条文", 38, "wrap", "clause"),
    ]
    if len(data.scope.tops) > 1:
        columns.insert(2, Column("区划", 12, "wrap", "division_name"))
    write_table(book, sheet, columns, data.scorecard, colour=_verdict_colour("结论"))
    _reformat_shares(book, sheet, columns, data.scorecard)
    if data.speeds:
        _write_speeds(book, data)


def _reformat_shares(
    book: Book, sheet: Any, columns: Sequence[Column], rows: Sequence[Row]
) -> None:
    """Show the values that are shares in per cent; the number stays the same."""
    at = [column.title for column in columns].index("数值")
    for i, row in enumerate(rows, start=HEADER_ROW + 1):
        if row["value"] is not None and is_share(row):
            write(sheet, i, at, row["value"], book.format("rate"))


def _write_speeds(book: Book, data: ReportData) -> None:
    sheet = book.sheet("步行速度", "不同步行速度下的结果")
    rows = sorted(
        data.speeds, key=lambda r: (r["indicator_id"], r["code"], r["speed_mps"])
    )
    columns = [
        Column("编号", 10, "mid", "indicator_id"),
        Column("指标", 40, "wrap", "name"),
        Column("代码", 15, "mid", "code"),
        Column("步行速度（米/秒）", 10, "tenth", "speed_mps"),
        Column("分子", 13, "count", "numerator"),
        Column("分母", 13, "count", "denominator"),
        Column("数值", 10, "rate", "value"),
        Column(
            "目标", 10, "text", lambda r: target_words({**r, "value_unit": "share"})
        ),
        Column(
            "结论", 10, "text", lambda r: STATUS_NAMES.get(r["status"], r["status"])
        ),
        Column("结论随步速改变", 10, "mid", lambda row: _flips(row)),
    ]
    write_table(book, sheet, columns, rows, colour=_verdict_colour("结论"))


def write_parts(book: Book, data: ReportData) -> None:
    """Write verdicts of the divisions one level below, a column for each."""
    cards = data.parts_scorecard
    if not cards or data.below is None:
        return
    parts = data.divisions(data.below)
    lines = {row["indicator_id"]: row for row in cards.values()}

    def verdict(code: str) -> Any:
        def word(row: Row) -> object:
            found = cards.get((row["indicator_id"], code))
            if found is None or found["status"] == "not_applicable":
                return DASH
            return found["status_name"]

        return word

    columns = [
        Column("编号", 10, "mid", "indicator_id"),
        Column("指标", 34, "wrap", "name"),
        *(Column(str(p["name"]), 10, "mid", verdict(p["code"])) for p in parts),
    ]
    codes = {
        id(column): part["code"]
        for column, part in zip(columns[2:], parts, strict=True)
    }

    def colour(row: Row, column: Column) -> str | None:
        found = cards.get((row["indicator_id"], codes.get(id(column), "")))
        return None if found is None else VERDICT_COLOURS.get(found["status"])

    title = f"规划指标：各{LEVEL_NAMES[data.below]}"
    sheet = book.sheet("计分卡分区", title)
    write_table(book, sheet, columns, [*lines.values()], colour=colour)
    sheet.repeat_columns(0, 1)


def write_gaps(book: Book, data: ReportData) -> None:
    """Write who is without which service, why, and how far it is."""
    finest = LEVEL_NAMES[data.finest]
    sheet = book.sheet("缺口", f"未覆盖的{finest}")
    columns = [
        Column("代码", 15, "mid", "code"),
        Column(finest, 22, "wrap", "name"),
        Column("上级", 14, "wrap", lambda row: data.parent_name(row["parent"])),
        Column("服务", 20, "wrap", "service_name"),
        Column("时限（分钟）", 8, "number", "minutes"),
        Column("未覆盖的服务人群", 11, "count", "people_without"),
        Column("未覆盖的60岁及以上人口", 12, "count", "people_60_without"),
        Column("主要原因", 14, "wrap", "reason_name"),
        Column("最近设施", 26, "wrap", "nearest_facility_name"),
        Column(
            "到最近设施（分钟）", 11, "tenth", lambda r: _minutes(r["nearest_time_s"])
        ),
    ]
    if any("remedy_name" in row for row in data.gaps[:1]):
        columns += [
            Column("对策", 14, "wrap", "remedy_name"),
            Column("对策所涉设施", 24, "wrap", "remedy_facility_name"),
        ]
    write_table(book, sheet, columns, data.gaps)


def write_facilities(book: Book, data: ReportData) -> None:
    """Write the facilities registered or standing inside the scope."""
    functions = function_names()
    sheet = book.sheet("设施", "设施名录")
    columns = [
        Column("编号", 14, "text", "id"),
        Column("名称", 28, "wrap", "name"),
        Column("类别", 18, "wrap", "category_name"),
        Column("状态", 9, "mid", lambda row: FACILITY_STATUS.get(row["status"], "")),
        Column("服务功能", 24, "wrap", lambda row: _functions(row, functions)),
        Column("床位", 7, "count", lambda row: row.get("beds")),
        Column("护理型床位", 8, "count", lambda row: row.get("nursing_beds")),
        Column("托位", 7, "count", lambda row: row.get("places")),
        Column("墓位", 7, "count", lambda row: row.get("plots")),
        Column("建筑面积（平方米）", 10, "count", lambda row: row.get("floor_area_m2")),
        Column("开办日期", 11, "mid", lambda row: row.get("opened")),
        Column("乡镇代码", 15, "mid", "township_code"),
        Column("乡镇", 14, "wrap", lambda row: data.parent_name(row["township_code"])),
        Column("经度", 11, "degree", "lon"),
        Column("纬度", 11, "degree", "lat"),
        Column("到道路（米）", 9, "metre", lambda row: row.get("snap_m")),
    ]
    write_table(book, sheet, columns, data.facilities)


def write_findings(book: Book, data: ReportData) -> None:
    """Write the rows of each file, and every row that was not simply used."""
    sheet = book.sheet("数据报告", "数据报告（整个研究）")
    columns = [
        Column("图层", 10, "text", lambda r: LAYER_TITLES.get(r["layer"], r["layer"])),
        Column("来源文件", 28, "wrap", "file"),
        Column("行", 8, "count", "row"),
        Column("编号", 16, "text", "id"),
        Column("问题", 22, "wrap", "problem"),
        Column("处理", 8, "mid", lambda r: ACTION_NAMES.get(r["action"], r["action"])),
        Column("原值", 20, "wrap", "value"),
        Column("说明", 60, "wrap", "message"),
    ]
    write_table(book, sheet, columns, data.findings, n_keys=1)


def _verdict_colour(title: str) -> Any:
    def colour(row: Row, column: Column) -> str | None:
        return VERDICT_COLOURS.get(row["status"]) if column.title == title else None

    return colour


def _flips(row: Row) -> str:
    flips = row.get("flips")
    return "" if flips is None else "是" if flips else "否"


def _minutes(seconds: float | None) -> object:
    return "无路可达" if seconds is None else seconds / 60


def _some(names: Sequence[str]) -> str:
    more = f" 等 {len(names)} 个" if len(names) > _MOST_NAMES else ""
    return "、".join(names[:_MOST_NAMES]) + more


def _functions(row: Row, names: Any) -> str:
    if row.get("functions") is None:
        return "不明"
    return "、".join(names.get(f, f) for f in row["functions"])

"""The Word document of a report, in the form of a bureau's report."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from yikezhong_app.exports.method_words import limits_words, method_words
from yikezhong_app.exports.papers import NUMERALS, Paper, open_document
from yikezhong_app.exports.rate_classes import percent
from yikezhong_app.exports.report_data import ReportData
from yikezhong_app.exports.sentences import (
    gap_sentence,
    service_sentences,
    summary,
)
from yikezhong_app.exports.view import MapView
from yikezhong_app.exports.word_parts import TableColumn
from yikezhong_app.exports.wording import (
    DASH,
    count_words,
    date_words,
    minutes_words,
    target_words,
    value_words,
)
from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.records import Row
from yikezhong_app.words import LEVEL_NAMES, PROFILE_NAMES
from yikezhong_geodata.columns import FACILITY_STATUS

#: Rows of a table in the text; the workbook has them all.
MOST_GAPS: Final = 20
MOST_AREAS: Final = 60
_MOST_NAMES: Final = 3
_VERDICT_ORDER: Final = ("not_met", "unknown", "met", "no_target", "not_applicable")

#: Draws a view as PNG.
DrawMap = Callable[[MapView], bytes]


@dataclass
class _Report(Paper):
    """A report while it grows."""

    data: ReportData


def make_document(data: ReportData, *, draw: DrawMap) -> bytes:
    """Return the DOCX report.

    Parameters
    ----------
    data : ReportData
    draw : callable
        Draws a view as PNG; what it raises is passed on.
    """
    catalog = data.catalog
    document = open_document(
        catalog,
        [f"{data.scope.name}", "一刻钟服务圈覆盖评价报告"],
        date=f"（评价日期 {date_words(catalog.as_of)}）",
    )
    report = _Report(document, data)
    _add_summary(report)
    _add_coverage(report, draw)
    if data.scorecard:
        _add_indicators(report)
    _add_gaps(report)
    _add_facilities(report)
    _add_method(report)
    _add_data(report)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _add_summary(report: _Report) -> None:
    report.heading("总体情况")
    for text in summary(report.data):
        report.text(text)


def _add_coverage(report: _Report, draw: DrawMap) -> None:
    data = report.data
    report.heading("服务覆盖情况")
    report.text(
        "各项服务的覆盖情况见下表。覆盖率按路网时间计算，分母为各服务自己的服务人群，"
        "计入所有设施（含界外）。"
    )
    columns = [
        TableColumn("服务", 44),
        TableColumn("出行与时限", 26),
        TableColumn("分母", 30),
        TableColumn("总数", 20, right=True),
        TableColumn("已覆盖", 20, right=True),
        TableColumn("覆盖率", 16, right=True),
    ]
    rows = [
        [
            row["service_name"],
            f"{PROFILE_NAMES.get(row['profile'], '')} {row['minutes']:g} 分钟",
            row["denominator_name"],
            count_words(row["total"], row["denominator"]),
            count_words(row["covered"], row["denominator"]),
            percent(row["rate"]),
        ]
        for row in data.services
    ]
    report.table(f"{data.scope.name}各项服务覆盖情况", columns, rows)
    for number, (theme, service) in enumerate(data.featured.items()):
        report.document.add_heading(f"（{NUMERALS[number]}）{theme}", level=2)
        for text in service_sentences(data, theme, service):
            report.text(text)
        view = MapView(service=service["id"], code=data.scope.code)
        caption = f"{data.scope.name}“{service['name']}”覆盖率"
        report.figure(draw(view), caption)
    if len(data.featured) > 1 and data.below:
        numeral = NUMERALS[len(data.featured)]
        report.document.add_heading(f"（{numeral}）分区情况", level=2)
    counts = data.level_counts()
    levels = [level for level in counts if level in ("county", "township")]
    for level in levels or [*counts][:1]:
        _add_areas(report, level)


def _add_areas(report: _Report, level: str) -> None:
    data = report.data
    services = list(data.featured.values())
    coverage = data.coverage(level)
    divisions = data.divisions(level)
    columns = [TableColumn("代码", 27), TableColumn(LEVEL_NAMES[level], 30)]
    columns += [TableColumn("60岁及以上人口", 22, right=True)]
    for service in services:
        columns.append(TableColumn(f"{service['name']}覆盖率", 26, right=True))
    rows = []
    for row in divisions[:MOST_AREAS]:
        cells = [row["code"], row["name"], count_words(row.get("people_60"))]
        for service in services:
            found = coverage.get((row["code"], service["id"]))
            cells.append(percent(found["rate"]) if found else DASH)
        rows.append(cells)
    report.table(f"各{LEVEL_NAMES[level]}覆盖率", columns, rows)
    if len(divisions) > MOST_AREAS:
        text = f"只列前 {MOST_AREAS} 个，共 {len(divisions)} 个，全部见工作簿。"
        report.note(text)


def _add_indicators(report: _Report) -> None:
    data = report.data
    report.heading("规划指标完成情况")
    lines = sorted(
        (row for row in data.scorecard if row["status"] != "not_applicable"),
        key=lambda row: (
            _VERDICT_ORDER.index(row["status"]),
            row.get("nature") != "约束性",
        ),
    )
    judged = [row for row in lines if row.get("target") is not None]
    report.text(
        "在本级有目标值的指标逐项判定如下，未达标的在前；结论以精确分数比较，"
        "数据不全时只在无论如何补全都不改变时才下结论。"
    )
    columns = [
        TableColumn("指标", 42),
        TableColumn("数值", 18, right=True),
        TableColumn("目标", 18, right=True),
        TableColumn("结论", 16),
        TableColumn("差距", 34),
        TableColumn("依据条文", 44),
    ]
    rows = [_indicator_cells(row) for row in judged]
    report.table("有目标的规划指标", columns, rows)
    wishes = [row for row in lines if row.get("target") is None]
    if wishes:
        kept = (0, 1, 3, 5)
        short = [[_indicator_cells(row)[k] for k in kept] for row in wishes]
        chosen = [columns[k] for k in kept]
        report.table("在本级没有目标值的指标", chosen, short)
    _add_speeds(report)


def _indicator_cells(row: Row) -> list[str]:
    failing = row.get("failing_names") or []
    gap = row.get("missing_text") or (row.get("reason") or "")
    if failing and row["status"] == "not_met":
        names = "、".join(failing[:_MOST_NAMES])
        gap += f"：{names}{'等' if len(failing) > _MOST_NAMES else ''}"
    nature = row.get("nature")
    return [
        f"{row['name']}（约束性）" if nature == "约束性" else row["name"],
        value_words(row),
        target_words(row),
        row["status_name"],
        gap,
        row.get("clause") or "",
    ]


def _add_speeds(report: _Report) -> None:
    """Show the results at 0.8 and 1.2 m/s beside the chosen speed."""
    data = report.data
    if not data.speeds:
        return
    speeds = sorted({float(row["speed_mps"]) for row in data.speeds})
    found = {
        (row["indicator_id"], row["code"], float(row["speed_mps"])): row
        for row in data.speeds
    }
    keys = list(dict.fromkeys((r["indicator_id"], r["code"]) for r in data.speeds))
    columns = [TableColumn("指标", 62), TableColumn("目标", 18, right=True)]
    columns += [TableColumn(f"{speed:g} 米/秒", 20, right=True) for speed in speeds]
    columns.append(TableColumn("结论（各步速）", 34))
    rows = []
    for key in keys:
        lines = [found.get((*key, speed)) for speed in speeds]
        first = next(line for line in lines if line is not None)
        words = [STATUS_NAMES.get(line["status"], "") for line in lines if line]
        one = words[0] if len(set(words)) == 1 else " / ".join(words)
        rows.append(
            [
                first["name"],
                target_words({**first, "value_unit": "share"}),
                *(DASH if line is None else percent(line["value"]) for line in lines),
                one,
            ]
        )
    report.table("步行速度对结果的影响", columns, rows)
    parameters = data.catalog.manifest.get("parameters") or {}
    chosen = parameters.get("walk_speed_mps")
    if chosen is not None:
        report.note(
            f"本次评价采用 {chosen:g} 米/秒；0.8 米/秒相当于行动不便的老年人，"
            "1.2 米/秒相当于一般成年人。驾车的结果只有两端步行部分随步速改变。",
        )


def _add_gaps(report: _Report) -> None:
    data = report.data
    report.heading("缺口与原因")
    finest = LEVEL_NAMES[data.finest]
    for service in data.featured.values():
        report.text(gap_sentence(data, service))
        rows = [row for row in data.gaps if row["service"] == service["id"]]
        if not rows:
            continue
        columns = [
            TableColumn(finest, 34),
            TableColumn("上级", 24),
            TableColumn("未覆盖人数", 20, right=True),
            TableColumn("主要原因", 24),
            TableColumn("最近设施", 40),
            TableColumn("到最近设施", 22, right=True),
        ]
        cells = [
            [
                row["name"] or row["code"],
                data.parent_name(row["parent"]),
                count_words(row["people_without"]),
                row["reason_name"],
                row["nearest_facility_name"] or DASH,
                minutes_words(row["nearest_time_s"]),
            ]
            for row in rows[:MOST_GAPS]
        ]
        report.table(f"“{service['name']}”未覆盖人数最多的{finest}", columns, cells)
        if len(rows) > MOST_GAPS:
            text = f"只列前 {MOST_GAPS} 个，共 {len(rows):,} 个，全部见工作簿“缺口”表。"
            report.note(text)


def _add_facilities(report: _Report) -> None:
    data = report.data
    report.heading("设施情况")
    counts = Counter((row["category_name"], row["status"]) for row in data.facilities)
    names = Counter(row["category_name"] for row in data.facilities)
    statuses = [s for s in FACILITY_STATUS if any(k[1] == s for k in counts)]
    report.text(
        f"登记在{data.scope.name}或位于其中的设施共 {len(data.facilities):,} 处，"
        f"分属 {len(names)} 类，按评价日期时的状态统计如下。"
    )
    if not names:
        return
    columns = [TableColumn("类别", 60), TableColumn("合计", 22, right=True)]
    columns += [TableColumn(FACILITY_STATUS[s], 22, right=True) for s in statuses]
    rows = [
        [str(name), f"{n:,}", *(f"{counts[name, s]:,}" for s in statuses)]
        for name, n in names.most_common()
    ]
    report.table("各类设施数（处）", columns, rows)


def _add_method(report: _Report) -> None:
    report.heading("方法与局限")
    for text in method_words(report.data.catalog):
        report.text(text)
    for text in limits_words(report.data.catalog):
        report.text(text)


def _add_data(report: _Report) -> None:
    data = report.data
    report.heading("数据来源")
    counts = data.catalog.manifest.get("data_report") or []
    report.text(
        "输入的每一行都有去向：读入 = 使用 + 修复 + 剔除。没有原样使用的各行及处理，"
        "见工作簿“数据报告”表。"
    )
    columns = [
        TableColumn("来源文件", 66),
        *(TableColumn(t, 22, right=True) for t in ("读入", "使用", "修复", "剔除")),
    ]
    rows = [
        [
            str(c["file"]),
            *(f"{c[k]:,}" for k in ("read", "used", "repaired", "set_aside")),
        ]
        for c in counts
    ]
    report.table("各来源文件的行数", columns, rows)

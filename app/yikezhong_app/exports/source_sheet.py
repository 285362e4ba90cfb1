"""The last sheet: parameters, services, plans, inputs and software of the run."""

from __future__ import annotations

from collections.abc import Sequence

from yikezhong_app.exports.sheets import HEADER_ROW, Book, Column, write_table
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import plans_of
from yikezhong_app.reading.records import Row
from yikezhong_app.words import (
    FLAGS,
    PROFILE_NAMES,
    REASONS,
    category_names,
    function_names,
)

#: Parameter → what it is, with its unit.
PARAMETER_TITLES = {
    "walk_speed_mps": "步行速度（米/秒）",
    "max_snap_m": "离道路的最大距离（米）",
    "min_component_m": "可用路网片段的最小长度（米）",
    "area_people_share": "社区、乡镇算作覆盖的最低人口比例",
    "own_level": "“本辖区”的层级",
    "max_walk_time_s": "步行时间上限（秒）",
    "max_drive_time_s": "驾车时间上限（秒）",
    "limits_min": "计算的时限（分钟）",
}


def write_sources(book: Book, catalog: Catalog, *, first: Sequence[Row] = ()) -> None:
    """Write what the numbers were made from, line by line.

    Parameters
    ----------
    book : Book
    catalog : Catalog
    first : sequence of mapping
        Lines that stand above: part, name and value.
    """
    sheet = book.sheet("参数与来源", "参数与来源", landscape=False)
    columns = [
        Column("项目", 16, "text", "part"),
        Column("名称", 34, "wrap", "name"),
        Column("内容", 62, "wrap", "value"),
    ]
    rows = [*first, *source_rows(catalog)]
    write_table(book, sheet, columns, rows, n_keys=1, landscape=False)
    sheet.set_row(HEADER_ROW, 20)


def source_rows(catalog: Catalog) -> list[Row]:
    """Return part, name and value of everything that decides the numbers."""
    manifest = catalog.manifest
    parts: list[tuple[str, str, object]] = [
        ("成果", name, value) for name, value in catalog.about
    ]
    for key, value in (manifest.get("parameters") or {}).items():
        parts.append(("参数", PARAMETER_TITLES.get(key, key), value))
    for service in catalog.services.values():
        parts.append(("服务", str(service["name"]), service_words(service)))
    for dropped in manifest.get("dropped_services") or []:
        parts.append(
            ("未计算的服务", str(dropped.get("service")), dropped.get("reason"))
        )
    for plan in plans_of(catalog):
        parts.append(("规划", str(plan["id"]), f"{plan['name']}（{plan['document']}）"))
        for reading in plan.get("readings") or []:
            sentence = f"{reading['value']}：{reading['sentence']}"
            parts.append(("规划口径", str(reading["name"]), sentence))
    for count in manifest.get("data_report") or []:
        words = "读入 {read}、使用 {used}、修复 {repaired}、剔除 {set_aside}".format(
            **count
        )
        parts.append(("数据行数", str(count["file"]), words))
    for name, digest in (manifest.get("inputs") or {}).items():
        parts.append(("输入文件（SHA-256）", str(name), digest))
    for name, version in (manifest.get("software") or {}).items():
        parts.append(("软件", str(name), version))
    parts += [("缺口原因", key, words) for key, words in REASONS.items()]
    parts += [("标记", key, words) for key, words in FLAGS.items()]
    return [{"part": a, "name": b, "value": c} for a, b, c in parts]


def service_words(service: Row) -> str:
    """Return a service in words: facilities, functions, people, way and limit."""
    categories, functions = category_names(), function_names()
    kinds = "、".join(categories.get(c, c) for c in service["categories"])
    words = [f"设施：{kinds}"]
    if service.get("functions"):
        needed = "、".join(functions.get(f, f) for f in service["functions"])
        words.append(f"须有功能：{needed}")
    profile = PROFILE_NAMES.get(service["profile"], service["profile"])
    words.append(f"{profile} {service['limit_s'] / 60:g} 分钟")
    if service.get("capacity"):
        words.append(f"容量：{service['capacity']} × {service['people_per_unit']:g} 人")
    return "；".join(words)

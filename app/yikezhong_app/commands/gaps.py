"""The command ``yikezhong gaps``: who is missing what, where, why, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yikezhong_app.commands import console

if TYPE_CHECKING:
    from yikezhong_app.reading.catalog import Catalog
    from yikezhong_app.reading.records import Row
    from yikezhong_app.schemas.gaps import PlanGapsQuery

_MOST_LINES = 30


def gaps(
    folder: Annotated[Path, typer.Argument(help="成果目录")],
    service: Annotated[
        str | None, typer.Option(help="服务，如 elderly_circle；默认全部")
    ] = None,
    indicator: Annotated[
        str | None,
        typer.Option(help="改列一个规划指标未达到的区划（编号见 scorecard）"),
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="改列一个规划全部指标未达到的区划")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            help="层级：community、township、county、prefecture 等；服务默认 township，"
            "指标与规划默认全部"
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="时限 [分钟]，须是已算出的；默认为服务自己的时限"),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="把全部缺口写入该 CSV 文件")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Print the gaps of services at a level, and the places they make on the map."""
    from yikezhong_app.reading.catalog import Catalog
    from yikezhong_app.reading.gap_records import area_records
    from yikezhong_app.reading.selections import gap_rows
    from yikezhong_app.schemas.gaps import PlanGapsQuery
    from yikezhong_app.snapshots.snapshot import open_current
    from yikezhong_app.web.formats import to_csv
    from yikezhong_app.web.queries import GapsFilter

    catalog = Catalog(open_current(folder))
    if indicator is not None or plan is not None:
        query = _checked(PlanGapsQuery, indicator=indicator, plan=plan, level=level)
        _plan_gaps(catalog, query, csv=csv, as_json=as_json)
        return
    level = level or "township"
    query = _checked(GapsFilter, service=service, level=level, minutes=minutes)
    rows = [row for _, row in gap_rows(catalog, query)]
    areas = [row for _, row in area_records(catalog, service=service)]
    if csv is not None:
        columns = list(rows[0]) if rows else ["id"]
        csv.write_bytes(to_csv(columns, rows, tail=catalog.tail))
    if as_json:
        console.print_json({**catalog.head, "gaps": rows, "gap_areas": areas})
        return
    _print(catalog, rows, areas)
    if csv is not None:
        console.print_line(f"全部 {len(rows)} 条缺口已写入 {csv}。")


def _plan_gaps(
    catalog: Catalog,
    query: PlanGapsQuery,
    *,
    csv: Path | None,
    as_json: bool,
) -> None:
    """Print the areas that fail an indicator, or any of a plan."""
    from yikezhong_app.reading.plan_gap_records import plan_gap_records
    from yikezhong_app.web.formats import to_csv

    rows = plan_gap_records(catalog, query)
    if csv is not None:
        columns = list(rows[0]) if rows else ["id"]
        csv.write_bytes(to_csv(columns, rows, tail=catalog.tail))
    if as_json:
        console.print_json({**catalog.head, "plan_gaps": rows})
        return
    headers = (
        "指标", "区划", "60岁及以上", "原因", "最近设施", "分钟", "还差", "对策",
        "所涉设施",
    )  # fmt: skip
    lines = [
        (
            row["name"],
            row["division_name"],
            _count(row["people_60"]),
            row["reason_name"],
            row["nearest_facility_name"],
            "—" if row["nearest_minutes"] is None else f"{row['nearest_minutes']:.1f}",
            "—" if row["missing_units"] is None else f"{row['missing_units']:g}",
            row["remedy_name"],
            row["remedy_facility_name"],
        )
        for row in rows[:_MOST_LINES]
    ]
    title = f"规划缺口（{catalog.as_of}，共 {len(rows)} 处）"
    console.print_table(title, headers, lines)
    if catalog.notice:
        console.print_line(f"{catalog.notice}。")


def _checked(model: type[Any], **values: Any) -> Any:
    """Return checked parameters, or raise naming the one that cannot be used."""
    from pydantic import ValidationError

    from yikezhong_coverage.errors import InputError

    try:
        return model(**values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InputError(f"--{name} 的值“{values.get(name)}”不可用") from None


def _print(catalog: Catalog, rows: list[Row], areas: list[Row]) -> None:
    headers = ("区划", "服务", "未覆盖", "原因", "最近设施", "分钟", "对策", "所涉设施")
    lines = [
        (
            row["name"],
            row["service_name"],
            _count(row["people_without"]),
            row["reason_name"],
            row["nearest_facility_name"],
            _minutes(row["nearest_time_s"]),
            row.get("remedy_name"),
            row.get("remedy_facility_name"),
        )
        for row in sorted(rows, key=_most_first)[:_MOST_LINES]
    ]
    console.print_table(f"缺口（{catalog.as_of}，共 {len(rows)} 条）", headers, lines)
    n_areas = sum({row["service"]: row["n_areas"] for row in areas}.values())
    headers = ("片区", "服务", "未覆盖", "原因", "最近设施", "分钟", "对策", "所涉设施")
    lines = [
        (
            row["name"],
            row["service_name"],
            _count(row["people_without"]),
            row["reason_name"],
            row["nearest_facility_name"],
            _minutes(row["nearest_time_s"]),
            row["remedy_name"],
            row["remedy_facility_name"],
        )
        for row in sorted(areas, key=_most_first)[:_MOST_LINES]
    ]
    console.print_table(
        f"缺口片区（各服务自己的时限，共 {n_areas} 处，人数最多的在前）",
        headers,
        lines,
    )
    if catalog.notice:
        console.print_line(f"{catalog.notice}。")


def _most_first(row: Row) -> tuple[float, str]:
    return -(row["people_without"] or 0.0), row["id"]


def _count(people: float | None) -> str:
    return "不明" if people is None else f"{people:,.0f}"


def _minutes(time_s: float | None) -> str:
    return "—" if time_s is None else f"{time_s / 60:.1f}"

"""The command ``yikezhong scenario``: what would change if."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from yikezhong_app.commands import console
from yikezhong_app.progress import part


def scenario(
    study: Annotated[Path, typer.Argument(help="研究目录（内有 study.toml）")],
    folder: Annotated[Path, typer.Argument(help="成果目录（该研究的现状）")],
    file: Annotated[Path, typer.Argument(help="方案文件（.json 或 .toml）")],
    accept_datum: Annotated[
        bool, typer.Option("--accept-datum", help="与计算现状时相同")
    ] = False,
    accept_repairs: Annotated[
        bool, typer.Option("--accept-repairs", help="与计算现状时相同")
    ] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", help="写出文件，按扩展名：.xlsx 工作簿、.docx 文档；可多次"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Compare a scenario with the current result, and keep it beside it."""
    import datetime as dt

    from yikezhong_app.scenarios.reading import read_scenario
    from yikezhong_app.scenarios.running import run_scenario
    from yikezhong_app.snapshots.snapshot import open_current
    from yikezhong_geodata.sandbox.loading import load_study_apart

    _check_files(out or [])
    asked = read_scenario(file)
    as_of = dt.date.fromisoformat(str(open_current(folder).manifest["as_of"]))
    with console.progress_bar(quiet=as_json) as progress:
        loaded = load_study_apart(
            console.current_folder(study, quiet=as_json),
            as_of=as_of,
            accept_datum=accept_datum,
            accept_repairs=accept_repairs,
            progress=part(progress, 0.0, 0.5),
        )
        manifest = run_scenario(
            loaded, folder, asked, progress=part(progress, 0.5, 1.0)
        )
        progress("完成", 1.0)
    for path in out or ():
        _write(path, folder, manifest)
    if as_json:
        console.print_json(manifest)
        return
    _print(folder, manifest)
    for path in out or ():
        console.print_line(f"方案比较已写入 {path}。")


def _check_files(paths: list[Path]) -> None:
    """Refuse files that cannot be written before anything is computed."""
    from yikezhong_app.exports.scenario_files import SCENARIO_FORMATS

    console.check_files(paths, formats=SCENARIO_FORMATS)


def _write(path: Path, folder: Path, manifest: dict[str, Any]) -> None:
    from yikezhong_app.exports.scenario_files import make_scenario_file
    from yikezhong_app.exports.scenario_paper import open_scenario_paper
    from yikezhong_app.reading.catalog import load_catalog
    from yikezhong_app.snapshots.snapshot import open_version

    catalog = load_catalog(open_version(folder, manifest["baseline_version"]))
    paper = open_scenario_paper(catalog, folder, manifest["id"])
    form: Any = path.suffix.lstrip(".")
    path.write_bytes(make_scenario_file(paper, form))


def _print(folder: Path, manifest: dict[str, Any]) -> None:
    rows = [
        (
            row["name"],
            row["service_name"],
            _share(row["rate_before"]),
            _share(row["rate_after"]),
            _count(row["gained"]),
            _count(row["lost"]),
        )
        for row in manifest["summary"]
    ]
    headers = ("区划", "服务", "现状", "方案", "新增覆盖", "失去覆盖")
    console.print_table(f"方案“{manifest['name']}”", headers, rows)
    if "indicators" in manifest["tables"]:
        _print_indicators(folder, manifest["id"])
    console.print_line(
        f"方案编号 {manifest['id']}，现状版本 {manifest['baseline_version']}，"
        f"保存在 {folder / 'scenarios' / manifest['id']}。"
    )


def _print_indicators(folder: Path, id_: str) -> None:
    from yikezhong_app.plan_words import STATUS_NAMES
    from yikezhong_app.reading.records import to_rows
    from yikezhong_app.scenarios.storing import read_table

    table = read_table(folder, id_, "indicators")
    turned = to_rows(table[table["turned"]])
    if not turned:
        console.print_line("没有规划指标的结论因此改变。")
        return
    rows = [
        (
            row["code"],
            row["name"],
            STATUS_NAMES.get(row["status_before"], row["status_before"]),
            STATUS_NAMES.get(row["status_after"], row["status_after"]),
        )
        for row in turned
    ]
    console.print_table("结论改变的指标", ("区划", "指标", "现状", "方案"), rows)


def _share(rate: float | None) -> str:
    return "无法计算" if rate is None else f"{rate:.1%}"


def _count(people: float | None) -> str:
    return "不明" if people is None else f"{people:,.0f}"

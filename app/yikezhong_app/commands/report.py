"""The command ``yikezhong report``: a result as XLSX, DOCX and maps in a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from yikezhong_app.commands import console


def report(
    folder: Annotated[Path, typer.Argument(help="成果目录")],
    code: Annotated[
        str | None,
        typer.Option(help="行政区划的代码、短码或名称；默认整个研究"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="写到这个目录")] = Path(),
    forms: Annotated[
        str, typer.Option("--format", help="逗号分隔：xlsx、docx、png、svg")
    ] = "xlsx,docx",
    font: Annotated[
        Path | None, typer.Option(help="地图用的中文字体文件；默认在已安装的中查找")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Write the report of a division or the whole study."""
    from yikezhong_app.exports.report import build_report
    from yikezhong_app.snapshots.snapshot import open_current

    started = time.monotonic()
    wanted = [part.strip() for part in forms.split(",") if part.strip()]
    with console.progress_bar(quiet=as_json) as progress:
        progress("生成报告", 0.0)
        paths = build_report(
            open_current(folder),
            out,
            code=code,
            formats=wanted,
            font=font,
            progress=progress,
        )
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        console.print_json({"files": [str(path) for path in paths], "seconds": seconds})
        return
    for path in paths:
        console.print_line(f"已写入 {path}")

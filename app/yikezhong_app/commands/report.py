"""The command ``yikezhong report``: a result as XLSX, DOCX and maps in a folder."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from yikezhong_app.commands import console

#: The map page as one file: made of the page itself, not of the report's data.
_PAGE: Final = "html"


def report(
    folder: Annotated[Path, typer.Argument(help="成果目录")],
    code: Annotated[
        str | None,
        typer.Option(help="行政区划的代码、短码或名称；默认整个研究"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="写到这个目录")] = Path(),
    forms: Annotated[
        str, typer.Option("--format", help="逗号分隔：xlsx、docx、png、svg、html")
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
            formats=[form for form in wanted if form != _PAGE],
            font=font,
            progress=progress,
        )
        if _PAGE in wanted:
            progress("生成 HTML", 0.9)
            paths.append(_write_page(folder, out, code=code))
            progress("完成", 1.0)
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        console.print_json({"files": [str(path) for path in paths], "seconds": seconds})
        return
    for path in paths:
        console.print_line(f"已写入 {path}")


def _write_page(folder: Path, out_path: Path, *, code: str | None) -> Path:
    from yikezhong_app.exports.report import file_name
    from yikezhong_app.exports.scope import find_scope
    from yikezhong_app.exports.single_file import make_single_file, view_of_code
    from yikezhong_app.reading.catalog import load_catalog
    from yikezhong_app.service import create_app
    from yikezhong_app.settings import Settings
    from yikezhong_app.snapshots.snapshot import open_current

    catalog = load_catalog(open_current(folder))
    view = view_of_code(catalog, code)
    body = asyncio.run(
        make_single_file(create_app(Settings(out=folder)), catalog, view)
    )
    path = out_path / file_name(catalog, find_scope(catalog, code).name, _PAGE)
    path.write_bytes(body)
    return path

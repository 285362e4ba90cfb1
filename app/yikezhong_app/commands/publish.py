"""``yikezhong publish``: a result into PostGIS."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from yikezhong_app.commands import console

_DATABASE = "YIKEZHONG_DATABASE"


def publish(
    folder: Annotated[Path, typer.Argument(help="成果目录")],
    database: Annotated[
        str,
        typer.Option(
            "--database",
            envvar=_DATABASE,
            help="数据库地址，如 postgresql://用户@主机/库名；口令请放在 .pgpass "
            f"或环境变量 {_DATABASE}",
        ),
    ],
    schema: Annotated[
        str, typer.Option("--schema", help="存放视图的模式")
    ] = "yikezhong",
    reader: Annotated[
        str, typer.Option("--reader", help="只读角色，没有则建立")
    ] = "yikezhong_reader",
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="保留的版本数，含当前版本")
    ] = 3,
    times: Annotated[
        bool, typer.Option("--times", help="也发布各需求点的时间（行数很多）")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="该版本已发布时也重新写入")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取")] = (
        False
    ),
) -> None:
    """Publish the current version of a result folder."""
    from yikezhong_app.snapshots.opening import open_current
    from yikezhong_geodata.databases.connecting import place_of

    place = place_of(database)
    from yikezhong_app.publishing.publish import PublishOptions, publish_snapshot

    options = PublishOptions(schema, reader, keep, times, again)
    snapshot = open_current(folder)
    started = time.monotonic()
    with console.progress_bar(quiet=as_json) as progress:
        result = publish_snapshot(snapshot, place, options, progress=progress)
    seconds = time.monotonic() - started
    if as_json:
        console.print_json({**vars(result), "seconds": round(seconds, 2)})
        return
    for note in result.notes:
        console.print_warning(note)
    if not (result.loaded or result.switched):
        console.print_line(f"版本 {result.version} 已经发布，没有变化。")
        return
    headers = ("表", "行数")
    console.print_table(f"已发布到 {place.shown}", headers, list(result.rows.items()))
    console.print_line(
        f"版本 {result.version} 在模式 {result.schema}，视图在 {schema}，"
        f"用时 {seconds:.1f} 秒。"
    )
    if result.dropped:
        console.print_line(f"已清理旧版本：{'、'.join(result.dropped)}")

"""The command line: ``yikezhong …``.

Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted. Every command that
computes shows a progress bar on standard error; with ``--json`` it prints one JSON
document on standard output instead of tables.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from yikezhong_app.commands import console
from yikezhong_app.commands.gaps import gaps
from yikezhong_app.commands.plans import plan_app, scorecard
from yikezhong_app.commands.publish import publish
from yikezhong_app.commands.report import report
from yikezhong_app.commands.scenarios import scenario
from yikezhong_app.commands.settings import settings
from yikezhong_app.commands.site import site
from yikezhong_coverage.errors import InputError, PlannerError

app = typer.Typer(
    name="yikezhong",
    help="一刻钟：十五分钟服务圈覆盖分析与选址工具。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command(help="打印指标卡：规划指标的数值、目标、结论与差距。")(scorecard)
app.add_typer(plan_app, name="plan")

app.command(help="列出缺口：谁缺什么、在哪里、为什么、怎么办。")(gaps)
app.command(help="选址：建在哪里、每处新增多少人、离最优还差多少。")(site)
app.command(help="生成报告：Excel、Word 与地图，整个研究或一个行政区划。")(report)
app.command(help="计算方案：增、迁、停、改设施与道路，与现状比较。")(scenario)
app.command(help="把成果发布到 PostGIS 数据库，成为那里的当前版本。")(publish)
app.command(help="列出服务的全部设定（环境变量 YIKEZHONG_…）。")(settings)

StudyDir = Annotated[Path, typer.Argument(help="研究目录（内有 study.toml）")]
NewDir = Annotated[Path, typer.Argument(help="要生成的研究目录")]
OutDir = Annotated[Path, typer.Option("--out", help="成果目录")]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="评价日期，如 2025-12-31；默认取研究设定或今天"),
]
AcceptDatum = Annotated[
    bool, typer.Option("--accept-datum", help="接受检测到的坐标偏移并换算")
]
AcceptRepairs = Annotated[
    bool, typer.Option("--accept-repairs", help="接受面积变化超过 1 % 的边界修复")
]


def evaluation_date(text: str | None, folder: Path) -> dt.date:
    """Return the date to evaluate: the one asked for, the study's own, or today."""
    from yikezhong_geodata.spec import read_spec

    if text is None:
        return read_spec(folder).as_of or dt.date.today()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"日期“{text}”无法识别", hint="请写成 2025-12-31 的形式"
        ) from None


@app.command(help="生成示范研究（离线、每次相同；示意数据，非实际边界与设施）。")
def demo(
    folder: NewDir,
    scale: Annotated[
        Literal["prefecture", "county", "province"],
        typer.Option(
            help="county（一个区）、prefecture（一个市）或 "
            "province（一个虚构的省：约 100 个县、1300 个乡镇、5800 万人）"
        ),
    ] = "prefecture",
    as_json: AsJson = False,
) -> None:
    """Generate the demonstration study."""
    from yikezhong_geodata.demo import build_demo

    with console.progress_bar(quiet=as_json) as progress:
        build_demo(folder, scale=scale, progress=progress)
    _done(
        {"study": str(folder), "scale": scale},
        f"示范研究已生成：{folder}。下一步：yikezhong run {folder} --out DIR",
        as_json=as_json,
    )


@app.command("import-osm", help="由 OSM 数据生成研究：行政区划、设施、道路、居住建筑。")
def import_osm_command(
    file: Annotated[Path, typer.Argument(help="OSM 数据（.osm.pbf 或 .osm）")],
    folder: NewDir,
    township_level: Annotated[int, typer.Option(help="乡镇级的 admin_level")] = 8,
    community_level: Annotated[int, typer.Option(help="社区级的 admin_level")] = 10,
    boundary: Annotated[
        list[str] | None,
        typer.Option(
            "--boundary",
            help="改用已有边界文件，写作 层级=文件，如 township=a.geojson；可多次",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a study from an OSM extract."""
    from yikezhong_geodata.sandbox.importing import import_osm_apart

    with console.progress_bar(quiet=as_json) as progress:
        import_osm_apart(
            file,
            folder,
            township_level=township_level,
            community_level=community_level,
            boundaries=[_level_file(text) for text in boundary or []],
            progress=progress,
        )
    _done(
        {"study": str(folder)},
        f"研究已生成：{folder}。下一步：yikezhong check {folder}",
        as_json=as_json,
    )


def _level_file(text: str) -> tuple[Path, str]:
    level, equals, file = text.partition("=")
    if not equals:
        raise InputError(f"--boundary 的值“{text}”应写作 层级=文件")
    return Path(file), level


@app.command(help="从 OpenStreetMap 下载道路、边界与设施（需要互联网）。")
def download(
    place: Annotated[str, typer.Argument(help="地名，如 随州市曾都区")],
    folder: NewDir,
    overpass_url: Annotated[str | None, typer.Option(help="Overpass 服务地址")] = None,
    nominatim_url: Annotated[
        str | None, typer.Option(help="Nominatim 服务地址")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download roads, boundaries and facilities with OSMnx."""
    from yikezhong_geodata.download import download_study

    with console.progress_bar(quiet=as_json) as progress:
        download_study(
            place,
            folder,
            overpass_url=overpass_url,
            nominatim_url=nominatim_url,
            progress=progress,
        )
    _done(
        {"study": str(folder)},
        f"研究已生成：{folder}。下一步：yikezhong check {folder}",
        as_json=as_json,
    )


@app.command(help="检查研究：读入全部图层，列出每一行的去向。")
def check(
    folder: StudyDir,
    as_of: AsOf = None,
    accept_datum: AcceptDatum = False,
    accept_repairs: AcceptRepairs = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="把数据报告全文写入该 CSV 文件")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a study and print what became of every row."""
    from yikezhong_geodata.sandbox.loading import load_study_apart

    folder = console.current_folder(folder, quiet=as_json)
    with console.progress_bar(quiet=as_json) as progress:
        study = load_study_apart(
            folder,
            as_of=evaluation_date(as_of, folder),
            accept_datum=accept_datum,
            accept_repairs=accept_repairs,
            progress=progress,
        )
    if report is not None:
        study.report.frame().to_csv(report, index=False, encoding="utf-8-sig")
    _show_report(study.report, as_json=as_json)


def _show_report(report: Any, *, as_json: bool) -> None:
    counts, findings = report.counts_frame(), report.frame()
    groups = (
        findings.groupby(["layer", "file", "problem", "action"], sort=True)
        .agg(rows=("problem", "size"), message=("message", "first"))
        .reset_index()
    )
    if as_json:
        console.print_json(
            {
                "counts": counts.to_dict("records"),
                "problems": groups.to_dict("records"),
            }
        )
        return
    headers = ("图层", "文件", "读入", "使用", "修复", "剔除")
    console.print_table("各图层行数", headers, counts.to_numpy().tolist())
    headers = ("图层", "文件", "问题", "处理", "行数", "例")
    console.print_table("数据问题", headers, groups.to_numpy().tolist())


@app.command(help="计算研究：服务圈、覆盖率、缺口，写成一个成果版本。")
def run(
    folder: StudyDir,
    out: OutDir,
    as_of: AsOf = None,
    accept_datum: AcceptDatum = False,
    accept_repairs: AcceptRepairs = False,
    force: Annotated[
        bool, typer.Option("--force", help="输入没有变化时也重新计算")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, help="计算进程数；默认按核数与内存，1 为不另开进程"
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Dask 调度器地址，如 tcp://127.0.0.1:8786；由集群计算"),
    ] = None,
    cut_by: Annotated[
        str | None,
        typer.Option(
            help="分块：行政级别（county、township …），或清单文件（每行一块，"
            "代码以空格分隔）；默认按县。结果与分块无关",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute a study and write a snapshot."""
    from yikezhong_app.snapshots.manifest import run_key
    from yikezhong_geodata.sandbox.reader import READERS

    started = time.monotonic()
    folder = console.current_folder(folder, quiet=as_json)
    day = evaluation_date(as_of, folder)
    flags = {"datum": accept_datum, "repairs": accept_repairs}
    key = run_key(folder, as_of=day, accepted=[f for f, on in flags.items() if on])
    snapshot = None if force else _same_result(out, key)
    if snapshot is None:
        READERS.prepare()  # it starts while this process still imports what it needs
        from yikezhong_app.commands.run import compute, read_cut

        cut = read_cut(cut_by)
        with console.progress_bar(quiet=as_json) as progress:
            snapshot = compute(
                folder,
                out,
                day=day,
                accept_datum=accept_datum,
                accept_repairs=accept_repairs,
                key=key,
                workers=workers,
                scheduler=scheduler,
                cut=cut,
                force=force,
                progress=progress,
            )
    elif not as_json:
        console.print_line("输入与程序都没有变化，沿用已有成果（--force 重新计算）。")
    _show_result(snapshot, time.monotonic() - started, out, as_json=as_json)


@app.command(help="作为集群的计算节点工作，直到被结束（Dask）。")
def worker(
    scheduler: Annotated[
        str, typer.Argument(help="调度器地址，如 tcp://127.0.0.1:8786")
    ],
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="进程数；默认按核数与内存")
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(min=0.5, help="每个进程的内存上限（GiB）；默认平分空闲内存"),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="本机供其他节点访问的地址；默认只限本机")
    ] = None,
) -> None:
    """Work for a Dask scheduler."""
    from yikezhong_app.engines.choosing import usual_workers
    from yikezhong_app.engines.cluster import run_worker

    usual, memory_bytes = usual_workers(workers)
    run_worker(
        scheduler,
        workers=usual,
        memory_gib=memory or memory_bytes / 2**30,
        host=host,
    )


def _same_result(out: Path, key: str) -> Any:
    """Return the current snapshot if it was made from the same inputs, else None.

    One that is damaged is told of, and made anew.
    """
    from yikezhong_app.snapshots.snapshot import (
        SnapshotMissingError,
        find_damage,
        open_current,
    )
    from yikezhong_coverage.errors import SourceError

    try:
        snapshot = open_current(out)
    except SnapshotMissingError:
        return None
    except SourceError as error:
        console.print_warning(f"已有成果不能使用，重新计算：{error}")
        return None
    if snapshot.manifest.get("run_key") != key:
        return None
    damage = find_damage(snapshot)
    if damage is not None:
        console.print_warning(f"已有成果的 {damage} 校验失败，重新计算。")
    return snapshot if damage is None else None


def _show_result(snapshot: Any, seconds: float, out: Path, *, as_json: bool) -> None:
    from yikezhong_app.commands.summary import top_rates

    rates = top_rates(snapshot)
    if as_json:
        console.print_json(
            {
                "version": snapshot.version,
                "as_of": snapshot.manifest["as_of"],
                "seconds": round(seconds, 2),
                "rates": rates,
            }
        )
        return
    rows = [
        (
            r["name"],
            r["service_name"],
            f"{r['minutes']:g} 分钟",
            r["denominator_name"],
            f"{r['covered']:,.0f} / {r['total']:,.0f}",
            "无法计算" if r["rate"] is None else f"{r['rate']:.1%}",
        )
        for r in rates
    ]
    headers = ("区划", "服务", "时限", "分母", "覆盖 / 总数", "覆盖率")
    console.print_table("覆盖率", headers, rows)
    console.print_line(f"成果版本 {snapshot.version}，用时 {seconds:.1f} 秒。")
    console.print_line(f"查看地图：yikezhong serve {out}")


@app.command(
    help="启动地图与接口服务。其余设定用环境变量 YIKEZHONG_…，"
    "yikezhong settings 列出全部。"
)
def serve(
    folder: Annotated[
        Path | None, typer.Argument(help="成果目录；默认为 YIKEZHONG_OUT")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="监听地址；默认为 YIKEZHONG_HOST")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="端口；默认为 YIKEZHONG_PORT"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="服务该数据库中已发布的成果，成果目录存放副本；"
            "默认为 YIKEZHONG_DATABASE"
        ),
    ] = None,
) -> None:
    """Serve the maps and the API of a result folder, or of a database."""
    from yikezhong_app.commands.settings import read_settings
    from yikezhong_app.web.serving import serve_forever

    serve_forever(read_settings(out=folder, host=host, port=port, database=database))


def _done(value: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        console.print_json(value)
    else:
        console.print_line(sentence)


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()  # before anything imports GDAL
    arguments = sys.argv[1:] if args is None else args
    try:
        with console.command():
            app(arguments)
    except SystemExit as ended:
        # an interrupt at the terminal: nobody has said anything about it yet
        if ended.code == console.EXIT_INTERRUPTED:
            console.print_error(console.interrupted(), as_json="--json" in arguments)
        raise
    except PlannerError as error:
        _fail(error, arguments)
    except BrokenPipeError:
        # who reads the output has seen enough
        sys.stdout = None
        sys.exit(console.EXIT_FAILED)
    except OSError as error:
        _fail(console.disk_error(error), arguments)


def _fail(error: PlannerError, arguments: list[str]) -> NoReturn:
    console.print_error(error, as_json="--json" in arguments)
    sys.exit(console.exit_code(error))

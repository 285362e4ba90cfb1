"""The command ``yikezhong site``: where to build, how much each site gains, the proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from yikezhong_app.commands import console
from yikezhong_coverage.errors import InputError

_MOST_LINES = 40
_RECORD_FORMATS = ("geojson", "csv", "json")


def site(
    folder: Annotated[Path, typer.Argument(help="成果目录")],
    goal: Annotated[
        str,
        typer.Option(
            help="max_people 覆盖最多、min_sites 设施最少、p_median 平均最近、"
            "p_center 最远者最近、target 使指标达标"
        ),
    ] = "max_people",
    service: Annotated[str | None, typer.Option(help="服务，如 elderly_circle")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="时限 [分钟]；默认为服务自己的")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="人群，如 people_60；默认为服务自己的")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="同一处还提供的服务，写作 服务=权重；可多次"),
    ] = None,
    weight: Annotated[
        int | None, typer.Option(help="有 --also 时 --service 的权重")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="设施个数")] = None,
    budget: Annotated[float | None, typer.Option(help="总预算")] = None,
    site_cost: Annotated[float | None, typer.Option(help="每处的费用")] = None,
    upgrade_cost: Annotated[
        float | None, typer.Option(help="候选点为 upgrade 时每处的费用")
    ] = None,
    capacity: Annotated[
        float | None,
        typer.Option(help="每处的容量（床位、托位），服务有容量限制时必填"),
    ] = None,
    count_planned: Annotated[
        bool, typer.Option("--count-planned", help="计划中的设施也算已有")
    ] = False,
    share: Annotated[
        float | None, typer.Option(help="覆盖比例或目标比例，0 至 1")
    ] = None,
    least_share: Annotated[
        float | None, typer.Option(help="每个乡镇至少达到的覆盖率，0 至 1")
    ] = None,
    worst_first: Annotated[
        bool, typer.Option("--worst-first", help="覆盖率最低的乡镇优先")
    ] = False,
    indicator: Annotated[
        str | None, typer.Option(help="指标编号（goal 为 target）")
    ] = None,
    area: Annotated[str | None, typer.Option(help="指标在哪个区划达标")] = None,
    candidates: Annotated[
        str,
        typer.Option(
            help="候选点：community_centres、generated、upgrade、category:类别，"
            "或点图层文件；几种来源用 + 相连"
        ),
    ] = "community_centres",
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="图层文件的列，写作 cost=列名；可为 id、name、cost、capacity；可多次",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="禁建区，写作 类别=米，如 river=100；可多次"),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option("--require", help="适建条件：须在其距离之内，写法同上；可多次"),
    ] = None,
    forced: Annotated[
        list[str] | None, typer.Option("--forced", help="必选的候选点编号；可多次")
    ] = None,
    forbidden: Annotated[
        list[str] | None, typer.Option("--forbidden", help="不选的候选点编号；可多次")
    ] = None,
    sites_per_year: Annotated[
        str | None, typer.Option(help="每年建几处，如 3,3,4")
    ] = None,
    budget_per_year: Annotated[
        str | None, typer.Option(help="每年的预算，如 100,100,80")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="计算时限 [秒]")] = 60.0,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            help="写出文件，按扩展名：.xlsx 工作簿、.docx 文档、.png 或 .svg 地图、"
            ".geojson 与 .csv 设施、.json 全部；可多次",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Search for sites on a result and print the plan."""
    from yikezhong_app.siting.plan_record import plan_record
    from yikezhong_app.siting.solve import solve_siting
    from yikezhong_app.snapshots.snapshot import open_current

    _check_files(out or [])
    values = {
        "goal": goal,
        "service": service,
        "minutes": minutes,
        "group": group,
        "also": [_also(text) for text in also or ()],
        "weight": weight,
        "n": n,
        "budget": budget,
        "site_cost": site_cost,
        "upgrade_cost": upgrade_cost,
        "capacity": capacity,
        "count_planned": count_planned,
        "share": share,
        "least_share": least_share,
        "worst_first": worst_first,
        "indicator": indicator,
        "area": area,
        "exclude": [_zone(text, "exclude") for text in exclude or ()],
        "require": [_zone(text, "require") for text in require or ()],
        "forced": forced,
        "forbidden": forbidden,
        "sites_per_year": _numbers(sites_per_year),
        "budget_per_year": _numbers(budget_per_year),
        "time_limit_s": time_limit,
        **_source(
            candidates, columns=dict(_pair(text, "column") for text in column or ())
        ),
    }
    request = _checked({k: v for k, v in values.items() if v is not None})
    snapshot = open_current(folder)
    with console.progress_bar(quiet=as_json) as progress:
        plan = plan_record(solve_siting(folder, snapshot, request, progress=progress))
    asked = request.model_dump(mode="json", exclude_defaults=True)
    for path in out or ():
        _write(path, snapshot, plan, asked)
    if as_json:
        console.print_json(plan)
        return
    _print(plan, asked)
    for path in out or ():
        console.print_line(f"{plan['n_sites']} 处设施已写入 {path}。")


def _checked(values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from yikezhong_app.siting.request import SitingRequest

    try:
        return SitingRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise InputError(str(first["ctx"]["error"])) from None
        name = str(first["loc"][0])
        if name == "layer":
            raise InputError(
                "候选点图层中有不可用的值", column=str(first["loc"][-1])
            ) from None
        given = first["input"] if len(first["loc"]) > 1 else values.get(name)
        raise InputError(f"--{name.replace('_', '-')} 的值“{given}”不可用") from None


def _source(text: str, *, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the candidates of a request: sources by name, and the layer of a file."""
    from yikezhong_app.siting.layer_file import MEMBERS, read_candidates

    for member in columns:
        if member not in MEMBERS:
            raise InputError(
                f"--column 的“{member}”不可用", hint=f"可用：{'、'.join(MEMBERS)}"
            )
    parts = [text] if Path(text).suffix else text.split("+")
    files = [part for part in parts if Path(part).suffix]
    if len(files) > 1:
        raise InputError("候选点图层文件只能有一个")
    if not files:
        if columns:
            raise InputError("--column 只用于候选点图层文件")
        return {"candidates": text}
    layer = read_candidates(Path(files[0]), columns=columns)
    names = ["layer" if part in files else part for part in parts]
    return {"candidates": "+".join(names), "layer": layer}


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise InputError(f"--{option} 的值“{text}”应写作 名称=值")
    return name, value


def _zone(text: str, option: str) -> dict[str, Any]:
    name, equals, metres = text.partition("=")
    if not equals:
        raise InputError(f"--{option} 的值“{text}”应写作 类别=米，如 river=100")
    return {"zone": name, "distance_m": metres}


def _also(text: str) -> dict[str, Any]:
    name, equals, weight = text.partition("=")
    return {"service": name, "weight": weight if equals else 1}


def _numbers(text: str | None) -> list[str] | None:
    return None if text is None else text.replace("，", ",").split(",")


def _check_files(paths: list[Path]) -> None:
    """Refuse files that cannot be written before anything is computed."""
    from yikezhong_app.exports.siting_files import SITING_FORMATS

    console.check_files(paths, formats=(*SITING_FORMATS, *_RECORD_FORMATS))


def _write(
    path: Path, snapshot: Any, plan: dict[str, Any], asked: dict[str, Any]
) -> None:
    """Write one file of a plan."""
    from yikezhong_app.exports.siting_files import make_siting_file
    from yikezhong_app.exports.siting_paper import SitingPaper
    from yikezhong_app.reading.catalog import load_catalog
    from yikezhong_app.siting import plan_record
    from yikezhong_app.web.formats import to_json

    form: Any = path.suffix.lstrip(".")
    if form == "geojson":
        body = plan_record.sites_geojson(plan)
    elif form == "csv":
        body = plan_record.sites_csv(plan)
    elif form == "json":
        body = to_json({"request": asked, **plan})
    else:
        body = make_siting_file(SitingPaper(load_catalog(snapshot), plan, asked), form)
    path.write_bytes(body)


def _print(plan: dict[str, Any], asked: dict[str, Any]) -> None:
    from yikezhong_app.exports.siting_words import plan_sentences

    headers = ("次序", "名称", "乡镇", "经度", "纬度", "新增人数", "累计覆盖率")
    rows = [
        (
            row["rank"],
            row["name"],
            row["township_name"],
            f"{row['lon']:.6f}",
            f"{row['lat']:.6f}",
            f"{row['gain']:,.0f}",
            "—" if row["cumulative_rate"] is None else f"{row['cumulative_rate']:.1%}",
        )
        for row in plan["sites"][:_MOST_LINES]
    ]
    title = f"{plan['service_name']}（{plan['minutes']:g} 分钟）：{plan['n_sites']} 处"
    console.print_table(title, headers, rows)
    for sentence in plan_sentences(plan, asked):
        console.print_line(sentence)
    console.print_line(f"用时 {plan['seconds']:.1f} 秒。")
    if plan["notice"]:
        console.print_line(f"{plan['notice']}。")

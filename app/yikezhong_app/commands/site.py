"""The command ``yikezhong site``: where to build, how much each site gains, the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from yikezhong_app.commands import console
from yikezhong_coverage.errors import InputError

_MOST_LINES = 40


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
    n: Annotated[int | None, typer.Option("--n", help="设施个数")] = None,
    budget: Annotated[float | None, typer.Option(help="总预算")] = None,
    site_cost: Annotated[float | None, typer.Option(help="每处的费用")] = None,
    share: Annotated[
        float | None, typer.Option(help="覆盖比例或目标比例，0 至 1")
    ] = None,
    least_share: Annotated[
        float | None, typer.Option(help="每个乡镇至少达到的覆盖率，0 至 1")
    ] = None,
    indicator: Annotated[
        str | None, typer.Option(help="指标编号（goal 为 target）")
    ] = None,
    area: Annotated[str | None, typer.Option(help="指标在哪个区划达标")] = None,
    candidates: Annotated[
        str,
        typer.Option(
            help="候选点：community_centres、generated、upgrade、category:类别，"
            "或点图层文件"
        ),
    ] = "community_centres",
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="禁建区，写作 类别=米，如 river=100；可多次"),
    ] = None,
    time_limit: Annotated[float, typer.Option(help="计算时限 [秒]")] = 60.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="写出设施：.geojson、.csv 或 .xlsx"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Search for sites on a result and print the plan."""
    from yikezhong_app.siting.plan_record import plan_record
    from yikezhong_app.siting.solve import solve_siting
    from yikezhong_app.snapshots.snapshot import open_current

    write = _writer(out)
    source = _source(candidates)
    values = {
        "goal": goal,
        "service": service,
        "minutes": minutes,
        "group": group,
        "n": n,
        "budget": budget,
        "site_cost": site_cost,
        "share": share,
        "least_share": least_share,
        "indicator": indicator,
        "area": area,
        "exclude": [_zone(text) for text in exclude or ()],
        "time_limit_s": time_limit,
        **source,
    }
    request = _checked({k: v for k, v in values.items() if v is not None})
    snapshot = open_current(folder)
    with console.progress_bar(quiet=as_json) as progress:
        plan = plan_record(solve_siting(folder, snapshot, request, progress=progress))
    if out is not None:
        out.write_bytes(write(plan))
    if as_json:
        console.print_json(plan)
        return
    _print(plan)
    if out is not None:
        console.print_line(f"{plan['n_sites']} 处设施已写入 {out}。")


def _checked(values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from yikezhong_app.siting.request import SitingRequest

    try:
        return SitingRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise InputError(str(first["ctx"]["error"])) from None
        name = str(first["loc"][0]).replace("_", "-")
        given = values.get(str(first["loc"][0]))
        raise InputError(f"--{name} 的值“{given}”不可用") from None


def _source(text: str) -> dict[str, Any]:
    """Return the candidates of a request: a source by name, or the points of a file."""
    path = Path(text)
    if not path.suffix:
        return {"candidates": text}
    from yikezhong_geodata.data_report import DataReport
    from yikezhong_geodata.vectors import read_vector

    table = read_vector(path, report=DataReport(), label="candidates")
    shapes = table.frame.geometry
    points = shapes[shapes.notna() & ~shapes.is_empty].representative_point()
    return {
        "candidates": "points",
        "points": [(float(p.x), float(p.y)) for p in points],
    }


def _zone(text: str) -> dict[str, Any]:
    name, equals, metres = text.partition("=")
    if not equals:
        raise InputError(f"--exclude 的值“{text}”应写作 类别=米，如 river=100")
    return {"zone": name, "distance_m": metres}


def _writer(out: Path | None) -> Any:
    from yikezhong_app.siting import plan_record

    known = {
        ".geojson": plan_record.sites_geojson,
        ".csv": plan_record.sites_csv,
        ".xlsx": plan_record.sites_xlsx,
    }
    if out is None:
        return None
    if out.suffix not in known:
        raise InputError(f"不能写“{out.suffix}”文件", hint=f"可用：{'、'.join(known)}")
    return known[out.suffix]


def _print(plan: dict[str, Any]) -> None:
    headers = ("次序", "名称", "乡镇", "经度", "纬度", "新增人数", "累计覆盖率")
    rows = [
        (
            row["rank"],
            row["name"],
            row["township_name"],
            f"{row['lon']:.6f}",
            f"{row['lat']:.6f}",
            f"{row['gain']:,.0f}",
            _rate(row["cumulative_rate"]),
        )
        for row in plan["sites"][:_MOST_LINES]
    ]
    title = f"{plan['service_name']}（{plan['minutes']:g} 分钟）：{plan['n_sites']} 处"
    console.print_table(title, headers, rows)
    before, after = plan["baseline"], plan["after"]
    console.print_line(
        f"{plan['group_name']} {before['total']:,.0f}：覆盖 {before['covered']:,.0f}"
        f"（{_rate(before['rate'])}）→ {after['covered']:,.0f}（{_rate(after['rate'])}）"
    )
    if plan["target"]:
        target = plan["target"]
        console.print_line(
            f"{target['name']}：{target['before']} → {target['after']} / "
            f"{target['n_area']}，目标 {target['wanted']}"
        )
    proof = (
        "已证明最优"
        if plan["proven"]
        else "与最优的差距尚不知道"
        if plan["gap"] is None
        else f"与最优相差不超过 {plan['gap']:.2%}"
    )
    console.print_line(
        f"候选点 {plan['n_candidates']} 个，可用 {plan['n_allowed']} 个；{proof}；"
        f"用时 {plan['seconds']:.1f} 秒。"
    )
    if plan["notice"]:
        console.print_line(f"{plan['notice']}。")


def _rate(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.1%}"

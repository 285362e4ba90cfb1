"""Commands about plans: ``yikezhong scorecard`` and ``yikezhong plan check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yikezhong_app.commands import console
from yikezhong_coverage.errors import InputError

if TYPE_CHECKING:
    from yikezhong_app.reading.catalog import Catalog
    from yikezhong_app.reading.records import Row

plan_app = typer.Typer(
    help="规划登记表：检查自己写的规划。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_BAD_INPUT = 2


def scorecard(
    folder: Annotated[Path, typer.Argument(help="成果目录")],
    level: Annotated[
        str | None, typer.Option(help="层级：列出这一级全部区划，如 township")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="一个区划的代码（可用短码）或名称")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="只列一个规划，如 hubei-14fyp")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Print the scorecard of divisions: all of a level, one, or the highest."""
    from yikezhong_app.reading.catalog import Catalog
    from yikezhong_app.reading.indicator_rows import scorecard_rows, summary_of
    from yikezhong_app.snapshots.snapshot import open_current
    from yikezhong_app.web.queries import IndicatorsFilter

    catalog = Catalog(open_current(folder))
    if "indicators" not in catalog.snapshot.table_names:
        raise InputError(
            "成果中没有规划指标",
            file=folder.name,
            hint='请在 study.toml 的 [study] 写明 plans = ["hubei-14fyp"]，再重新运行',
        )
    query = IndicatorsFilter(plan=plan)
    cards = [
        (row, scorecard_rows(catalog, row, query))
        for row in _divisions(catalog, level=level, code=code)
    ]
    if as_json:
        document = {
            **catalog.head,
            "scorecards": [
                {
                    "division": {k: row[k] for k in ("code", "name", "level")},
                    "summary": summary_of(lines),
                    "indicators": lines,
                }
                for row, lines in cards
            ],
        }
        console.print_json(document)
        return
    for row, lines in cards:
        _print_card(row, lines, as_of=catalog.as_of)


def _divisions(catalog: Catalog, *, level: str | None, code: str | None) -> list[Row]:
    """Return the divisions whose scorecards are wanted."""
    if code is not None:
        return [catalog.find_division(code, level=level)]
    wanted = next(iter(catalog.levels)) if level is None else catalog.check_level(level)
    return [row for row in catalog.divisions if row["level"] == wanted]


def _print_card(row: Row, lines: list[Row], *, as_of: str) -> None:
    from yikezhong_app.plan_words import STATUS_NAMES
    from yikezhong_app.reading.indicator_rows import summary_of

    headers = ("编号", "指标", "数值", "目标", "结论", "差距", "说明")
    rows = [
        (
            line["indicator_id"],
            line["name"],
            _value(line["value"], line),
            "" if line["target"] is None
            else f"{line['comparison']} {_value(line['target'], line)}",
            line["status_name"],
            line["missing_text"] or "",
            _remark(line),
        )
        for line in lines
    ]  # fmt: skip
    console.print_table(f"{row['name']} 指标卡（{as_of}）", headers, rows)
    counts = summary_of(lines)
    sentence = "，".join(f"{STATUS_NAMES[k]} {n} 项" for k, n in counts.items() if n)
    console.print_line(f"{row['name']}：{sentence or '没有可列的指标'}。")


def _value(value: float | None, line: Row) -> str:
    from yikezhong_app.plan_words import number_text

    if value is None:
        return "—"
    share = line.get("value_unit") == "share" or (
        line["denominator"] is not None and line["rule"] in _SHARES
    )
    return f"{value:.1%}" if share else number_text(value)


#: Rules whose value is a part of a whole.
_SHARES = frozenset(
    {"presence", "facility_share", "step_standard", "network_time", "boundary_quality"}
)


def _remark(line: Row) -> str:
    words = [line["reason"]] if line["reason"] else []
    if line["conflicting"]:
        others = "、".join(
            f"{other['indicator_id']} {other['status_name']}"
            for other in line["conflicting"]
        )
        words.append(f"并列：{others}")
    if line["flips"]:
        words.append("结论随步速改变")
    return "；".join(words)


@plan_app.command("check", help="检查规划登记表（YAML）：列出每一处错误与改法。")
def check_plan_file(
    file: Annotated[Path, typer.Argument(help="规划登记表，如 my-plan.yaml")],
    as_json: Annotated[
        bool, typer.Option("--json", help="输出 JSON，供程序读取")
    ] = False,
) -> None:
    """Check a register and explain its mistakes; exit code 2 where there are any."""
    from yikezhong_geodata.plans.check import check_plan

    mistakes = check_plan(file)
    if as_json:
        console.print_json(
            {
                "file": file.name,
                "ok": not mistakes,
                "mistakes": [
                    {
                        "line": m.line,
                        "entry": m.entry,
                        "key": m.key,
                        "reason": m.reason,
                        "remedy": m.remedy,
                    }
                    for m in mistakes
                ],
            }
        )
    elif mistakes:
        for mistake in mistakes:
            console.print_line(str(mistake))
        console.print_line(f"共 {len(mistakes)} 处错误。")
    else:
        console.print_line(f"{file.name}：没有错误。")
    if mistakes:
        raise typer.Exit(_BAD_INPUT)

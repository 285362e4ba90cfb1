"""Run the benchmarks: ``python -m benchmarks [--only q1 …] [--sizes …] [--quick]``."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import time
from pathlib import Path

from benchmarks import others, q1, q2, q3, q4, q5
from benchmarks.measure import Table
from benchmarks.networks import make_case
from benchmarks.report import RESULTS, print_rows, print_table, write_results

SIZES = {
    "county": ("porto_alegre", "beijing", "liechtenstein"),
    "prefecture": ("prefecture",),
    "province": ("province",),
}
QUESTIONS = {"q1": q1.run, "q2": q2.run, "q3": q3.run, "q4": q4.run}
ALL = (*QUESTIONS, "q5", "others")


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for, print one table and write the results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=ALL, default=list(ALL))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a small made town only")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument(
        "--result", type=Path, help="a folder of `yikezhong run --out`, to be served"
    )
    terms = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    table = Table()
    names = ["tiny"] if terms.quick else [n for s in terms.sizes for n in SIZES[s]]
    for name in names:
        _measure_network(name, terms, table)
    if "q5" in terms.only:
        _say("siting: q5")
        q5.run(table, quick=terms.quick)
    print_table(table)
    complete = not terms.quick and len(terms.sizes) == len(SIZES)
    complete = complete and len(terms.only) == len(ALL)
    out = terms.out or (RESULTS if complete else None)
    if out is not None:
        write_results(table, out, today=dt.date.today(), load=load)
        print(f"written to {out}")


def _measure_network(name: str, terms: argparse.Namespace, table: Table) -> None:
    """Ask all questions that are asked for of one network."""
    case = make_case(name)
    repeats = 2 if terms.quick else terms.repeats
    if "others" in terms.only:
        others.run_preparation(case, table)
    for question, ask in QUESTIONS.items():
        circles = question == "q3" and case.name not in ("tiny", "porto_alegre")
        if question in terms.only and not circles:
            _say(f"{name}: {question}")
            known = len(table.rows)
            ask(case, table, repeats=repeats, outside=not terms.quick)
            print_rows(table.rows[known:])
    if "others" in terms.only and name in ("tiny", "prefecture"):
        _say("others")
        others.run(table, case, repeats=repeats, result=terms.result, quick=terms.quick)


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what} …", flush=True)


if __name__ == "__main__":
    main()

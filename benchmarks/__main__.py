"""Run the benchmarks: ``python -m benchmarks [--quick] [--sizes …] [--questions …]``."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

from benchmarks import q1, q2, q3, q4
from benchmarks.measure import Table
from benchmarks.networks import make_case
from benchmarks.report import print_table, write_results

SIZES = {
    "county": ("porto_alegre", "beijing", "liechtenstein"),
    "prefecture": ("prefecture",),
    "province": ("province",),
}
QUESTIONS = {"q1": q1.run, "q2": q2.run, "q3": q3.run, "q4": q4.run}
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for, print one table and write the results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument(
        "--questions", nargs="+", choices=list(QUESTIONS), default=list(QUESTIONS)
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a small made town only")
    parser.add_argument("--out", type=Path, default=None)
    terms = parser.parse_args(arguments)
    names = [name for size in terms.sizes for name in SIZES[size]]
    table = Table()
    for name in ["tiny"] if terms.quick else names:
        case = make_case(name)
        for question in terms.questions:
            if question == "q3" and case.name not in ("tiny", "porto_alegre"):
                continue
            print(f"{name}: {question} …", flush=True)
            QUESTIONS[question](
                case, table, repeats=2 if terms.quick else terms.repeats
            )
        del case
    print_table(table)
    whole = not terms.quick and len(terms.sizes) == len(SIZES)
    whole = whole and len(terms.questions) == len(QUESTIONS)
    out = terms.out or (RESULTS if whole else None)
    if out is not None:
        write_results(table, out, today=dt.date.today())
        print(f"written to {out}")


if __name__ == "__main__":
    main()

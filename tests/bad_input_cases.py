"""Bad inputs as a user meets them: a small study with one thing wrong, and ``check``.

A case is a line of a table: its number in ``docs/bad-inputs.md``, what is wrong, how to
make it, and what must come of it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

import study_cases as study
from yikezhong_app.cli import main

Edit = Callable[[Path], object]
Build = Callable[[Path], Path]

#: People of the small study, whatever is wrong with its other layers.
PEOPLE = 10_500


@dataclass(frozen=True)
class Refused:
    """The whole input is refused: exit code 2, a typed error with its place."""

    number: int
    title: str
    edit: Edit
    code: str
    file: str
    status: int = 422
    row: int | None = None
    column: str | None = None
    says: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listed:
    """The input is taken and the data report says what became of it."""

    number: int
    title: str
    edit: Edit
    problem: str
    action: str = "noted"
    rows: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    people: float | None = PEOPLE
    flags: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True)
class Answer:
    """What ``check --json --report`` said."""

    code: int
    document: dict[str, Any]
    report: list[dict[str, str]]
    errors: str

    def rows(self, problem: str) -> list[dict[str, str]]:
        """Return the lines of the data report about a problem."""
        return [line for line in self.report if line["problem"] == problem]


def check(
    folder: Path, capsys: pytest.CaptureFixture[str], *flags: str, to: Path
) -> Answer:
    """Run ``yikezhong check`` on a study."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(folder), "--json", "--report", str(to), *flags])
    captured = capsys.readouterr()
    report = []
    if to.exists():
        with to.open(encoding="utf-8-sig", newline="") as stream:
            report = list(csv.DictReader(stream))
    code = int(stopped.value.code or 0)
    return Answer(code, json.loads(captured.out), report, captured.err)


# -- where the bad thing goes ----------------------------------------------------------


def in_place_of(file: str, build: Build, *, more: str = "") -> Edit:
    """Build a file and have the study read it in the place of one of its own."""

    def edit(folder: Path) -> None:
        name = build(folder).name
        change(folder, f'file = "{file}"', f'file = "{name}"{more}')

    return edit


def boundary(build: Build, *, more: str = "") -> Edit:
    return in_place_of("townships.geojson", build, more=more)


def facility(build: Build, *, more: str = "") -> Edit:
    return in_place_of("facilities.csv", build, more=more)


def roads(build: Build) -> Edit:
    return in_place_of("roads.geojson", build)


def population(build: Build, *, kind: str = "table", more: str = "") -> Edit:
    """Have the study read people from a file, and no longer from its boundaries."""

    def edit(folder: Path) -> None:
        name = build(folder).name
        strip_people(folder)
        text = f'\n[[population]]\nfile = "{name}"\nkind = "{kind}"\n{more}'
        path = folder / "study.toml"
        path.write_text(path.read_text("utf-8") + text, encoding="utf-8")

    return edit


def strip_people(folder: Path) -> None:
    frame = study.communities().drop(columns=["常住人口", "60岁以上人口"])
    study.write_geojson(frame, folder / "communities.geojson")


def change(folder: Path, old: str, new: str) -> None:
    """Change one piece of ``study.toml``."""
    path = folder / "study.toml"
    text = path.read_text("utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def communities(alter: Callable[[gpd.GeoDataFrame], object]) -> Edit:
    """Alter the frame of communities in place and write it again."""

    def edit(folder: Path) -> None:
        frame = study.communities()
        alter(frame)
        study.write_geojson(frame, folder / "communities.geojson")

    return edit


def geometry_cell(geometry: object) -> Edit:
    """Give the first community a geometry as GeoJSON says it."""

    def edit(folder: Path) -> None:
        path = folder / "communities.geojson"
        document = json.loads(path.read_text("utf-8"))
        document["features"][0]["geometry"] = geometry
        path.write_text(json.dumps(document), encoding="utf-8")

    return edit


def facility_rows(*rows: Sequence[str], header: Sequence[str] | None = None) -> Edit:
    """Add rows to the facility list (or make a list of its own with a header)."""

    def edit(folder: Path) -> None:
        head, first = (
            (header, ()) if header else (study.FACILITY_HEADER, study.FACILITIES)
        )
        study.write_csv(folder / "facilities.csv", head, [*first, *rows])

    return edit


def facility_row(**changes: str) -> tuple[str, ...]:
    """Return a good row of the facility list with some cells changed."""
    row = dict(zip(study.FACILITY_HEADER, study.FACILITIES[0], strict=True))
    row.update({"设施编号": "F9", "机构名称": "新设的日间照料中心", **changes})
    return tuple(row.values())


def frame_as(frame: gpd.GeoDataFrame, name: str, **options: object) -> Build:
    """Return a builder that writes a frame with OGR."""

    def build(folder: Path) -> Path:
        frame.to_file(folder / name, **options)
        return folder / name

    return build

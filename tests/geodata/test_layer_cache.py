"""Layers that are kept: what comes out is always what a run without them gives."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plan_cases import GOOD
from study_cases import STUDY_TOML, write_csv, write_study
from study_equality import assert_equal_studies
from yikezhong_coverage.errors import InputError
from yikezhong_geodata import layer_keys as keys_module
from yikezhong_geodata.sandbox import loading
from yikezhong_geodata.sandbox.call import Answer
from yikezhong_geodata.sandbox.loading import load_study_apart
from yikezhong_geodata.study import load_study
from yikezhong_geodata.study_layers import LAYER_NAMES

DAY = dt.date(2025, 12, 31)
ALL = set(LAYER_NAMES)
#: What is made of the divisions or the roads.
BELOW = {"extent", "facilities", "people", "plans", "sums"}
PEOPLE = {"people", "plans", "sums"}
TOML = (
    STUDY_TOML.replace('name = "小样"', 'name = "小样"\nplans = ["mine.yaml"]')
    + """
[[population]]
kind = "table"
file = "people.csv"
basis = "常住"
year = 2020

[[attributes]]
file = "more.csv"

[parameters]
min_component_m = 100
"""
)


class _Heard:
    """What the child was asked to make; None where there was none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: set[str] | None = None
        real = loading.run_apart

        def listen(task: str, payload: dict[str, Any], **options: Any) -> Answer:
            self.made = ALL - set(payload["kept"])
            return real(task, payload, **options)

        monkeypatch.setattr(loading, "run_apart", listen)

    def load(self, folder: Path, cache: Path, **options: Any) -> set[str] | None:
        """Load with the kept layers and without; return what was made."""
        self.made = None
        options = {"as_of": DAY, **options}
        kept = load_study_apart(folder, cache=cache, **options)
        assert_equal_studies(load_study(folder, **options), kept)
        return self.made


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> _Heard:
    return _Heard(monkeypatch)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = write_study(tmp_path / "study", toml=TOML)
    write_csv(
        folder / "people.csv",
        ("区划代码", "常住人口"),
        [("421303001001", "4100"), ("421303400201", "7"), ("421303999001", "3")],
    )
    write_csv(
        folder / "more.csv",
        ("区划代码", "困难群众较多"),
        [("421303001001", "是"), ("421303400201", "否")],
    )
    _write_plan(folder, "甲")
    return folder


def _write_plan(folder: Path, name: str) -> None:
    (folder / "mine.yaml").write_text(GOOD.replace("某县规划", name), "utf-8")


def _entries(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()}


def _swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text("utf-8-sig")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return change


def _add_facility(folder: Path) -> None:
    with (folder / "facilities.csv").open("a", encoding="utf-8") as file:
        csv.writer(file).writerow(
            ["F9", "新日间照料中心", "日间照料", "助餐", "5", "运营", "2024", "", "113.38", "31.72"]
        )  # fmt: skip


def _move_corner(folder: Path) -> None:
    path = folder / "townships.geojson"
    layer = json.loads(path.read_text("utf-8"))
    ring = layer["features"][0]["geometry"]["coordinates"][0]
    ring[0][0] -= 0.001
    ring[-1][0] -= 0.001
    path.write_text(json.dumps(layer), "utf-8")


def _shorten_roads(folder: Path) -> None:
    path = folder / "roads.geojson"
    layer = json.loads(path.read_text("utf-8"))
    del layer["features"][-1]
    path.write_text(json.dumps(layer), "utf-8")


EDITS: dict[str, tuple[Callable[[Path], None], set[str] | None]] = {
    "facility": (_add_facility, {"facilities"}),
    "population": (_swap("people.csv", "4100", "4200"), PEOPLE),
    "boundary": (_move_corner, ALL - {"roads"}),
    "road": (_shorten_roads, {"roads", *BELOW}),
    "attribute": (_swap("more.csv", "是", "否"), {"plans"}),
    "plan": (lambda folder: _write_plan(folder, "乙"), {"plans"}),
    "walking speed": (
        _swap("study.toml", "[parameters]", "[parameters]\nwalk_speed_mps = 0.8"),
        {"roads", *BELOW},
    ),
    "short roads": (
        _swap("study.toml", "min_component_m = 100", "min_component_m = 20000"),
        {"facilities"},
    ),
    "basis": (_swap("study.toml", "year = 2020", "year = 2021"), ALL - {"roads"}),
    "name": (_swap("study.toml", "小样", "大样"), None),
    "limits": (
        _swap("study.toml", "[parameters]", "[parameters]\nlimits_min = [7]"),
        None,
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_makes_what_depends_on_it_and_nothing_else(
    study: Path, tmp_path: Path, heard: _Heard, edit: str
) -> None:
    cache = tmp_path / "cache"
    assert heard.load(study, cache) == ALL
    before = _entries(cache)
    assert len(before) == len(ALL)
    assert heard.load(study, cache) is None
    assert _entries(cache) == before
    change, expected = EDITS[edit]
    change(study)
    assert heard.load(study, cache) == expected
    # the layers of the last run stay, and only they
    changed = {name.partition("-")[0] for name in _entries(cache) - before}
    assert changed == (expected or set())
    assert len(_entries(cache)) == len(ALL)
    assert heard.load(study, cache) is None


def test_day_and_consent_are_part_of_the_keys(
    study: Path, tmp_path: Path, heard: _Heard
) -> None:
    cache = tmp_path / "cache"
    heard.load(study, cache)
    assert heard.load(study, cache, as_of=dt.date(2021, 1, 1)) == {"facilities"}
    made = heard.load(study, cache, as_of=dt.date(2021, 1, 1), accept_datum=True)
    assert made == ALL - {"roads"}


def test_a_study_elsewhere_has_the_same_layers(
    study: Path, tmp_path: Path, heard: _Heard
) -> None:
    cache = tmp_path / "cache"
    heard.load(study, cache)
    shutil.copytree(study, tmp_path / "copy")
    assert heard.load(tmp_path / "copy", cache) is None


def test_other_code_makes_all_anew(
    study: Path, tmp_path: Path, heard: _Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    heard.load(study, cache)
    monkeypatch.setattr(keys_module, "program_digest", lambda: "another")
    assert heard.load(study, cache) == ALL


def test_what_is_damaged_is_made_again(
    study: Path, tmp_path: Path, heard: _Heard
) -> None:
    cache = tmp_path / "cache"
    heard.load(study, cache)
    files = sorted(path for path in cache.rglob("*") if path.is_file())
    assert len(files) > 2 * len(ALL)
    for number, path in enumerate(files):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1 << number % 8
        path.write_bytes(raw)
        assert heard.load(study, cache) == {path.parent.name.partition("-")[0]}
    for path in files[::5]:
        path.unlink()
        assert heard.load(study, cache) == {path.parent.name.partition("-")[0]}
    (files[0].parent / "more.arrow").write_bytes(b"")
    assert heard.load(study, cache) == {files[0].parent.name.partition("-")[0]}


def test_a_link_is_no_kept_layer(study: Path, tmp_path: Path, heard: _Heard) -> None:
    cache = tmp_path / "cache"
    heard.load(study, cache)
    (roads,) = cache.glob("roads-*")
    own = roads / "walking.arrow"
    own.rename(tmp_path / "elsewhere.arrow")
    own.symlink_to(tmp_path / "elsewhere.arrow")
    assert heard.load(study, cache) == {"roads"}
    assert (tmp_path / "elsewhere.arrow").exists()


def test_only_our_own_layers_are_removed(
    study: Path, tmp_path: Path, heard: _Heard
) -> None:
    cache = tmp_path / "cache"
    strangers = {"roads-old", "notes", "roads-" + "g" * 64}
    for name in strangers:
        (cache / name).mkdir(parents=True)
    (cache / "roads.txt").write_text("x", "utf-8")
    ours = {"people-" + "0" * 64, "reading-old"}
    for name in ours:
        (cache / name).mkdir()
        (cache / name / "x").touch()
        os.utime(cache / name, (0, 0))
    (cache / "reading-now").mkdir()
    heard.load(study, cache)
    left = _entries(cache)
    assert strangers | {"roads.txt", "reading-now"} <= left
    assert not ours & left


def test_a_network_that_stayed_is_told_of_kept_layers_too(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    real = loading.run_apart
    with monkeypatch.context() as patch:
        patch.setattr(
            loading,
            "run_apart",
            lambda *a, **k: Answer(real(*a, **k).value, isolated=False),
        )
        load_study_apart(study, as_of=DAY, cache=cache)
    kept = load_study_apart(study, as_of=DAY, cache=cache)
    assert "network_not_cut" in {f.problem for f in kept.report.findings}


def test_an_error_is_the_same_and_leaves_what_was_kept(
    study: Path, tmp_path: Path, heard: _Heard
) -> None:
    cache = tmp_path / "cache"
    heard.load(study, cache)
    good = (study / "facilities.csv").read_bytes()
    _swap("facilities.csv", "F2", "F1")(study)
    with pytest.raises(InputError) as here:
        load_study(study, as_of=DAY)
    with pytest.raises(InputError) as apart:
        load_study_apart(study, as_of=DAY, cache=cache)
    assert str(here.value) == str(apart.value)
    (study / "facilities.csv").write_bytes(good)
    assert heard.load(study, cache) is None


def test_the_county_is_the_same_from_kept_layers(
    county_run: Any, tmp_path: Path, heard: _Heard
) -> None:
    study, cache = tmp_path / "study", tmp_path / "cache"
    shutil.copytree(county_run.study, study)
    assert heard.load(study, cache) == ALL
    assert heard.load(study, cache) is None
    path = study / "facilities_civic.csv"
    lines = path.read_text("utf-8-sig").splitlines()
    path.write_text("\n".join([lines[0], *lines[2:]]), "utf-8")
    assert heard.load(study, cache) == {"facilities"}


@pytest.mark.real_data
def test_liechtenstein_is_the_same_from_kept_layers(
    real_data: Path, tmp_path: Path, heard: _Heard
) -> None:
    from yikezhong_geodata.osm_study import import_osm

    study, cache = tmp_path / "study", tmp_path / "cache"
    import_osm(real_data / "liechtenstein" / "liechtenstein-latest.osm.pbf", study)
    assert heard.load(study, cache) == ALL
    assert heard.load(study, cache) is None

"""Versions of a study: whole, one current, what died put right; study.toml rewritten."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_cases import STUDY_TOML, write_study
from yikezhong_geodata.spec import read_spec
from yikezhong_geodata.study_sources import (
    SourceChoiceError,
    choose_source,
    exchanged,
    find_spec,
    list_sources,
)
from yikezhong_geodata.study_versions import (
    CURRENT,
    StudyBusyError,
    StudyVersionError,
    add_version,
    changing,
    current_study,
    current_version,
    pending,
    study_files,
)
from yikezhong_geodata.toml_text import toml_text

KEYS = st.text(max_size=8)
PLAIN = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_toml_comes_back_as_it_was(table: dict[str, Any]) -> None:
    found = tomllib.loads(toml_text(table))
    assert typed(found) == typed(table)


def typed(value: Any) -> Any:
    """Return a value with its types: 1 is not 1.0, and not True."""
    if isinstance(value, dict):
        return {key: typed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [typed(one) for one in value]
    return type(value), repr(value)


@pytest.mark.parametrize("value", [None, float("nan"), object(), {"a": None}])
def test_what_toml_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        toml_text({"a": value})


def test_a_study_reads_the_same_from_its_rewritten_settings(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    spec = read_spec(folder)
    table = tomllib.loads(STUDY_TOML)
    (folder / "study.toml").write_text(toml_text(table), encoding="utf-8")
    assert read_spec(folder) == spec


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "s")


def test_sources_have_ids(study: Path) -> None:
    assert [(s.id, s.file) for s in list_sources(study)] == [
        ("facilities-1", "facilities.csv"),
        ("boundaries-1", "communities.geojson"),
        ("boundaries-2", "townships.geojson"),
        ("roads-1", "roads.geojson"),
    ]
    assert find_spec(study, "boundaries-2").file == "townships.geojson"
    assert find_spec(study, "roads-1").file == "roads.geojson"


def test_which_source_is_meant(study: Path) -> None:
    sources = list_sources(study)
    only = choose_source(sources, "facilities", source_id=None)
    assert only is not None and only.id == "facilities-1"
    assert choose_source(sources, "facilities", source_id="new") is None
    assert choose_source(sources, "population", source_id=None) is None
    for layer, source_id in (
        ("boundaries", None),
        ("boundaries", "facilities-1"),
        ("facilities", "facilities-2"),
        ("roads", "new"),
    ):
        with pytest.raises(SourceChoiceError):
            choose_source(sources, layer, source_id=source_id)


def test_a_replaced_file_keeps_what_the_study_said_of_it(study: Path) -> None:
    text = STUDY_TOML.replace(
        'file = "facilities.csv"',
        'file = "facilities.csv"\ndatum = "gcj02"\nencoding = "gb18030"\n'
        'columns = {beds = "床位数"}',
    )
    (study / "study.toml").write_text(text, encoding="utf-8")
    old = choose_source(list_sources(study), "facilities", source_id=None)
    new, source_id = exchanged(
        study, "facilities", replaced=old, file="b.csv", settings={"status": "open"}
    )
    assert source_id == "facilities-1"
    assert tomllib.loads(new)["facilities"] == [
        {
            "file": "b.csv",
            "datum": "gcj02",
            "columns": {"beds": "床位数"},
            "status": "open",
        }
    ]
    changed = tomllib.loads(text)
    changed.pop("facilities")
    assert {k: v for k, v in tomllib.loads(new).items() if k != "facilities"} == changed
    added, source_id = exchanged(
        study, "facilities", replaced=None, file="c.csv", settings={}
    )
    assert source_id == "facilities-2"
    assert [f["file"] for f in tomllib.loads(added)["facilities"]] == [
        "facilities.csv",
        "c.csv",
    ]
    roads = list_sources(study)[-1]
    single, _ = exchanged(study, "roads", replaced=roads, file="r.osm", settings={})
    assert tomllib.loads(single)["roads"] == {"file": "r.osm"}


def test_a_version_becomes_current_when_all_went_well(
    study: Path, tmp_path: Path
) -> None:
    candidate = write_study(tmp_path / "candidate")
    (candidate / "facilities.csv").write_text("编号\n", encoding="utf-8")
    assert current_study(study) == study and current_version(study) is None
    before = study_files(study)
    with changing(study):
        with pytest.raises(StudyBusyError), changing(study):
            pass
        failed = add_version(study, candidate, note={"by": "li"})
        with pytest.raises(ZeroDivisionError), pending(study, failed, run_key="k"):
            raise ZeroDivisionError
        assert current_version(study) is None
        assert not (study / "versions" / failed).exists()
        version = add_version(study, candidate, note={"by": "li"})
        with pending(study, version, run_key="k"):
            assert current_version(study) is None
    assert current_study(study) == study / "versions" / version
    assert read_spec(current_study(study)).name == "小样"
    assert study_files(study) == before  # the versions are no part of the study
    assert current_study(study / "study.toml") == study / "study.toml"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": "../.."}', '{"version": "x"}']
)
def test_a_bad_pointer_is_an_error(study: Path, text: str) -> None:
    (study / CURRENT).write_text(text, encoding="utf-8")
    with pytest.raises(StudyVersionError):
        current_study(study)


def test_dates_of_a_study_are_written_as_dates() -> None:
    assert "as_of = 2023-12-31\n" in toml_text({"as_of": dt.date(2023, 12, 31)})

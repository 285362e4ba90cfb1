"""study.toml: every mistake names its key; nothing outside the folder is opened."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from study_cases import STUDY_TOML, write_study
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.spec import Parameters, StudySpec, read_spec
from yikezhong_geodata.toml_keys import StudyPathError, StudySpecError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study")


def rewrite(folder: Path, text: str) -> Path:
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def test_spec_reads_every_section(folder: Path) -> None:
    text = STUDY_TOML.replace(
        'name = "小样"', 'name = "小样"\nnotice = "示意"\nplans = ["甲"]'
    )
    text += (
        '\n[map]\nissuer = "某院"\napproval_number = "审图号"\n'
        "[parameters]\nwalk_speed_mps = 0.8\nlimits_min = [30, 15]\nown_level = 'county'\n"
        '[demand]\nmethod = "roads"\nbuildings = {file = "townships.geojson", weight = "area"}\n'
        '[[population]]\nfile = "facilities.csv"\nkind = "table"\nbasis = "常住"\nyear = 2020\n'
    )
    spec = read_spec(rewrite(folder, text))
    assert spec.name == "小样"
    assert spec.as_of == dt.date(2023, 12, 31)
    assert spec.plans == ("甲",)
    assert spec.map.issuer == "某院"
    assert spec.parameters.limits_min == (15.0, 30.0)
    assert spec.parameters.walk_speed_mps == 0.8
    assert spec.parameters.max_snap_m == Parameters().max_snap_m
    assert spec.demand.buildings is not None
    assert spec.demand.buildings.weight == "area"
    assert spec.population[0].year == 2020
    assert [b.file for b in spec.boundaries] == [
        "communities.geojson",
        "townships.geojson",
    ]
    assert read_spec(folder / "study.toml") == spec


def test_spec_is_frozen(folder: Path) -> None:
    spec = read_spec(folder)
    with pytest.raises(AttributeError):
        spec.name = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "小样"', 'nmae = "小样"', "study.name"),
        ('name = "小样"', "name = 3", "study.name"),
        ('name = "小样"', 'name = " "', "study.name"),
        ('name = "小样"', 'name = "a"\nother = 1', "study.other"),
        ("as_of = 2023-12-31", 'as_of = "去年"', "study.as_of"),
        ("as_of = 2023-12-31", 'code_system = "us"', "study.code_system"),
        ('basis = "常住"', 'levle = "county"', "boundaries[1].levle"),
        ('basis = "常住"', 'level = "shire"', "boundaries[1].level"),
        ('basis = "常住"', 'datum = "wgs72"', "boundaries[1].datum"),
        ('basis = "常住"', "columns = {code = 3}", "boundaries[1].columns"),
        ("year = 2020", "year = true", "boundaries[1].year"),
        ("[roads]", "[road]", "roads"),
        ("[[boundaries]]", "[[boundary]]", "boundaries"),
        ('file = "facilities.csv"', "category = 'x'", "facilities[1].file"),
    ],
)
def test_wrong_keys_are_named(folder: Path, old: str, new: str, key: str) -> None:
    rewrite(folder, STUDY_TOML.replace(old, new))
    with pytest.raises(StudySpecError) as caught:
        read_spec(folder)
    assert caught.value.column == key
    assert caught.value.file == "study.toml"


def test_a_misspelt_key_gets_a_suggestion(folder: Path) -> None:
    rewrite(folder, STUDY_TOML.replace("as_of", "as_off"))
    with pytest.raises(StudySpecError, match="是否应为“as_of”"):
        read_spec(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv",
        "/etc/passwd",
        "a/../../secret.csv",
        "..\\\\secret.csv",
        "C:/secret.csv",
        "/vsicurl/http://x/a.gpkg",
        "http://x/a.gpkg",
        "PG:dbname=x",
        "missing.csv",
        ".",
    ],
)
def test_paths_stay_inside(folder: Path, name: str) -> None:
    (folder.parent / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    rewrite(folder, STUDY_TOML.replace("facilities.csv", name))
    with pytest.raises(StudyPathError) as caught:
        read_spec(folder)
    assert caught.value.column == "facilities[1].file"


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    secret = folder.parent / "secret.csv"
    secret.write_text("a\n1\n", encoding="utf-8")
    (folder / "link.csv").symlink_to(secret)
    rewrite(folder, STUDY_TOML.replace("facilities.csv", "link.csv"))
    with pytest.raises(StudyPathError):
        read_spec(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("walk_speed_mps", "nan"),
        ("walk_speed_mps", "0.0"),
        ("walk_speed_mps", "'fast'"),
        ("max_snap_m", "-1"),
        ("area_people_share", "1.2"),
        ("limits_min", "[0]"),
        ("limits_min", "[inf]"),
        ("limits_min", "15"),
        ("own_level", "'world'"),
        ("speed", "1"),
    ],
)
def test_parameters_are_bounded(folder: Path, key: str, value: str) -> None:
    rewrite(folder, f"{STUDY_TOML}\n[parameters]\n{key} = {value}\n")
    with pytest.raises(StudySpecError) as caught:
        read_spec(folder)
    assert caught.value.column == f"parameters.{key}"


def test_no_toml_and_bad_toml(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(StudyPathError, match="找不到"):
        read_spec(tmp_path)
    for text in ("[study\n", "a = " + "[" * 100_000):
        with pytest.raises(StudySpecError, match="TOML"):
            read_spec(rewrite(folder, text))
    (folder / "study.toml").write_bytes("[study]\nname='随州'".encode("gb18030"))
    with pytest.raises(InputError, match="UTF-8"):
        read_spec(folder)


def test_defaults_are_few(folder: Path) -> None:
    spec = read_spec(folder)
    assert isinstance(spec, StudySpec)
    assert spec.code_system == "cn12"
    assert spec.demand.buildings is None
    assert spec.services_file is None

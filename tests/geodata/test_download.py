"""Downloading a study, from a server on loopback."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

import osm_cases
from overpass_cases import FakeOsm, place, serving
from yikezhong_coverage.errors import InputError, SourceError
from yikezhong_geodata.download import PlaceNotFoundError, download_study
from yikezhong_geodata.study import load_study

PLACE = "演示县"
AREA = osm_cases.square(112.995, 30.995, 0.02)


def make_case() -> osm_cases.OsmCase:
    """Return a street grid with two townships, a neighbour, facilities and houses."""
    case = osm_cases.grid(10)
    west = [(112.996, 30.996), (113.004, 30.996), (113.004, 31.014), (112.996, 31.014)]
    east = [(113.004, 30.996), (113.014, 30.996), (113.014, 31.014), (113.004, 31.014)]
    beyond = osm_cases.square(113.014, 30.99, 0.1)
    for way, relation, name, ring in (
        (1001, 501, "西镇", west),
        (1002, 502, "东镇", east),
        (1003, 503, "邻镇", beyond),
    ):
        case.ring(way, ring)
        case.relations[relation] = (
            [("w", way, "outer")],
            {
                "type": "boundary",
                "boundary": "administrative",
                "admin_level": "8",
                "name": name,
            },
        )
    for at, tags in (
        (15, {"amenity": "nursing_home", "name": "{{7*7}}"}),
        (55, {"amenity": "kindergarten", "name": "第一幼儿园"}),
        (60, {"amenity": "bench"}),
    ):
        case.node_tags[at] = tags
    case.ring(2001, osm_cases.square(113.0002, 31.0002, 0.0004), building="house")
    case.ring(2002, osm_cases.square(113.0052, 31.0052, 0.0004), building="garage")
    case.ring(2003, osm_cases.square(113.0062, 31.0062, 0.0004), landuse="cemetery")
    return case


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def download(url: str, out: Path, name: str = PLACE, **options: object) -> None:
    download_study(
        name,
        out,
        overpass_url=f"{url}/api",
        nominatim_url=f"{url}/nominatim",
        **options,
    )


def test_a_place_becomes_a_study(tmp_path: Path) -> None:
    steps: list[tuple[str, float]] = []
    osm = FakeOsm(make_case(), [place(PLACE, AREA)])
    with serving(osm) as url:
        download(url, tmp_path / "s", progress=lambda *step: steps.append(step))
    study = load_study(tmp_path / "s", as_of=dt.date(2025, 12, 31))
    assert study.name == PLACE
    assert dict(zip(study.divisions["code"], study.divisions["name"], strict=True)) == {
        "r501": "西镇",
        "r502": "东镇",
    }
    assert sorted(
        zip(study.facilities["id"], study.facilities["category"], strict=True)
    ) == [
        ("n15", "elderly_institution"),
        ("n55", "kindergarten"),
        ("w2003", "public_cemetery"),
    ]
    assert "{{7*7}}" in set(study.facilities["name"])
    assert study.demand["people"].sum() == 1  # the house; the garage is none
    # 10 × 10 crossings; OSMnx leaves out the two-way streets' middle nodes
    graph = study.roads["walking"]
    assert graph.edge_length_m.sum() == pytest.approx(180 * 103, rel=0.03)
    fractions = [fraction for _, fraction in steps]
    assert fractions == sorted(fractions)
    assert steps[0] == ("查找地名", 0.0)


def test_a_place_without_townships_is_one_itself(tmp_path: Path) -> None:
    case = make_case()
    case.relations.clear()
    with serving(FakeOsm(case, [place(PLACE, AREA)])) as url:
        download(url, tmp_path / "s", buildings=False)
    study = load_study(tmp_path / "s", as_of=dt.date(2025, 12, 31))
    assert study.divisions["name"].tolist() == [PLACE]
    problems = study.report.frame()["problem"].tolist()
    assert "place_as_township" in problems


def test_osmnx_settings_of_this_process_stay_as_they_are(tmp_path: Path) -> None:
    import osmnx

    before = {k: v for k, v in vars(osmnx.settings).items() if not k.startswith("__")}
    with serving(FakeOsm(make_case(), [place(PLACE, AREA)])) as url:
        download(url, tmp_path / "s", buildings=False)
    after = {k: v for k, v in vars(osmnx.settings).items() if not k.startswith("__")}
    assert after == before


def test_importing_the_module_does_not_import_osmnx() -> None:
    code = (
        "import sys, yikezhong_geodata.download, yikezhong_geodata.download_worker;"
        "sys.exit('osmnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_place(tmp_path: Path) -> None:
    with (
        serving(FakeOsm(make_case(), [])) as url,
        pytest.raises(PlaceNotFoundError, match="没有找到"),
    ):
        download(url, tmp_path / "s", "无此地")
    assert not (tmp_path / "s" / "study.toml").exists()


def test_nobody_answers(tmp_path: Path) -> None:
    with serving(FakeOsm(make_case(), [])) as url:
        pass
    with pytest.raises(SourceError, match="无法从地图服务下载") as caught:
        download(url, tmp_path / "s")
    assert "import-osm" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"<html>"), (200, b"<html>"), (200, b'{"a": 1}'), (200, b"[1]")],
)
def test_an_answer_that_is_none(tmp_path: Path, status: int, body: bytes) -> None:
    osm = FakeOsm(make_case(), [place(PLACE, AREA)], status=status, body=body)
    with serving(osm) as url, pytest.raises((SourceError, PlaceNotFoundError)):
        download(url, tmp_path / "s")
    assert not (tmp_path / "s" / "study.toml").exists()


def test_bad_calls(tmp_path: Path) -> None:
    for url in ("file:///etc/passwd", "ftp://a/b", "nonsense", "http://"):
        with pytest.raises(InputError):
            download_study(PLACE, tmp_path / "s", overpass_url=url)
    with pytest.raises(InputError):
        download_study("  ", tmp_path / "s")
    (tmp_path / "study.toml").write_text("")
    with pytest.raises(InputError, match="已有"):
        download_study(PLACE, tmp_path)

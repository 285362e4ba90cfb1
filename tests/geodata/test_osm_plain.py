"""Plain PBFs are read by our own loops, to what pyosmium reads of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osmium.osm.mutable import Node, Way

import osm_cases
from yikezhong_coverage.errors import InputError
from yikezhong_geodata import osm_ways
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.osm_plain import read_plain_ways
from yikezhong_geodata.osm_ways import read_ways
from yikezhong_geodata.profiles import load_rules
from yikezhong_geodata.ways import Ways

KEYS = ("highway", "name", "oneway")


def _by_pyosmium(path: Path, keys: tuple[str, ...] = KEYS) -> Ways:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(osm_ways, "read_plain_ways", lambda *_, **__: None)
        return read_ways(path, keys=keys, report=DataReport())


def _plain(path: Path, keys: tuple[str, ...] = KEYS) -> Ways | None:
    return read_plain_ways(path, keys=keys, require="highway")


def _assert_same(one: Ways, other: Ways) -> None:
    assert (list(one.name), one.key) == (list(other.name), other.key)
    assert list(one.tags) == list(other.tags)
    for field in ("start", "node", "lon", "lat"):
        left, right = getattr(one, field), getattr(other, field)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


def _write(
    path: Path, nodes: list[Node], ways: list[Way], form: str = "pbf", **header: Any
) -> Path:
    file = osmium.io.File(str(path), form)
    head = osmium.io.Header()
    for key, value in header.items():
        head.set(key, value)
    with osmium.SimpleWriter(file, header=head, overwrite=True) as writer:
        for node in nodes:
            writer.add_node(node)
        for way in ways:
            writer.add_way(way)
    return path


_TEXT = st.sampled_from(["residential", "path", "", "解放路", "a" * 255, "é\t"])
_TAGS = st.dictionaries(st.sampled_from([*KEYS, "surface", "路"]), _TEXT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    nodes=st.dictionaries(
        st.integers(1, 40),
        st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
        min_size=1,
    ),
    ways=st.lists(
        st.tuples(st.lists(st.integers(1, 45), max_size=9), _TAGS), max_size=12
    ),
    form=st.sampled_from(["pbf", "pbf,pbf_compression=none"]),
    turned=st.booleans(),
)
def test_plain_files_are_what_pyosmium_reads(
    tmp_path: Path,
    nodes: dict[int, tuple[float, float]],
    ways: list[tuple[list[int], dict[str, str]]],
    form: str,
    turned: bool,
) -> None:
    made = [Way(id=3 * i + 1, nodes=n, tags=t) for i, (n, t) in enumerate(ways)]
    if turned:
        made.reverse()
    places = [Node(id=i, location=at) for i, at in nodes.items()]
    path = _write(tmp_path / "a.osm.pbf", places, made, form)
    found, expected = _plain(path), _by_pyosmium(path)
    if not len(expected.node):
        assert found is None
        return
    assert found is not None
    _assert_same(found, expected)


def _grid(tmp_path: Path, form: str = "pbf", **header: Any) -> Path:
    case = osm_cases.grid(4)
    nodes = [Node(id=i, location=at) for i, at in case.nodes.items()]
    ways = [Way(id=i, nodes=list(n), tags=dict(t)) for i, (n, t) in case.ways.items()]
    return _write(tmp_path / "grid.osm.pbf", nodes, ways, form, **header)


@pytest.mark.parametrize(
    "form",
    ["pbf,pbf_dense_nodes=false", "pbf,locations_on_ways=true", "pbf,history=true"],
)
def test_other_forms_are_left_to_pyosmium(tmp_path: Path, form: str) -> None:
    path = _grid(tmp_path, form)
    assert _plain(path) is None
    assert len(read_ways(path, keys=KEYS, report=DataReport())) > 0


def test_what_stands_twice_is_left_to_pyosmium(tmp_path: Path) -> None:
    nodes = [Node(id=i, location=(113 + i / 100, 31)) for i in (1, 2, 3)]
    way = Way(id=7, nodes=[1, 2], tags={"highway": "path"})
    below = Way(id=7, nodes=[1, -4], tags={"highway": "path"})
    good = _write(tmp_path / "a.osm.pbf", nodes, [way])
    assert _plain(good) is not None
    for number, (places, ways) in enumerate(
        (
            (nodes, [way, way]),
            ([*nodes, Node(id=2, location=(114, 31))], [way]),
            ([*nodes, Node(id=-4, location=(114, 31))], [below]),
        )
    ):
        path = _write(tmp_path / f"{number}.osm.pbf", places, ways)
        assert _plain(path) is None


@pytest.mark.parametrize("form", ["pbf", "pbf,pbf_compression=none"])
def test_a_wrong_byte_never_gives_other_roads(tmp_path: Path, form: str) -> None:
    """Where both ways read a damaged file, they read the same."""
    good = _grid(tmp_path, form).read_bytes()
    path = tmp_path / "bad.osm.pbf"
    random_ = random.Random(5)
    outcome = {"left": 0, "same": 0}
    for _ in range(400):
        raw = bytearray(good)
        raw[random_.randrange(len(raw))] ^= 1 << random_.randrange(8)
        path.write_bytes(raw)
        found = _plain(path)
        if found is None:
            outcome["left"] += 1
            continue
        try:
            expected = _by_pyosmium(path)
        except InputError:  # of what no road is made of: who drew a node, and when
            continue
        _assert_same(found, expected)
        outcome["same"] += 1
    assert outcome["left"] > 0
    assert "none" not in form or outcome["same"] > 0


@pytest.mark.real_data
def test_liechtenstein_is_plain(real_data: Path) -> None:
    path = real_data / "liechtenstein" / "liechtenstein-latest.osm.pbf"
    keys = load_rules().keys
    found = _plain(path, keys)
    assert found is not None
    _assert_same(found, _by_pyosmium(path, keys))

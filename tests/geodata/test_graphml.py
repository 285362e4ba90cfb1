"""Roads out of an OSMnx GraphML file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from road_cases import load
from yikezhong_coverage.errors import (
    BadWeightError,
    GraphError,
    InputError,
    MissingWeightError,
)
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    CorruptError,
    CrsMissingError,
    FormatMismatchError,
    TruncatedError,
    UnsafeXmlError,
)
from yikezhong_geodata.profiles import KMH, default_speed_kmh
from yikezhong_geodata.roads import load_roads
from yikezhong_geodata.spec import RoadSpec

GRAPHML = """<?xml version='1.0' encoding='utf-8'?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d0" for="node" attr.name="x" attr.type="string"/>
<key id="d1" for="node" attr.name="y" attr.type="string"/>
<key id="d2" for="edge" attr.name="osmid" attr.type="string"/>
<key id="d3" for="edge" attr.name="highway" attr.type="string"/>
<key id="d4" for="edge" attr.name="length" attr.type="string"/>
<key id="d5" for="edge" attr.name="geometry" attr.type="string"/>
<key id="d6" for="graph" attr.name="crs" attr.type="string"/>
<key id="d7" for="edge" attr.name="travel_time" attr.type="string"/>
<graph edgedefault="directed"><data key="d6">epsg:4326</data>
<node id="1"><data key="d0">113.0</data><data key="d1">31.0</data></node>
<node id="2"><data key="d0">113.001</data><data key="d1">31.0</data></node>
<node id="3"><data key="d0">113.002</data><data key="d1">31.0</data></node>
{edges}
</graph></graphml>"""
CURVE = "LINESTRING (113.0 31.0, 113.0005 31.001, 113.001 31.0)"
EVRUC = "LINESTRING (113.001 31.0, 113.0005 31.001, 113.0 31.0)"


def edge(u: int, v: int, key: int = 0, **data: object) -> str:
    keys = {
        "osmid": "d2", "highway": "d3", "length": "d4", "geometry": "d5",
        "travel_time": "d7",
    }  # fmt: skip
    values = {"osmid": 7, "highway": "residential", "length": 100.0} | data
    inner = "".join(
        f'<data key="{keys[k]}">{value}</data>'
        for k, value in values.items()
        if value is not None
    )
    return f'<edge source="{u}" target="{v}" id="{key}">{inner}</edge>'


def graphml(path: Path, *edges: str) -> Path:
    path.write_text(GRAPHML.format(edges="\n".join(edges)), encoding="utf-8")
    return path


def test_two_directions_of_a_street_become_one_edge(tmp_path: Path) -> None:
    path = graphml(
        tmp_path / "a.graphml",
        edge(1, 2, geometry=CURVE, osmid="[7, 8]"),
        edge(2, 1, geometry=EVRUC, osmid="[8, 7]"),
        edge(1, 2, 1),  # parallel, straight, one way
        edge(2, 3),
    )
    graphs, report = load(path)
    driving = graphs["driving"]
    assert driving.edge_id.tolist() == ["1-2-0", "1-2-1", "2-3-0"]
    assert np.isfinite(driving.edge_forward_s).all()
    assert np.isfinite(driving.edge_backward_s).tolist() == [True, False, False]
    assert np.isfinite(graphs["walking"].edge_backward_s).all()
    assert report.counts[0].read == 4
    assert driving.vertex_start.tolist() == [0, 3, 5, 7]


def test_opposite_one_ways_of_other_shape_stay_apart(tmp_path: Path) -> None:
    path = graphml(
        tmp_path / "a.graphml", edge(1, 2, geometry=CURVE), edge(2, 1), edge(2, 3)
    )
    graphs, _ = load(path)
    assert graphs["driving"].n_edge == 3
    assert np.isinf(graphs["driving"].edge_backward_s).all()


def test_a_shape_drawn_backwards_is_turned(tmp_path: Path) -> None:
    path = graphml(tmp_path / "a.graphml", edge(1, 2, geometry=EVRUC))
    driving = load(path)[0]["driving"]
    assert driving.vertex_lon.tolist() == [113.0, 113.0005, 113.001]


def test_graphml_lengths_are_ellipsoidal_unless_stated(tmp_path: Path) -> None:
    path = graphml(
        tmp_path / "a.graphml",
        edge(1, 2, length=100.0),
        edge(2, 1, length=100.00000000000001),
        edge(2, 3, length=250.0),
    )
    np.testing.assert_allclose(load(path)[0]["walking"].edge_length_m, 95.5, atol=0.1)
    stated = load(path, length_column="length")[0]["walking"]
    assert stated.edge_length_m.tolist() == [100.0, 250.0]


def test_graphml_times(tmp_path: Path) -> None:
    path = graphml(
        tmp_path / "a.graphml",
        edge(1, 2, travel_time=10.5),
        edge(2, 1, travel_time=20.25),
        edge(2, 3, travel_time=1.0),
    )
    driving = load(path, time_column="travel_time")[0]["driving"]
    assert driving.edge_forward_s.tolist() == [10.5, 1.0]
    assert driving.edge_backward_s.tolist() == [20.25, np.inf]


@pytest.mark.case(75, 76)
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, MissingWeightError),
        ("", MissingWeightError),
        ("nan", BadWeightError),
        ("-1", BadWeightError),
        ("inf", BadWeightError),
        ("fast", BadWeightError),
    ],
)
def test_graphml_weights_missing_or_bad(
    tmp_path: Path, value: str | None, error: type[InputError]
) -> None:
    """BAD-INPUTS 75 and 76: networkx would count 1, or spread nan."""
    good = edge(1, 2, travel_time=1.0)
    path = graphml(tmp_path / "a.graphml", good, edge(2, 3, travel_time=value))
    with pytest.raises(error) as caught:
        load(path, time_column="travel_time")
    assert caught.value.column == "travel_time"
    with pytest.raises(MissingWeightError):
        load(path, time_column="travel_tiem")
    load(path)


def test_graphml_that_is_none(tmp_path: Path) -> None:
    path = graphml(tmp_path / "a.graphml", edge(1, 2))
    text = path.read_text()
    for cut in (200, len(text) // 2, len(text) - 5):
        path.write_text(text[:cut])
        with pytest.raises(TruncatedError):
            load(path)
    path.write_text(
        text.replace("<graphml ", '<!DOCTYPE g [<!ENTITY a "b">]><graphml ')
    )
    with pytest.raises(UnsafeXmlError):
        load(path)
    path.write_text(text.replace("utf-8", "utf-9"))
    with pytest.raises(CorruptError):
        load(path)
    path.write_text(text.replace("113.001", "213.001"))
    with pytest.raises(GraphError) as caught:
        load(path)
    assert caught.value.file == "a.graphml"
    path.write_text("<osm/>")
    with pytest.raises(FormatMismatchError):
        load(path)
    path.write_text(text.replace("epsg:4326", ""))
    with pytest.raises(CrsMissingError):
        load(path)
    load(path, crs="EPSG:4326")
    path.write_text(text.replace('target="2"', 'target="77"'))
    with pytest.raises(InputError, match="77"):
        load(path)


@pytest.mark.real_data
def test_shenzhen_equals_networkx(real_data: Path) -> None:
    """Driving from every node on the graph as networkx reads it from the same file."""
    nx = pytest.importorskip("networkx")
    folder = real_data / "shenzhen"
    graph = load_roads(
        RoadSpec("G.graphml", length_column="length"),
        folder=folder,
        report=DataReport(),
        profiles=("driving",),
    )["driving"]
    source = nx.read_graphml(folder / "G.graphml")
    ours = nx.MultiDiGraph()
    places = {(float(d["x"]), float(d["y"])): n for n, d in source.nodes(data=True)}
    name = [
        places[p]
        for p in zip(graph.node_lon.tolist(), graph.node_lat.tolist(), strict=True)
    ]
    kept = set()
    for e, (u, v) in enumerate(zip(graph.edge_u, graph.edge_v, strict=True)):
        if np.isfinite(graph.edge_forward_s[e]):
            ours.add_edge(name[u], name[v], weight=graph.edge_forward_s[e])
            kept.add((name[u], name[v]))
        if np.isfinite(graph.edge_backward_s[e]):
            ours.add_edge(name[v], name[u], weight=graph.edge_backward_s[e])
            kept.add((name[v], name[u]))
    theirs = nx.MultiDiGraph()
    no_cars = {"footway", "path", "pedestrian", "steps", "service", "track", "cycleway"}
    for u, v, data in source.edges(data=True):
        classes = set(data["highway"].strip("[]").replace("'", "").split(", "))
        if classes & no_cars or data.get("access") == "private":
            continue
        text = data.get("maxspeed")
        kmh = float(text) if text else min(map(default_speed_kmh, classes))
        theirs.add_edge(u, v, weight=float(data["length"]) / (kmh * KMH))
    assert kept == set(theirs.edges())
    assert ours.number_of_edges() == theirs.number_of_edges()
    for start in sorted(theirs)[::40]:
        expected = nx.single_source_dijkstra_path_length(theirs, start)
        found = nx.single_source_dijkstra_path_length(ours, start)
        assert expected.keys() == found.keys()
        assert max(abs(expected[n] - found[n]) for n in expected) < 1e-6

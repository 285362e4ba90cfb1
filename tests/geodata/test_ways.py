"""Splitting ways into edges: nothing is lost, nothing doubled."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yikezhong_geodata.lines import place_names
from yikezhong_geodata.ways import Ways, split_ways

WAYS = st.lists(
    st.tuples(st.lists(st.integers(0, 12), max_size=8), st.booleans()), max_size=8
)


def make(refs: list[list[int]], missing: set[int]) -> Ways:
    start = np.cumsum([0, *map(len, refs)])
    node = np.array([n for way in refs for n in way], dtype=np.int64)
    gone = np.isin(node, sorted(missing))
    return Ways(
        name=[str(at) for at in range(len(refs))],
        key=(),
        tags=[()] * len(refs),
        start=start.astype(np.int64),
        node=node,
        lon=np.where(gone, np.nan, node * 0.5),
        lat=np.where(gone, np.nan, node * 0.25),
    )


@settings(max_examples=300)
@given(WAYS, st.sets(st.integers(0, 12), max_size=3))
def test_every_segment_is_in_exactly_one_edge(
    given_ways: list[tuple[list[int], bool]], missing: set[int]
) -> None:
    refs = [way for way, _ in given_ways]
    usable = np.array([use for _, use in given_ways], dtype=np.bool_)
    edges = split_ways(make(refs, missing), usable)
    expected: Counter[tuple[int, int, int]] = Counter()
    for at, (way, use) in enumerate(given_ways):
        whole = [n for i, n in enumerate(way) if i == 0 or n != way[i - 1]]
        for a, b in itertools.pairwise(whole):
            if use and not {a, b} & missing:
                expected[at, a, b] += 1
    found: Counter[tuple[int, int, int]] = Counter()
    inner: Counter[int] = Counter()
    node = np.rint(edges.vertex_lon / 0.5).astype(int).tolist()
    ends = set()
    for e in range(len(edges)):
        shape = node[edges.vertex_start[e] : edges.vertex_start[e + 1]]
        assert shape[0] == edges.node_lon[edges.edge_u[e]] / 0.5
        assert shape[-1] == edges.node_lat[edges.edge_v[e]] / 0.25
        way, first = int(edges.edge_way[e]), int(edges.edge_first[e])
        assert refs[way][first] == shape[0]
        for a, b in itertools.pairwise(shape):
            found[way, a, b] += 1
        inner.update(shape[1:-1])
        ends |= {shape[0], shape[-1]}
    assert found == expected
    # a vertex inside an edge is in no other place of the network
    assert not set(inner) & ends
    assert all(count == 1 for count in inner.values())
    # names are unique
    names = list(zip(edges.edge_way.tolist(), edges.edge_first.tolist(), strict=True))
    assert len(names) == len(set(names))


@given(
    st.lists(
        st.tuples(
            st.integers(-1_800_000_000, 1_800_000_000),
            st.integers(-900_000_000, 900_000_000),
        ),
        unique=True,
        max_size=20,
    )
)
def test_places_have_names_of_their_own(units: list[tuple[int, int]]) -> None:
    names = place_names(np.array(units, dtype=np.int64).reshape(-1, 2))
    assert len(set(names.tolist())) == len(units)
    assert (names >= 0).all()

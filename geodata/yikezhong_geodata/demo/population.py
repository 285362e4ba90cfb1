"""Population of the communities: made up, adding up to the 2020 census."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_geodata.demo.names import Places, is_urban, read_places, township_kind

IntArray = NDArray[np.int64]

#: 2020 census of Suizhou: people living in towns and in the country.
URBAN_PEOPLE: Final = 1_163_902
RURAL_PEOPLE: Final = 884_021
YEAR: Final = 2020

#: Communities whose counts of older people are left out on purpose.
MISSING_60: Final = ("421303102205", "421321107212", "421381105209")


@dataclass(frozen=True)
class People:
    """Counts by community, in the order of ``code``; shape (n_community,) each."""

    code: tuple[str, ...]
    people: IntArray
    people_60: IntArray
    people_65: IntArray
    people_80: IntArray
    children: IntArray
    households: IntArray


def count_people(places: Places, *, seed: int) -> People:
    """Return the counts of the communities of a study.

    They are made for the whole prefecture and then cut, so a community has the same
    counts at every scale.

    Examples
    --------
    >>> everyone = count_people(read_places("prefecture"), seed=1)
    >>> int(everyone.people.sum()), bool((everyone.people_80 < everyone.people_65).all())
    (2047923, True)
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    everywhere = read_places("prefecture")
    codes = [c.code for c in everywhere.communities]
    urban = np.array([is_urban(code) for code in codes])
    weight = _weights(everywhere, urban) * rng.lognormal(0.0, 0.28, len(codes))
    people = np.zeros(len(codes), dtype=np.int64)
    people[urban] = _shared_out(URBAN_PEOPLE, weight[urban])
    people[~urban] = _shared_out(RURAL_PEOPLE, weight[~urban])
    everyone = count_groups(tuple(codes), people, urban, rng)
    wanted = {c.code for c in places.communities}
    keep = np.array([code in wanted for code in codes])
    return People(
        tuple(code for code in codes if code in wanted),
        *(getattr(everyone, f.name)[keep] for f in fields(People)[1:]),
    )


def count_groups(
    code: tuple[str, ...],
    people: IntArray,
    urban: NDArray[np.bool_],
    rng: np.random.Generator,
) -> People:
    """Return the counts of all groups: older and fewer children in the country."""

    def part(low: float, high: float, of: IntArray) -> IntArray:
        share = np.where(urban, low, high) * rng.normal(1.0, 0.06, len(code))
        return np.rint(of * share).astype(np.int64)

    over_60 = part(0.168, 0.256, people)
    over_65 = part(0.71, 0.73, over_60)
    over_80 = part(0.125, 0.135, over_60)
    children = part(0.205, 0.165, people)
    households = part(0.365, 0.345, people)
    return People(code, people, over_60, over_65, over_80, children, households)


def _weights(places: Places, urban: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the expected size of each community, before chance."""
    towns = {t.code[:9]: township_kind(t.code) for t in places.townships}
    n_urban: dict[str, int] = {}
    for c, is_town in zip(places.communities, urban, strict=True):
        n_urban[c.code[:9]] = n_urban.get(c.code[:9], 0) + int(is_town)
    weight = np.ones(len(urban))
    for i, c in enumerate(places.communities):
        if not urban[i]:
            continue
        if towns[c.code[:9]] == "town":
            # a town's one 社区 is its whole built-up place, five are parts of it
            weight[i] = 1.5 / n_urban[c.code[:9]] ** 0.55
        else:
            weight[i] = 1.35 if c.code[:6] == "421303" else 1.1
    return weight


def _shared_out(total: int, weight: NDArray[np.float64]) -> IntArray:
    """Split a total by weights into whole numbers, largest remainder first."""
    exact = total * weight / weight.sum()
    whole: IntArray = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole

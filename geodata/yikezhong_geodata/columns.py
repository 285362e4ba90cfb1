"""Names of columns, levels, groups, statuses and the CRS, written once.

What the header of a user's table may be called stands in :mod:`headers`; what
categories and functions are called stands in ``data/vocabulary.yaml``.
"""

from __future__ import annotations

from typing import Final

#: Positions everywhere after loading; CGCS2000 (EPSG:4490) is taken as equal.
CRS: Final = "EPSG:4326"
#: One equal-area CRS for all areas (cylindrical equal area on the ellipsoid), so
#: that no area depends on how a study is cut.
EQUAL_AREA_CRS: Final = "EPSG:6933"

#: From the top down; any may be absent.
LEVELS: Final = ("province", "prefecture", "county", "township", "community")
LEVEL_NAMES: Final = {
    "province": "省",
    "prefecture": "市州",
    "county": "县市区",
    "township": "乡镇街道",
    "community": "社区/村",
}

#: Counted groups of people (and households).
GROUPS: Final = (
    "people",
    "people_60",
    "people_65",
    "people_80",
    "children",
    "households",
)
GROUP_NAMES: Final = {
    "people": "常住人口",
    "people_60": "60岁及以上人口",
    "people_65": "65岁及以上人口",
    "people_80": "80岁及以上人口",
    "children": "未成年人",
    "households": "户数",
}

#: Kinds of division (see :mod:`codes`).
KINDS: Final = {
    "subdistrict": "街道",
    "town": "镇",
    "rural_township": "乡",
    "township_unit": "乡级单位",
    "urban_community": "社区",
    "village": "村",
    "community_unit": "社区级单位",
}

DIVISION_COLUMNS: Final = (
    "code",
    "name",
    "level",
    "kind",
    "parent",
    "area_m2",
    *GROUPS,
    "unknown_units",
    "estimated",
    "population_method",
    "population_basis",
    "population_year",
    "lon",
    "lat",
    "geometry",
)

#: Attribute columns with a capacity or size of a facility, all numbers or missing.
CAPACITY_COLUMNS: Final = (
    "beds",
    "nursing_beds",
    "places",
    "plots",
    "floor_area_m2",
    "staff",
)

FACILITY_STATUS: Final = {
    "open": "运营",
    "planned": "规划/在建",
    "closed": "停用",
    "unknown": "不明",
}

FACILITY_COLUMNS: Final = (
    "id",
    "name",
    "category",
    "functions",  # tuple of function ids; None: unknown
    *CAPACITY_COLUMNS,
    "status",  # as of the study's date, one of FACILITY_STATUS
    "opened",  # ISO date text, None unknown
    "closed",  # ISO date text, None: not closed
    "flags",  # space-separated words: undated, no_point, code_place_mismatch, outside_area …
    "community_code",  # declared, else by location; None
    "township_code",
    "county_code",
    "located_community_code",  # by location; None outside
    "located_township_code",
    "file",
    "row",
    "lon",
    "lat",
    "geometry",  # None where there is no usable point
)

DEMAND_COLUMNS: Final = (
    "id",
    "division_code",  # finest division it lies in
    "community_code",
    "township_code",
    *GROUPS,
    "method",  # cells, buildings, roads, point
    "lon",
    "lat",
    "geometry",
)

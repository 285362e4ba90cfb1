"""What tags mean, and the report of an import."""

from __future__ import annotations

from pathlib import Path

import pytest

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    BadCsvError,
)
from yikezhong_geodata.import_report import append_import_report
from yikezhong_geodata.osm_mapping import load_mapping
from yikezhong_geodata.services import load_services
from yikezhong_geodata.vocabulary import load_vocabulary


def test_the_mapping_uses_known_words() -> None:
    mapping, vocabulary = load_mapping(), load_vocabulary()
    assert {r.category for r in mapping.facilities} <= set(vocabulary.categories.names)
    functions = {f for r in mapping.facilities for f in r.functions or ()}
    assert functions <= set(vocabulary.functions.names)
    services = {s.id: s for s in load_services()}
    assert set(mapping.services) <= set(services)


@pytest.mark.parametrize(
    ("tags", "category"),
    [
        ({"amenity": "nursing_home"}, "elderly_institution"),
        (
            {
                "amenity": "social_facility",
                "social_facility": "group_home",
                "social_facility:for": "senior",
            },
            "elderly_institution",
        ),
        (
            {"amenity": "social_facility", "social_facility:for": "disabled;senior"},
            "day_care",
        ),
        ({"amenity": "social_facility", "social_facility": "nursing_home"}, "elderly_institution"),
        ({"amenity": "social_facility", "social_facility": "food_bank"}, "other"),
        ({"amenity": "community_centre"}, "community_centre"),
        ({"landuse": "cemetery"}, "public_cemetery"),
        ({"amenity": "grave_yard"}, "public_cemetery"),
        ({"amenity": "crematorium"}, "funeral_home"),
        ({"amenity": "crematorium", "landuse": "cemetery"}, "funeral_home"),
        ({"shop": "funeral_directors"}, "funeral_service_point"),
        ({"amenity": "kindergarten"}, "kindergarten"),
        ({"amenity": "school"}, "school"),
        ({"amenity": "doctors"}, "clinic"),
        ({"healthcare": "hospital"}, "hospital"),
        ({"disused:amenity": "school"}, None),
        ({"amenity": "parking"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_facilities_by_tags(tags: dict[str, str], category: str | None) -> None:
    rule = load_mapping().facility_of(tags)
    assert (rule.category if rule else None) == category


@pytest.mark.parametrize(
    ("levels", "expected"),
    [("3", 3.0), ("1.5", 1.5), ("0", 1.0), ("-2", 1.0), ("nan", 1.0), ("many", 1.0),
     ("1e9", 1.0), ("inf", 1.0)],
)  # fmt: skip
def test_odd_levels_fall_back(levels: str, expected: float) -> None:
    tags = {"building": "house", "building:levels": levels}
    assert load_mapping().dwelling_levels(tags) == expected


def test_an_import_report_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    header = "layer,file,row,id,problem,action,value,message\n"
    for text in (
        "a,b\n1,2\n",
        header + "roads,f,x,,p,noted,,\n",
        header + "roads,f,1,,p,deleted,,\n",
        header + "roads,f,,,row_count,noted,1/2/3,\n",
        header + "roads,f,,,row_count,noted,9/1/1/1,\n",
        header + "roads,f,1,,p,noted,,,extra\n",
    ):
        path.write_text(text)
        with pytest.raises(BadCsvError):
            append_import_report(path, DataReport())

"""Pictures of an indicator's verdicts: the classes, the whole, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from map_cases import RATES_15, township_code
from plan_map_cases import INDICATOR, township_status, write_plan_map_result
from service_cases import API, make_client
from yikezhong_app.exports.area_classes import classes_of
from yikezhong_app.exports.view import MapView, prepare_map
from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.web.request_errors import ParameterError, UnknownRecordError

COUNTY = "421304000000"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result")
    write_plan_map_result(folder)
    return folder


@pytest.fixture(scope="module")
def catalog(out: Path) -> Catalog:
    return load_catalog(open_current(out))


@pytest.fixture(scope="module")
def client(out: Path) -> TestClient:
    return make_client(out)


@pytest.mark.parametrize("code", [None, COUNTY])
def test_areas_are_classed_by_their_verdicts(
    catalog: Catalog, code: str | None
) -> None:
    view = MapView(level="township", code=code, indicator=INDICATOR)
    data = prepare_map(catalog, view)
    found = {c: one.words for one in classes_of(data) for c in one.codes}
    inside = range(len(RATES_15)) if code is None else range(6, len(RATES_15))
    assert found == {township_code(i): STATUS_NAMES[township_status(i)] for i in inside}
    assert INDICATOR in data.title
    # what is not known is striped, and nothing else
    assert [one.words for one in classes_of(data) if one.colour is None] == [
        STATUS_NAMES["unknown"]
    ]


def test_rates_are_classed_as_before(catalog: Catalog) -> None:
    data = prepare_map(catalog, MapView(level="township"))
    counts = [len(one.codes) for one in classes_of(data)]
    assert sum(counts) == len(RATES_15)
    assert counts[-1] == 1 and data.verdict is None


def test_pictures_of_verdicts_and_what_is_refused(
    client: TestClient, catalog: Catalog
) -> None:
    picture = client.get(f"{API}/maps.svg?indicator={INDICATOR}&level=township")
    assert picture.status_code == 200
    assert picture.content != client.get(f"{API}/maps.svg?level=township").content
    assert client.get(f"{API}/maps.png?indicator=NONE").status_code == 404
    with pytest.raises(UnknownRecordError):
        prepare_map(catalog, MapView(indicator="NONE"))
    with pytest.raises(ParameterError):
        prepare_map(catalog, MapView(indicator=INDICATOR, speed=0.8))

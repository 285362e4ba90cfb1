"""Static maps: classes of the web map, size, nothing from outside, hostile names."""

from __future__ import annotations

import io
import json
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from map_cases import HOSTILE_NAMES, RATES_15, write_map_result
from snapshot_cases import WEST, write_small_snapshot
from yikezhong_app.exports import typeface
from yikezhong_app.exports.export_errors import FontMissingError
from yikezhong_app.exports.figures import draw_map
from yikezhong_app.exports.rate_classes import (
    BREAKS,
    COLOURS,
    NO_DATA,
    class_of,
    percent,
)
from yikezhong_app.exports.typeface import find_typeface
from yikezhong_app.exports.view import LAYERS, MapView, prepare_map
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.web.request_errors import ParameterError, UnknownDivisionError

JS = Path(__file__).parents[2] / "app" / "yikezhong_app" / "static" / "js"


@pytest.fixture(scope="module", autouse=True)
def font() -> None:
    try:
        find_typeface()
    except FontMissingError:
        pytest.skip("no Chinese font here: apt-get install fonts-noto-cjk")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(write_map_result(tmp_path_factory.mktemp("map")))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(write_small_snapshot(tmp_path_factory.mktemp("small")))


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def pixels(png: bytes) -> Any:
    from matplotlib.image import imread

    return np.round(imread(io.BytesIO(png))[:, :, :3] * 255).astype(int)


def has_colour(png: bytes, colour: str) -> bool:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(pixels(png) - wanted).max(axis=2) <= 1).sum() > 40)


def test_classes_are_those_of_the_web_map() -> None:
    source = (JS / "classes.js").read_text(encoding="utf-8")
    lists = dict(re.findall(r"export const (\w+) = (\[[^\]]*\]);", source))
    assert json.loads(lists["BREAKS"]) == list(BREAKS)
    assert json.loads(lists["COLOURS"]) == list(COLOURS)


def test_signs_are_those_of_the_web_map() -> None:
    from yikezhong_app.exports.map_layers import SIGNS

    source = (JS / "facilities.js").read_text(encoding="utf-8")
    block = source[source.index("const SIGNS") : source.index("];")]
    assert re.findall(r'colour: "(#\w+)"', block) == [colour for _, colour in SIGNS]


@pytest.mark.parametrize("width", [600, 1480])
def test_a_png_has_its_size_and_every_class(catalog: Catalog, width: int) -> None:
    png = draw_map(catalog, MapView(layers=()), width_px=width)
    assert size_of(png)[0] == width
    assert abs(size_of(png)[1] - width * 5.8 / 7.4) <= 1
    shown = {class_of(rate) for rate in RATES_15} - {NO_DATA}
    for index in shown:
        assert has_colour(png, COLOURS[index]), COLOURS[index]


def test_the_legend_counts_the_classes(catalog: Catalog) -> None:
    data = prepare_map(catalog, MapView())
    counts = Counter(class_of(row["rate"]) for row in data.rates.values())
    assert counts == Counter(class_of(rate) for rate in RATES_15)


def test_the_same_view_gives_the_same_bytes(catalog: Catalog) -> None:
    view = MapView(layers=LAYERS)
    for form in ("png", "svg"):
        assert draw_map(catalog, view, form=form) == draw_map(catalog, view, form=form)


def test_an_svg_refers_to_nothing_outside(catalog: Catalog) -> None:
    svg = draw_map(catalog, MapView(layers=LAYERS), form="svg")
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<!DOCTYPE" not in svg
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "image", "text", "a"}
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] == "href":
                assert value.startswith("#")
            assert "url(http" not in value
    names = (b"http://www.w3.org/2000/svg", b"http://www.w3.org/1999/xlink")
    assert set(re.findall(rb'https?://[^"\s<]+', svg)) <= set(names)


def test_hostile_names_are_drawn_not_run(catalog: Catalog) -> None:
    # a name like $x$ is no formula either; warnings are errors here
    for level in ("county", "township", "community"):
        svg = draw_map(catalog, MapView(level=level, layers=LAYERS), form="svg")
        for name in HOSTILE_NAMES:
            assert name.encode() not in svg
        assert b"<script" not in svg


def test_a_formula_like_name_stays_a_name(tmp_path: Path) -> None:
    snapshot = write_small_snapshot(tmp_path, name=r"$\frac{1}$ _a^b $\x$")
    assert len(draw_map(load_catalog(snapshot), MapView())) > 10_000


def test_views_of_parts(small: Catalog) -> None:
    data = prepare_map(small, MapView(code="421303001"))
    assert data.view.level == "community"
    assert {small.divisions[small.position[c]]["parent"] for c in data.rates} == {WEST}
    assert data.view.minutes == 15
    assert data.view.denominator == "people_60"
    assert size_of(draw_map(small, MapView(code="421303001")))[0] == 1480
    # a community has nothing below it: it is shown itself
    assert [*prepare_map(small, MapView(code="421303001001")).rates] == ["421303001001"]


def test_areas_without_rates_are_striped(small: Catalog) -> None:
    # one township has no people, one unknown people
    data = prepare_map(small, MapView())
    assert [class_of(row["rate"]) for row in data.rates.values()].count(NO_DATA) == 2
    assert has_colour(draw_map(small, MapView(layers=())), "#f2f1ed")


@pytest.mark.parametrize(
    ("view", "parameter"),
    [
        (MapView(service="nope"), "service"),
        (MapView(minutes=7), "minutes"),
        (MapView(level="province"), "level"),
        (MapView(level="county", code="421303001"), "level"),
        (MapView(denominator="nope"), "denominator"),
    ],
)
def test_what_was_not_computed_is_refused(
    small: Catalog, view: MapView, parameter: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        draw_map(small, view)
    assert caught.value.parameter == parameter


def test_an_unknown_code_is_refused(small: Catalog) -> None:
    with pytest.raises(UnknownDivisionError):
        draw_map(small, MapView(code="999999999"))


@pytest.mark.case("fonts")
def test_without_a_chinese_font_it_is_said(
    small: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FontMissingError):
        draw_map(small, MapView(), font=tmp_path / "none.ttf")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"not a font")
    with pytest.raises(FontMissingError, match=r"broken\.ttf"):
        draw_map(small, MapView(), font=broken)
    import matplotlib

    latin = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    with pytest.raises(FontMissingError, match="fonts-noto-cjk"):
        draw_map(small, MapView(), font=latin)
    monkeypatch.setattr(typeface, "FAMILIES", ("No Such Family",))
    with pytest.raises(FontMissingError, match="没有可用的中文字体"):
        draw_map(small, MapView())


def test_rates_are_shown_as_on_the_page() -> None:
    assert percent(0.79996) == "79.9%"
    assert percent(1.0) == "100.0%"
    assert percent(0.0) == "0.0%"

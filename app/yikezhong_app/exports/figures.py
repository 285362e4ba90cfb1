"""A static map of any view, as PNG or SVG, drawn without a browser."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from yikezhong_app.exports.ground import lay_ground
from yikezhong_app.exports.map_layers import (
    Canvas,
    draw_areas,
    draw_circles,
    draw_facilities,
    draw_gaps,
    draw_names,
    draw_outlines,
    draw_roads,
    draw_sites,
)
from yikezhong_app.exports.map_legend import (
    Column,
    draw_north,
    draw_scale,
    write_facilities,
    write_foot,
    write_others,
    write_rates,
    write_sites,
    write_title,
    write_whole,
)
from yikezhong_app.exports.typeface import Typeface, find_typeface
from yikezhong_app.exports.view import MapData, MapView, prepare_map
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.shapes import Geometries
from yikezhong_geodata.columns import LEVELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureFormat = Literal["png", "svg"]
#: Size on paper [inches]: as wide as the text of an A4 page, and somewhat more.
SIZE_IN: Final = (7.4, 5.8)
DEFAULT_WIDTH_PX: Final = 1480
#: Left, bottom, width, height of map and legend, as shares of the figure.
_MAP_BOX: Final = (0.018, 0.1, 0.738, 0.785)
_LEGEND_BOX: Final = (0.776, 0.1, 0.206, 0.785)
_POINTS_PER_IN: Final = 72.0
_DOCTYPE: Final = re.compile(rb"<!DOCTYPE[^>]*>\s*", re.DOTALL)


def draw_map(
    catalog: Catalog,
    view: MapView,
    *,
    form: FigureFormat = "png",
    width_px: int = DEFAULT_WIDTH_PX,
    font: Path | None = None,
) -> bytes:
    """Return a map of a view: the same classes and colours as on the map page.

    Parameters
    ----------
    catalog : Catalog
    view : MapView
    form : str
        ``png``, or ``svg``: letters as outlines, nothing linked from outside.
    width_px : int
        Width of a PNG [pixels]; the height follows.
    font : Path or None
        Font file; None: the best of those installed.

    Raises
    ------
    FontMissingError
        If there is no font with Chinese characters.
    UnknownDivisionError, AmbiguousNameError, ParameterError
        If the view is not one of this result.
    """
    face = find_typeface(font)
    return _drawn(
        catalog, prepare_map(catalog, view), face, form=form, width_px=width_px
    )


def draw_data(
    catalog: Catalog,
    data: MapData,
    *,
    form: FigureFormat = "png",
    width_px: int = DEFAULT_WIDTH_PX,
    font: Path | None = None,
) -> bytes:
    """Return a map of figures that were gathered elsewhere; see :func:`draw_map`."""
    return _drawn(catalog, data, find_typeface(font), form=form, width_px=width_px)


def _drawn(
    catalog: Catalog,
    data: MapData,
    face: Typeface,
    *,
    form: FigureFormat,
    width_px: int,
) -> bytes:
    import matplotlib

    with matplotlib.rc_context(
        {
            "svg.fonttype": "path",
            "svg.hashsalt": "yikezhong",
            "hatch.linewidth": 0.9,
            # a name with dollar signs is a name, not a formula
            "text.parse_math": False,
        }
    ):
        figure = _compose(catalog, data, face, dpi=width_px / SIZE_IN[0])
        return _svg(figure) if form == "svg" else _png(figure)


def _compose(catalog: Catalog, data: MapData, face: Typeface, *, dpi: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, dpi=dpi, facecolor="#ffffff")
    FigureCanvasAgg(figure)
    width_pt = _MAP_BOX[2] * SIZE_IN[0] * _POINTS_PER_IN
    height_pt = _MAP_BOX[3] * SIZE_IN[1] * _POINTS_PER_IN
    axes = figure.add_axes(_MAP_BOX)
    ground = lay_ground(_shown(catalog, data), aspect=width_pt / height_pt)
    axes.set_xlim(ground.west, ground.east)
    axes.set_ylim(ground.south, ground.north)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#f8f9f7")
    for side in axes.spines.values():
        side.set(color="#8a938d", linewidth=0.8)
    canvas = Canvas(axes, ground, face, width_pt)
    has_roads = _draw_layers(canvas, catalog, data)
    draw_scale(canvas, ground.flat(_shown(catalog, data)))
    draw_north(axes, face)
    write_title(figure, catalog, data, face)
    write_foot(figure, catalog, face)
    _write_legend(figure, data, face, has_roads=has_roads)
    return figure


def _shown(catalog: Catalog, data: MapData) -> Geometries:
    """Return the shapes in degrees that must be inside the map."""
    frame = catalog.snapshot.geo_table("divisions")
    chosen = frame["code"].isin([*data.rates] or [*data.scope.tops]).to_numpy()
    shapes: Geometries = np.asarray(frame.geometry.array, dtype=object)[chosen]
    return shapes


def _draw_layers(canvas: Canvas, catalog: Catalog, data: MapData) -> bool:
    """Draw from the ground up; say whether roads are there."""
    layers, level = data.view.layers, str(data.view.level)
    shapes = canvas.level_shapes(catalog, level)
    draw_areas(canvas, data, shapes)
    has_roads = "roads" in layers and draw_roads(canvas, catalog)
    if data.circles:
        draw_circles(canvas, catalog, [at for at, _ in data.circles])
    above = [
        name for name in catalog.levels if LEVELS.index(name) < LEVELS.index(level)
    ]
    if above:
        wider = canvas.level_shapes(catalog, above[-1])
        draw_outlines(canvas, wider.values(), colour="#4b5957", width_pt=0.8)
    if data.scope.code is not None:
        own = canvas.level_shapes(catalog, str(data.scope.level))
        draw_outlines(canvas, [own[data.scope.code]], colour="#b3261e", width_pt=1.2)
    if data.gaps:
        draw_gaps(canvas, catalog, data.gaps)
    draw_facilities(canvas, data.facilities)
    draw_sites(canvas, data.sites)
    if "labels" in layers:
        rows = [catalog.divisions[catalog.position[code]] for code in data.rates]
        names = [(str(row["name"]), float(row.get("people") or 0.0)) for row in rows]
        draw_names(canvas, names, [shapes.get(code) for code in data.rates])
    return has_roads


def _write_legend(
    figure: Figure, data: MapData, face: Typeface, *, has_roads: bool
) -> None:
    width = _LEGEND_BOX[2] * SIZE_IN[0] * _POINTS_PER_IN
    height = _LEGEND_BOX[3] * SIZE_IN[1] * _POINTS_PER_IN
    axes = figure.add_axes(_LEGEND_BOX)
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    column = Column(axes, face, width, height)
    write_whole(column, data)
    write_sites(column, data)
    write_rates(column, data)
    write_facilities(column, data)
    write_others(column, data, has_roads=has_roads)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _svg(figure: Figure) -> bytes:
    """Return the SVG without what points outside: document type and metadata."""
    file = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    return _DOCTYPE.sub(b"", file.getvalue(), count=1)

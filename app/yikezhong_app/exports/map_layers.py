"""The layers of a static map: areas by class, borders, roads, gaps, facilities, names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from yikezhong_app.exports.area_classes import classes_of
from yikezhong_app.exports.ground import Ground, polygon_path
from yikezhong_app.exports.rate_classes import NO_DATA_GROUND, NO_DATA_STRIPES
from yikezhong_app.exports.typeface import Typeface
from yikezhong_app.exports.view import MapData
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.shapes import Geometries, simplify_together

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

#: Sign of a facility: marker and colour, in the order of the map page.
SIGNS: Final = (
    ("o", "#7a3e9d"),
    ("s", "#00674f"),
    ("^", "#b8570a"),
    ("D", "#a1165c"),
    ("P", "#33507a"),
    ("*", "#5c4a1f"),
    ("v", "#3d3d3d"),
    ("H", "#7c2d12"),
)
GAP_COLOUR: Final = "#c2410c"
CIRCLE_COLOUR: Final = "#12807a"
INK: Final = "#1c2b2a"
SITE_COLOUR: Final = "#c4122f"
#: Sites up to which each carries its number.
MOST_NUMBERED: Final = 60
_AROUND: Final = "#eceeea"
#: Road classes, colour, width [points], widest extent at which they are drawn [m].
_ROADS: Final = (
    (("motorway", "trunk"), "#6d7471", 1.0, np.inf),
    (("primary",), "#7b827f", 0.75, 400e3),
    (("secondary",), "#878e8b", 0.55, 160e3),
    (("tertiary",), "#949a97", 0.4, 70e3),
    (None, "#a3a8a5", 0.3, 24e3),
)
_MOST_LABELS: Final = 70
#: Holes of circles that are narrower are filled: blocks between streets.
_LEAST_HOLE_PT: Final = 6.0


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where layers are drawn.

    Parameters
    ----------
    axes : Axes
        Of the map, in metres of ``ground``.
    ground : Ground
    typeface : Typeface
    width_pt : float
        Width of the map on paper [points].
    """

    axes: Axes
    ground: Ground
    typeface: Typeface
    width_pt: float

    @property
    def m_per_pt(self) -> float:
        """Metres on the ground of a point on paper."""
        return self.ground.width_m / self.width_pt

    def level_shapes(self, catalog: Catalog, level: str) -> dict[str, Any]:
        """Return code → flat shape of a whole level, details below paper left out."""
        frame = catalog.snapshot.geo_table("divisions")
        at = np.flatnonzero((frame["level"] == level).to_numpy())
        shapes: Geometries = np.asarray(frame.geometry.array, dtype=object)[at]
        simple = simplify_together(shapes, tolerance_m=self.m_per_pt * 0.35)
        codes = frame["code"].to_numpy()[at].tolist()
        return dict(zip(codes, self.ground.flat(simple), strict=True))


def draw_areas(canvas: Canvas, data: MapData, shapes: dict[str, Any]) -> None:
    """Fill the areas of the scope by class, their neighbours in grey."""
    around = [s for code, s in shapes.items() if code not in data.rates]
    _fill(canvas, around, _AROUND, edge="#ffffff", order=1)
    for one in classes_of(data):
        members = [shapes[code] for code in one.codes if code in shapes]
        if one.colour is None:
            _fill(
                canvas, members, NO_DATA_GROUND, edge=NO_DATA_STRIPES, order=2,
                hatch="/////",
            )  # fmt: skip
        _fill(
            canvas,
            members,
            one.colour or "none",
            edge="#ffffff",
            order=3,
        )


def _fill(
    canvas: Canvas,
    shapes: Iterable[Any],
    colour: str,
    *,
    edge: str,
    order: int,
    hatch: str | None = None,
) -> None:
    from matplotlib.collections import PathCollection

    paths = _paths(shapes)
    if not paths:
        return
    canvas.axes.add_collection(
        PathCollection(
            paths, facecolors=colour, edgecolors=edge, linewidths=0.45, hatch=hatch,
            zorder=order, joinstyle="round",
        ),
        autolim=False,
    )  # fmt: skip


def _paths(shapes: Iterable[Any]) -> list[Path]:
    found = (polygon_path(shape) for shape in shapes)
    return [path for path in found if path is not None]


def draw_outlines(
    canvas: Canvas, shapes: Iterable[Any], *, colour: str, width_pt: float
) -> None:
    """Draw borders without filling."""
    from matplotlib.collections import PathCollection

    paths = _paths(shapes)
    for ink, width, order in (
        ("#ffffff", width_pt + 1.2, 5.0),
        (colour, width_pt, 5.1),
    ):
        canvas.axes.add_collection(
            PathCollection(
                paths, facecolors="none", edgecolors=ink, linewidths=width,
                zorder=order, joinstyle="round", alpha=0.9,
            ),
            autolim=False,
        )  # fmt: skip


def draw_roads(canvas: Canvas, catalog: Catalog) -> bool:
    """Draw the roads that matter at this scale; say whether there are any."""
    from matplotlib.collections import LineCollection

    if "roads" not in catalog.snapshot.table_names:
        return False
    frame = catalog.snapshot.geo_table("roads")
    named = {name for names, *_ in _ROADS if names for name in names}
    drawn = False
    for names, colour, width, widest_m in _ROADS:
        if canvas.ground.width_m > widest_m:
            continue
        chosen = frame["class"].isin(named if names is None else names)
        shapes = np.asarray(frame.geometry.array, dtype=object)[
            (~chosen if names is None else chosen).to_numpy()
        ]
        if not len(shapes):
            continue
        flat = canvas.ground.flat(shapes)
        inside = shapely.get_parts(flat[canvas.ground.inside(flat)])
        whole = shapely.line_merge(shapely.multilinestrings(inside))
        simple = shapely.simplify(shapely.get_parts(whole), canvas.m_per_pt * 0.35)
        lines = [part.coords for part in simple if len(part.coords)]
        canvas.axes.add_collection(
            LineCollection(
                [np.asarray(line)[:, :2] for line in lines], colors=colour,
                linewidths=width, zorder=4, alpha=0.75, capstyle="round",
            ),
            autolim=False,
        )  # fmt: skip
        drawn = drawn or bool(lines)
    return drawn


def draw_circles(canvas: Canvas, catalog: Catalog, at: Sequence[int]) -> None:
    """Draw the service's circles over the areas."""
    from matplotlib.collections import PathCollection

    shapes = catalog.tables.shapes("circles", at)
    flat = canvas.ground.flat(shapely.get_parts(shapes))
    inside = flat[canvas.ground.inside(flat)]
    simple = shapely.simplify(inside, canvas.m_per_pt * 0.3)
    least_m2 = (_LEAST_HOLE_PT * canvas.m_per_pt) ** 2
    canvas.axes.add_collection(
        PathCollection(
            _paths(without_small_holes(simple, least_m2=least_m2)),
            facecolors=CIRCLE_COLOUR + "3d", edgecolors="#0b5a57",
            linewidths=0.45, zorder=4.5,
        ),
        autolim=False,
    )  # fmt: skip


def without_small_holes(shapes: Geometries, *, least_m2: float) -> Geometries:
    """Return polygons without holes below an area; None and other shapes stay.

    Examples
    --------
    >>> ring = shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2)
    >>> without_small_holes(np.array([ring]), least_m2=4.0)[0].area
    81.0
    """
    result = shapes.copy()
    for i, shape in enumerate(shapes):
        if shape is not None and shape.geom_type == "Polygon" and shape.interiors:
            kept = [
                ring
                for ring in shape.interiors
                if shapely.area(shapely.polygons(ring)) >= least_m2
            ]
            result[i] = shapely.Polygon(shape.exterior, kept)
    return result


def sign_order(facilities: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Return category → sign, the most frequent first, as on the map page."""
    counts = Counter(row["category"] or "other" for row in facilities)
    return {
        category: SIGNS[i % len(SIGNS)]
        for i, (category, _) in enumerate(counts.most_common())
    }


def draw_facilities(canvas: Canvas, facilities: Sequence[Row]) -> None:
    """Draw facilities with the signs of their categories, hollow unless open."""
    if not facilities:
        return
    signs = sign_order(facilities)
    points = shapely.points([(row["lon"], row["lat"]) for row in facilities])
    flat = canvas.ground.flat(points)
    inside = canvas.ground.inside(flat)
    size = 5.2 if inside.sum() <= 120 else 4.0 if inside.sum() <= 400 else 3.0
    for category, (marker, colour) in signs.items():
        for is_open in (False, True):
            chosen = inside & np.array(
                [
                    (row["category"] or "other") == category
                    and (row["status"] == "open") == is_open
                    for row in facilities
                ]
            )
            canvas.axes.plot(
                shapely.get_x(flat[chosen]),
                shapely.get_y(flat[chosen]),
                marker,
                markersize=size * (1.35 if marker == "*" else 1.0),
                markerfacecolor=colour if is_open else "#ffffff",
                markeredgecolor="#ffffff" if is_open else colour,
                markeredgewidth=0.45 if is_open else 0.8,
                linestyle="none",
                zorder=7,
            )


def draw_sites(canvas: Canvas, sites: Sequence[Row]) -> None:
    """Draw proposed sites over everything, each with its place in the order."""
    if not sites:
        return
    flat = canvas.ground.flat(shapely.points([(s["lon"], s["lat"]) for s in sites]))
    numbered = len(sites) <= MOST_NUMBERED
    canvas.axes.plot(
        shapely.get_x(flat), shapely.get_y(flat), "o",
        markersize=8.6 if numbered else 5.0, markerfacecolor=SITE_COLOUR,
        markeredgecolor="#ffffff", markeredgewidth=0.8, linestyle="none", zorder=9,
    )  # fmt: skip
    for site, point in zip(sites, flat, strict=True):
        if numbered:
            canvas.axes.text(
                point.x, point.y, str(site["rank"]), color="#ffffff", ha="center",
                va="center_baseline", zorder=9.1, clip_on=True, parse_math=False,
                fontproperties=canvas.typeface.font(5.6, bold=True),
            )  # fmt: skip


def draw_gaps(
    canvas: Canvas, catalog: Catalog, gaps: Sequence[tuple[int, Row]]
) -> Callable[[float], float]:
    """Draw circles of the people who are not covered; return people → diameter [pt]."""
    points = catalog.tables.shapes("gaps", [at for at, _ in gaps])
    flat = canvas.ground.flat(points)
    people = np.array([row["people_without"] or 0.0 for _, row in gaps])
    most = max(float(people.max(initial=0.0)), 1.0)

    def diameter_pt(n: float) -> float:
        return max(2.2, 15.0 * float(np.sqrt(n / most)))

    order = np.argsort(-people, kind="stable")
    canvas.axes.scatter(
        shapely.get_x(flat[order]),
        shapely.get_y(flat[order]),
        s=[diameter_pt(n) ** 2 for n in people[order]],
        c=GAP_COLOUR,
        edgecolors="#ffffff",
        linewidths=0.4,
        alpha=0.8,
        zorder=6,
    )
    return diameter_pt


def draw_names(
    canvas: Canvas, names: Sequence[tuple[str, float]], shapes: Sequence[Any]
) -> None:
    """Write the names of areas, the most populous first, without overlaps.

    Parameters
    ----------
    canvas : Canvas
    names : sequence of (str, float)
        Name and people of each area.
    shapes : sequence of geometry
        Flat shapes of the same areas.
    """
    from matplotlib.patheffects import withStroke

    size_pt = 7.5 if len(names) <= 30 else 6.6
    font = canvas.typeface.font(size_pt)
    taken: list[tuple[float, float, float, float]] = []
    for i in sorted(range(len(names)), key=lambda i: -names[i][1]):
        shape = shapes[i]
        if shape is None or shape.is_empty or len(taken) >= _MOST_LABELS:
            continue
        text = canvas.typeface.drawable(names[i][0])[:16]
        middle = shape.centroid
        point = middle if shape.contains(middle) else shape.representative_point()
        width = (_width_em(text) * size_pt + 3) * canvas.m_per_pt
        height = (size_pt + 3) * canvas.m_per_pt
        x, y = point.x, point.y
        box = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
        ground = canvas.ground
        outside = box[0] < ground.west or box[1] > ground.east
        if outside or any(_touch(box, other) for other in taken):
            continue
        taken.append(box)
        canvas.axes.text(
            x, y, text, fontproperties=font, color=INK, ha="center", va="center",
            zorder=8, parse_math=False, clip_on=True,
            path_effects=[withStroke(linewidth=1.9, foreground="#ffffffe6")],
        )  # fmt: skip


def _width_em(text: str) -> float:
    return sum(1.0 if ord(c) > 0x2000 else 0.56 for c in text)


def _touch(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[1] and a[1] > b[0] and a[2] < b[3] and a[3] > b[2]

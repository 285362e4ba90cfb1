"""What stands around a static map: title, legend, scale bar, north, notice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import shapely

from yikezhong_app.exports.area_classes import classes_of
from yikezhong_app.exports.ground import round_length
from yikezhong_app.exports.map_layers import (
    CIRCLE_COLOUR,
    GAP_COLOUR,
    INK,
    SITE_COLOUR,
    Canvas,
    sign_order,
)
from yikezhong_app.exports.rate_classes import (
    NO_DATA_GROUND,
    NO_DATA_STRIPES,
    percent,
)
from yikezhong_app.exports.typeface import Typeface
from yikezhong_app.exports.view import MapData
from yikezhong_app.exports.wording import amount, count_words
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.shapes import Geometries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SOFT: Final = "#55615d"
_PATCH_EDGE: Final = "#00000040"
_ROW_PT: Final = 13.5
_MOST_CATEGORIES: Final = 8
_NOTICE_GROUND: Final = "#fdf3d6"
_NOTICE_INK: Final = "#5f4700"


@dataclass
class Column:
    """A column of the legend, written from the top down, in points.

    Parameters
    ----------
    axes : Axes
        As wide and high as ``width`` × ``top`` points, unit point.
    typeface : Typeface
    width : float
    top : float
        Where the next line begins, from the bottom.
    """

    axes: Axes
    typeface: Typeface
    width: float
    top: float

    def words(
        self,
        x: float,
        text: str,
        *,
        size: float = 8.0,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
    ) -> None:
        """Write in the current line."""
        self.axes.text(
            x, self.top - _ROW_PT / 2, self.typeface.drawable(text),
            fontproperties=self.typeface.font(size, bold=bold), color=colour,
            ha=align, va="center_baseline", parse_math=False,
        )  # fmt: skip

    def heading(self, text: str) -> None:
        """Write a heading in a line of its own."""
        self.words(0, text, size=8.6, bold=True)
        self.top -= _ROW_PT + 1.5

    def row(self, text: str, count: str = "") -> None:
        """Write words and a count to the right; the sign is drawn by the caller."""
        space = self.width - 30 - len(count) * 5.0
        self.words(24, shortened(text, space / 8.0))
        if count:
            self.words(self.width, count, size=7.6, colour=SOFT, align="right")
        self.top -= _ROW_PT

    def patch(self, colour: str, *, hatch: str | None = None) -> None:
        """Draw a patch in the current line."""
        from matplotlib.patches import Rectangle

        place = (0.5, self.top - _ROW_PT / 2 - 5)
        if hatch is not None:
            self.axes.add_patch(
                Rectangle(
                    place, 18, 10, facecolor=NO_DATA_GROUND, hatch=hatch,
                    edgecolor=NO_DATA_STRIPES, linewidth=0.0,
                )
            )  # fmt: skip
        self.axes.add_patch(
            Rectangle(
                place, 18, 10, facecolor="none" if hatch else colour,
                edgecolor=_PATCH_EDGE, linewidth=0.6,
            )
        )  # fmt: skip

    def gap(self, height: float = 7.0) -> None:
        """Leave room."""
        self.top -= height


def shortened(text: str, room_em: float) -> str:
    """Return text cut to a width, with an ellipsis where something is lost.

    Examples
    --------
    >>> shortened("综合性社区养老服务设施", 8), shortened("公墓", 8)
    ('综合性社区养老…', '公墓')
    """
    width = 0.0
    for i, c in enumerate(text):
        width += 1.0 if ord(c) > 0x2000 else 0.56
        if width > room_em:
            return text[: max(i - 1, 1)] + "…"
    return text


def write_rates(column: Column, data: MapData) -> None:
    """Write the classes with how many areas each has."""
    what = "覆盖率" if data.verdicts is None else "结论"
    column.heading(f"{data.level_name}{what}")
    for one in classes_of(data):
        if one.colour is None:
            column.patch(NO_DATA_GROUND, hatch="/////")
        else:
            column.patch(one.colour)
        column.row(one.words, f"{len(one.codes):,} 个")
    column.gap()


def write_sites(column: Column, data: MapData) -> None:
    """Write the sign of proposed sites and their number."""
    if not data.sites:
        return
    column.heading("选址方案")
    column.axes.plot(
        [9.5], [column.top - _ROW_PT / 2], "o", markersize=8.4,
        markerfacecolor=SITE_COLOUR, markeredgecolor="#ffffff", markeredgewidth=0.8,
    )  # fmt: skip
    column.row("新设施", f"{len(data.sites):,} 处")
    column.gap()


def write_facilities(column: Column, data: MapData) -> None:
    """Write the signs of the categories and how many the scope has of each."""
    signs = sign_order(data.facilities)
    if not signs:
        return
    names = {
        row["category"] or "other": row["category_name"] for row in data.facilities
    }
    counts = Counter(
        row["category"] or "other"
        for row in data.facilities
        if data.scope.code is None
        or data.scope.codes
        & {row.get("township_code"), row.get("located_township_code"),
           row.get("community_code"), row.get("located_community_code")}
    )  # fmt: skip
    column.heading("设施")
    for category, (marker, colour) in [*signs.items()][:_MOST_CATEGORIES]:
        column.axes.plot(
            [9.5], [column.top - _ROW_PT / 2], marker, markersize=6.2,
            markerfacecolor=colour, markeredgecolor="#ffffff", markeredgewidth=0.4,
        )  # fmt: skip
        column.row(names.get(category) or category, f"{counts[category]:,}")
    if any(row["status"] != "open" for row in data.facilities):
        column.words(24, "空心：未运营", size=7.4, colour=SOFT)
        column.top -= _ROW_PT
    column.gap()


def write_others(column: Column, data: MapData, *, has_roads: bool) -> None:
    """Write what the other layers look like."""
    rows = [bool(data.circles), bool(data.gaps), has_roads]
    if not any(rows):
        return
    column.heading("其他")
    middle = column.top - _ROW_PT / 2
    if data.circles:
        column.patch(CIRCLE_COLOUR + "3d")
        column.row("服务圈范围")
        middle = column.top - _ROW_PT / 2
    if data.gaps:
        column.axes.plot(
            [9.5], [middle], "o", markersize=8, markerfacecolor=GAP_COLOUR,
            markeredgecolor="#ffffff", alpha=0.85,
        )  # fmt: skip
        column.row("未覆盖人口", f"{len(data.gaps):,} 处")
        middle = column.top - _ROW_PT / 2
    if has_roads:
        column.axes.plot(
            [1, 18], [middle, middle], color="#878e8b", linewidth=1.1, clip_on=False
        )
        column.row("道路")
    column.gap()


def write_whole(column: Column, data: MapData) -> None:
    """Write the figures of the scope as one."""
    if data.verdicts is not None:
        _write_verdict(column, data.verdict)
        return
    whole, denominator = data.whole, str(data.view.denominator)
    column.heading("合计")
    column.top -= 4
    column.words(0, percent(whole["rate"]), size=17, bold=True, colour="#0b5a57")
    column.top -= _ROW_PT + 5
    lines = [
        data.denominator_name,
        f"已覆盖 {count_words(whole['covered'], denominator)}",
        f"总数 {amount(whole['total'], denominator)}",
    ]
    for line in lines:
        column.words(0, shortened(line, column.width / 8.0), size=7.8, colour=SOFT)
        column.top -= _ROW_PT - 2
    column.gap()


def _write_verdict(column: Column, verdict: Row | None) -> None:
    """Write what an indicator says of the scope as one."""
    column.heading("合计")
    if verdict is None:
        column.row("没有合计的结论")
        column.gap()
        return
    column.top -= 4
    column.words(0, verdict["status_name"], size=15, bold=True, colour="#0b5a57")
    column.top -= _ROW_PT + 5
    unit = verdict.get("value_unit")
    lines = [
        f"数值 {_value_words(verdict['value'], unit)}",
        f"目标 {_value_words(verdict['target'], unit)}",
        verdict.get("missing_text"),
    ]
    for line in lines:
        if line:
            column.words(0, shortened(line, column.width / 8.0), size=7.8, colour=SOFT)
            column.top -= _ROW_PT - 2
    column.gap()


def _value_words(value: float | None, unit: str | None) -> str:
    if value is None:
        return "—"
    return percent(value) if unit == "share" else f"{value:,.4g}"


def write_title(
    figure: Figure, catalog: Catalog, data: MapData, face: Typeface
) -> None:
    """Write title and subtitle over the map."""
    put = _writer(figure, face)
    put(0.018, 0.9575, shortened(data.title, 37), size=13, bold=True)
    parts = [data.caption or f"{data.denominator_name}覆盖率", data.variant_name]
    if data.service["profile"] == "walking":
        speed = data.view.speed or catalog.walk_speed_mps
        parts += [f"步行速度 {speed:g} 米/秒"] if speed else []
    parts.append(f"评价日期 {catalog.as_of}")
    put(0.018, 0.915, shortened("　".join(parts), 62), size=8.2, colour=SOFT)


def write_foot(figure: Figure, catalog: Catalog, face: Typeface) -> None:
    """Write notice, issuer, approval number and version below the map."""
    put = _writer(figure, face)
    issued = catalog.manifest.get("map") or {}
    line = (
        f"制图单位：{issued.get('issuer') or '未填写'}　　"
        f"审图号：{issued.get('approval_number') or '未填写'}"
    )
    put(0.018, 0.028, shortened(line, 46), size=7.4, colour=SOFT)
    version = f"{catalog.name}　成果版本 {catalog.version}"
    put(0.982, 0.028, shortened(version, 42), size=6.6, colour=SOFT, align="right")
    if catalog.notice:
        text = figure.text(
            0.0225, 0.0635, face.drawable(shortened(catalog.notice, 70)),
            fontproperties=face.font(8, bold=True), color=_NOTICE_INK,
            va="center", parse_math=False,
        )  # fmt: skip
        text.set_bbox(
            {"facecolor": _NOTICE_GROUND, "edgecolor": "#ead79b", "pad": 2.2,
             "linewidth": 0.6}
        )  # fmt: skip


def _writer(figure: Figure, face: Typeface) -> Any:
    def put(
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        bold: bool = False,
        colour: str = INK,
        align: str = "left",
    ) -> None:
        figure.text(
            x, y, face.drawable(text), fontproperties=face.font(size, bold=bold),
            color=colour, ha=align, va="center", parse_math=False,
        )  # fmt: skip

    return put


def draw_scale(canvas: Canvas, shapes: Geometries) -> None:
    """Draw a scale bar in the emptier lower corner; the plane is true to length."""
    from matplotlib.patches import Rectangle

    axes, ground, face = canvas.axes, canvas.ground, canvas.typeface
    m_per_pt = canvas.m_per_pt
    length = round_length(ground.width_m * 0.22)
    wide, tall = length + 36 * m_per_pt, 24 * m_per_pt
    lefts = (ground.west, ground.east - wide)
    left = min(
        lefts,
        key=lambda x: shapely.area(
            shapely.intersection(
                shapes, shapely.box(x, ground.south, x + wide, ground.south + tall)
            )
        ).sum(),
    )
    x, y = left + 11 * m_per_pt, ground.south + 9 * m_per_pt
    high = 3.2 * m_per_pt
    axes.add_patch(
        Rectangle(
            (left + 3 * m_per_pt, ground.south + 3 * m_per_pt), wide - 6 * m_per_pt,
            tall, facecolor="#ffffffcc", edgecolor="none", zorder=9,
        )
    )  # fmt: skip
    for i, colour in enumerate((INK, "#ffffff")):
        axes.add_patch(
            Rectangle(
                (x + i * length / 2, y), length / 2, high, facecolor=colour,
                edgecolor=INK, linewidth=0.6, zorder=10,
            )
        )  # fmt: skip
    is_km = length >= 1000
    for share in (0.0, 0.5, 1.0):
        value = length * share / (1000 if is_km else 1)
        unit = (" 公里" if is_km else " 米") if share == 1.0 else ""
        axes.text(
            x + share * length, y + high + 2.2 * m_per_pt, f"{value:g}{unit}",
            fontproperties=face.font(6.8), color=INK, zorder=10, va="bottom",
            ha="center" if share < 1.0 else "left", parse_math=False,
        ).set_x(x + share * length - (2.5 * m_per_pt if share == 1.0 else 0.0))  # fmt: skip


def draw_north(axes: Axes, face: Typeface) -> None:
    """Draw a north arrow in the upper right corner."""
    from matplotlib.patches import Polygon

    box = axes.get_window_extent()
    points = 72.0 / axes.figure.dpi
    wide, high = 13.0 / (box.width * points), 24.0 / (box.height * points)
    x, y = 1.0 - 1.25 * wide, 1.0 - 1.85 * high
    halves = (
        (((x, y + high), (x + wide / 2, y), (x, y + high * 0.24)), INK),
        (
            ((x, y + high), (x - wide / 2, y), (x, y + high * 0.24)),
            "#ffffff",
        ),
    )
    for corners, colour in halves:
        axes.add_patch(
            Polygon(
                corners, closed=True, facecolor=colour, edgecolor=INK, linewidth=0.7,
                transform=axes.transAxes, zorder=10,
            )
        )  # fmt: skip
    axes.text(
        x, y + high * 1.08, "北", fontproperties=face.font(8, bold=True), color=INK,
        ha="center", va="bottom", transform=axes.transAxes, zorder=10,
        bbox={"facecolor": "#ffffffcc", "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip

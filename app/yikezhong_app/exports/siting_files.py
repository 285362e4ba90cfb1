"""The files of a siting plan: workbook, document and map."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, get_args

from yikezhong_app.exports.figures import DEFAULT_WIDTH_PX, draw_data
from yikezhong_app.exports.siting_paper import SitingPaper
from yikezhong_app.exports.view import MapData

SitingFormat = Literal["xlsx", "docx", "png", "svg"]
SITING_FORMATS: Final[tuple[SitingFormat, ...]] = get_args(SitingFormat)


def make_siting_file(
    paper: SitingPaper,
    form: SitingFormat,
    *,
    width_px: int = DEFAULT_WIDTH_PX,
    font: Path | None = None,
) -> bytes:
    """Return one file of a plan.

    Raises
    ------
    FontMissingError
        If a map is to be drawn and there is no font with Chinese characters.
    """
    if form == "xlsx":
        from yikezhong_app.exports.siting_workbook import make_siting_workbook

        return make_siting_workbook(paper)
    if form == "docx":
        from yikezhong_app.exports.siting_document import make_siting_document

        def draw(data: MapData) -> bytes:
            return draw_data(paper.catalog, data, font=font)

        return make_siting_document(paper, draw=draw)
    return draw_data(
        paper.catalog, paper.map_data(), form=form, width_px=width_px, font=font
    )

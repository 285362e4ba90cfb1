"""Build the report of a result: workbook, document and maps, as files or bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, cast, get_args

from yikezhong_app.exports.figures import draw_map
from yikezhong_app.exports.report_data import ReportData, gather
from yikezhong_app.exports.view import MapView
from yikezhong_app.progress import ProgressCall
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.web.request_errors import ParameterError

ReportFormat = Literal["xlsx", "docx", "png", "svg"]
REPORT_FORMATS: Final[tuple[ReportFormat, ...]] = get_args(ReportFormat)
#: Width of the maps of a document [pixels]: 240 dots an inch on A4.
_DOCUMENT_WIDTH_PX: Final = 1480
_UNSAFE: Final = frozenset('\\/:*?"<>|')


def build_report(
    snapshot: Snapshot,
    out_path: Path,
    *,
    code: str | None = None,
    formats: Sequence[str] = ("xlsx", "docx"),
    font: Path | None = None,
    progress: ProgressCall | None = None,
) -> list[Path]:
    """Write the report of a result into a folder.

    Parameters
    ----------
    snapshot : Snapshot
    out_path : Path
        Folder; made where it is missing.
    code : str or None
        Code, short code or name of a division; None: the whole study.
    formats : sequence of str
        Of :data:`REPORT_FORMATS`.
    font : Path or None
        Font file for the maps; None: the best of those installed.
    progress : callable or None
        Called with a step's Chinese name and the fraction done.

    Returns
    -------
    list of Path
        The files, in the order of ``formats``.

    Raises
    ------
    UnknownDivisionError, AmbiguousNameError
        If there is no such division, or several of the name.
    ParameterError
        If a format is not one there is.
    FontMissingError
        If a map is to be drawn and there is no font with Chinese characters.
    """
    for form in formats:
        if form not in REPORT_FORMATS:
            raise ParameterError(
                f"没有格式“{form}”", parameter="format", available=REPORT_FORMATS
            )
    catalog = load_catalog(snapshot)
    data = gather(catalog, code)
    out_path.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    chosen = [*dict.fromkeys(formats)]
    for number, form in enumerate(chosen):
        if progress is not None:
            progress(f"生成 {form.upper()}", number / len(chosen))
        body = make_report(data, cast(ReportFormat, form), font=font)
        path = out_path / file_name(catalog, data.scope.name, form)
        path.write_bytes(body)
        written.append(path)
    if progress is not None:
        progress("完成", 1.0)
    return written


def make_report(
    data: ReportData, form: ReportFormat, *, font: Path | None = None
) -> bytes:
    """Return one file of a report."""
    if form == "xlsx":
        from yikezhong_app.exports.workbook import make_workbook

        return make_workbook(data)
    if form == "docx":
        from yikezhong_app.exports.document import make_document

        def draw(view: MapView) -> bytes:
            return draw_map(data.catalog, view, width_px=_DOCUMENT_WIDTH_PX, font=font)

        return make_document(data, draw=draw)
    view = MapView(code=data.scope.code)
    return draw_map(data.catalog, view, form=form, font=font)


def file_name(catalog: Catalog, place: str, form: str) -> str:
    """Return the name a report is saved under, safe on every file system."""
    what = "覆盖地图" if form in ("png", "svg", "html") else "服务圈覆盖报告"
    name = f"{place}_{what}_{catalog.as_of}.{form}"
    safe = "".join("_" if c in _UNSAFE or not c.isprintable() else c for c in name)
    return safe.lstrip(". ") or f"report.{form}"

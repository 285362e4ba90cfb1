"""What a file holds, before anything is made of it: headers, first rows, encoding."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any, Final

import shapely

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import ColumnMappingError
from yikezhong_geodata.headers import map_columns
from yikezhong_geodata.sources import open_source
from yikezhong_geodata.study_sources import find_spec

#: Layer → kind of the headers that are recognised in it.
_KINDS: Final = {
    "facilities": "facility",
    "boundaries": "boundary",
    "population": "population",
}
_MOST_ROWS: Final = 10
_MOST_COLUMNS: Final = 60
_MOST_TEXT: Final = 120


def preview_source(
    folder: Path, *, layer: str, source_id: str
) -> dict[str, Any] | None:
    """Return the first rows of a file of a study; None where it has no rows.

    Parameters
    ----------
    folder : Path
        The study.
    layer, source_id : str
        The file, see :mod:`yikezhong_geodata.study_sources`.

    Returns
    -------
    dict or None
        ``headers``; ``columns`` (standard name → header); ``rows`` of clipped texts;
        ``n_row``; ``geometry`` (type → number); ``notes`` on how it was read.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    spec = find_spec(folder, source_id)
    if not _has_rows(spec, layer):
        return None
    report = DataReport()
    source = open_source(spec, folder=folder, report=report, label=layer, kind=None)
    headers = [str(name) for name in source.frame.columns]
    columns: dict[str, str] = {}
    if layer in _KINDS:
        try:
            columns = map_columns(
                headers, _KINDS[layer], overrides=spec.columns, file=source.file
            )
        except ColumnMappingError:
            columns = {}  # said when the study is read
    shown = source.frame.iloc[:_MOST_ROWS, :_MOST_COLUMNS]
    return {
        "headers": [_clipped(name) for name in headers[:_MOST_COLUMNS]],
        "n_column": len(headers),
        "columns": {name: _clipped(header) for name, header in columns.items()},
        "rows": [[_clipped(cell) for cell in row] for row in shown.to_numpy().tolist()],
        "n_row": len(source),
        "geometry": _geometry_types(source.geometry),
        "notes": [
            {"problem": f.problem, "message": f.message, "value": _clipped(f.value)}
            for f in report.findings
            if f.row is None
        ],
    }


def _has_rows(spec: Any, layer: str) -> bool:
    """Say whether a file is a table or a layer: rasters and OSM extracts are not."""
    if layer == "population":
        return bool(spec.kind != "raster")
    name = spec.file.lower()
    return layer != "roads" or not name.endswith((".pbf", ".osm", ".xml", ".graphml"))


def _geometry_types(geometry: Any) -> dict[str, int]:
    if geometry is None:
        return {}
    kinds = Counter(shapely.get_type_id(geometry).tolist())
    names = {int(kind): kind.name.title() for kind in shapely.GeometryType}
    return {names.get(kind, "None"): n for kind, n in sorted(kinds.items())}


def _clipped(value: object) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value)
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"

"""Rows as a GeoPackage, for GIS programs: codes are text, unknown is NULL."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from yikezhong_app.web.formats import cell_text
from yikezhong_geodata.columns import CRS
from yikezhong_geodata.opening import prepare_gdal

#: The layer of the rows, and the one that says what they are.
DATA_LAYER: Final = "data"
ABOUT_LAYER: Final = "about"


def to_geopackage(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    geometries: Sequence[bytes | None] | None,
    about: Sequence[tuple[str, str]],
) -> bytes:
    """Return a GeoPackage of one layer of rows and one that explains.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of mapping
    geometries : sequence of bytes or None
        GeoJSON geometry of each row (EPSG:4326), None where it has none; None for a
        table without places.
    about : sequence of (str, str)
        Lines of the explaining layer: version, as-of date, notice …

    Returns
    -------
    bytes
        A GeoPackage 1.2 or later.
    """
    prepare_gdal()
    import geopandas as gpd
    import pandas as pd
    import pyogrio
    import shapely

    frame = pd.DataFrame({name: _column(name, rows) for name in columns})
    if geometries is not None:
        shapes = [None if g is None else shapely.from_geojson(g) for g in geometries]
        frame = gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)
    notes = pd.DataFrame(
        {"name": [n for n, _ in about], "value": [v for _, v in about]}
    )
    with tempfile.TemporaryDirectory(prefix="yikezhong-") as folder:
        path = Path(folder) / "data.gpkg"
        # "fid" may be one of the columns
        pyogrio.write_dataframe(
            frame, path, layer=DATA_LAYER, driver="GPKG", layer_options={"FID": "fid_"}
        )
        pyogrio.write_dataframe(notes, path, layer=ABOUT_LAYER, driver="GPKG")
        return path.read_bytes()


def _column(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a column of one type: truth values, whole numbers, numbers or text."""
    import pandas as pd

    values = [row.get(name) for row in rows]
    kinds = {type(value) for value in values}
    if kinds and kinds <= {bool}:
        return pd.Series(values, dtype="bool")
    if kinds and kinds <= {int}:
        return pd.Series(values, dtype="int64")
    if kinds & {int, float} and kinds <= {int, float, type(None)}:
        return pd.Series(values, dtype="float64")
    texts = [None if v is None else str(cell_text(v)) for v in values]
    # NUL would end the text for SQLite
    return pd.Series(
        [None if t is None else t.replace("\0", "\ufffd") for t in texts],
        dtype="object",
    )

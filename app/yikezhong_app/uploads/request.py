"""What comes with an uploaded file, and what it may be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

#: Settings of a study's file; short words, never paths.
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)]
LayerName = Literal["facilities", "boundaries", "population", "roads"]

#: What ``study.toml`` may say of a file, by layer.
_ALL = frozenset({"crs", "datum", "encoding", "layer", "columns"})
SETTINGS: dict[str, frozenset[str]] = {
    "facilities": _ALL | {"category", "status"},
    "boundaries": _ALL | {"level", "basis", "year"},
    "population": _ALL | {"kind", "basis", "year", "group"},
    "roads": _ALL | {"length_column", "time_column"},
}


class UploadRequest(BaseModel):
    """The fields of the form beside the file; what is left out stays as it was."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    layer: LayerName = Field(description="图层")
    source: (
        Annotated[str, StringConstraints(pattern=r"^([a-z]+-\d{1,4}|new)$")] | None
    ) = Field(None, description="替换研究中的哪个文件（见 sources），new 为增加一个")
    crs: Word | None = Field(None, description="坐标系，如 EPSG:4490")
    datum: Literal["wgs84", "gcj02", "bd09"] | None = Field(
        None, description="经纬度的基准"
    )
    encoding: Word | None = Field(None, description="文字编码，如 gb18030")
    sheet: Word | None = Field(None, description="图层或工作表名")
    columns: dict[Word, Word] | None = Field(
        None, max_length=60, description="列的含义：标准名 → 表头"
    )
    category: Word | None = Field(None, description="设施类别")
    status: Word | None = Field(None, description="设施状态")
    level: (
        Literal["province", "prefecture", "county", "township", "community"] | None
    ) = Field(None, description="行政区划层级")
    kind: Literal["table", "points", "raster"] | None = Field(
        None, description="人口数据的形式"
    )
    group: Word | None = Field(None, description="人口组")
    basis: Word | None = Field(None, description="人口口径：常住或户籍")
    year: int | None = Field(None, ge=1900, le=2100, description="人口年份")
    length_column: Word | None = Field(None, description="路段长度列 [m]")
    time_column: Word | None = Field(None, description="路段时间列 [s]")
    accept_datum: bool = Field(False, description="接受检测到的坐标偏移并换算")
    accept_repairs: bool = Field(False, description="接受面积变化超过 1 % 的边界修复")

    def settings(self) -> dict[str, object]:
        """Return what is to stand in ``study.toml``; only what was given."""
        given = self.model_dump(exclude_none=True)
        given["layer"] = given.pop("sheet", None)
        allowed = SETTINGS[self.layer]
        return {k: v for k, v in given.items() if k in allowed and v is not None}

    def foreign_settings(self) -> list[str]:
        """Return what was given and does not belong to the layer."""
        given = set(self.model_dump(exclude_unset=True)) - {
            "layer", "source", "sheet", "accept_datum", "accept_repairs",
        }  # fmt: skip
        return sorted(given - SETTINGS[self.layer])

"""What the API answers about uploads."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class SourceRow(BaseModel):
    """A file of the study that an upload can replace."""

    id: str = Field(title="编号", examples=["facilities-1"])
    layer: str = Field(title="图层", examples=["facilities"])
    file: str = Field(title="文件名", examples=["养老设施台账.xlsx"])
    settings: dict[str, Any] = Field(title="研究中的设定")


class UploadError(BaseModel):
    """Why a file was refused, or an update failed."""

    code: str = Field(title="错误名", examples=["DuplicateKey"])
    message: str = Field(title="说明")
    text: str = Field(title="位置、说明与办法", examples=["a.csv，第 3 行：代码重复"])
    hint: str | None = Field(None, title="怎么办")
    status: int = Field(title="相应的 HTTP 状态", examples=[422])
    file: str | None = Field(None, title="文件")
    layer: str | None = Field(None, title="图层")
    row: int | None = Field(None, title="行")
    column: str | None = Field(None, title="列")


class Preview(BaseModel):
    """The first rows of the file, as they were read."""

    headers: list[str] = Field(title="表头")
    n_column: int = Field(title="列数")
    columns: dict[str, str] = Field(title="识别的列：标准名 → 表头")
    rows: list[list[str | None]] = Field(title="前几行")
    n_row: int = Field(title="行数")
    geometry: dict[str, int] = Field(title="图形类型与个数")
    notes: list[dict[str, str | None]] = Field(title="读取时的推断")


class CountRow(BaseModel):
    """Rows of a file: read = used + repaired + set aside."""

    layer: str
    file: str
    read: int = Field(title="读入")
    used: int = Field(title="使用")
    repaired: int = Field(title="修复")
    set_aside: int = Field(title="剔除")
    own: bool = Field(title="是否为上传的文件")


class GroupRow(BaseModel):
    """Findings of one kind about a file."""

    layer: str
    file: str
    problem: str = Field(title="问题", examples=["no_geometry"])
    action: Literal["noted", "repaired", "set_aside"] = Field(title="处理")
    n: int = Field(title="行数")
    message: str = Field(title="例")
    own: bool


class FindingRow(BaseModel):
    """A row of the data report."""

    layer: str
    file: str
    row: int | None
    id: str | None
    problem: str
    action: Literal["noted", "repaired", "set_aside"]
    value: str | None
    message: str
    own: bool


class UploadReport(BaseModel):
    """What becomes of every row of the study with the new file."""

    counts: list[CountRow]
    groups: list[GroupRow]
    findings: list[FindingRow] = Field(description="前 300 条，上传的文件在前")
    n_finding: int
    divisions: int = Field(title="行政区划数")
    facilities: int = Field(title="设施数")
    demand: int = Field(title="需求点数")


class UploadRow(BaseModel):
    """An upload and how far it is."""

    id: str = Field(title="上传编号")
    status: Literal["checking", "ready", "refused", "publishing", "published"] = Field(
        title="状态"
    )
    name: str = Field(title="上传时的文件名")
    file: str = Field(title="研究中的文件名")
    layer: str = Field(title="图层")
    replaces: str | None = Field(title="替换的文件")
    bytes: int = Field(title="大小（字节）")
    by: str = Field(title="上传者（令牌名称）")
    created: str = Field(title="上传时间（UTC）")
    expires: str = Field(title="过期时间（UTC）")
    request: dict[str, Any] = Field(title="随文件给出的设定")
    progress: float = Field(ge=0, le=1, title="进度")
    step: str = Field(title="正在做什么")
    isolated: bool | None = Field(title="读取时是否断开了网络")
    preview: Preview | None = Field(title="预览")
    report: UploadReport | None = Field(title="数据报告")
    error: UploadError | None = Field(title="错误")
    study_version: str | None = Field(title="研究版本")
    snapshot_version: str | None = Field(title="成果版本")
    links: dict[str, str] = Field(title="链接")


class UploadList(BaseModel):
    """All uploads without previews and reports, and what they can replace."""

    total: int
    items: list[UploadRow]
    sources: list[SourceRow]
    limit_bytes: int = Field(title="文件大小上限（字节）")

"""Settings of the service, read once from ``YIKEZHONG_…`` and passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set from outside; frozen.

    Each field is read from the environment variable of its name with the prefix
    ``YIKEZHONG_`` unless it is given by keyword.

    Examples
    --------
    >>> Settings(out="result", port=9000).port
    9000
    >>> Settings(allowed_hosts="maps.example.cn, 10.0.0.5").hosts
    ('127.0.0.1', 'localhost', '::1', 'maps.example.cn', '10.0.0.5')
    """

    model_config = SettingsConfigDict(
        env_prefix="YIKEZHONG_", frozen=True, extra="forbid"
    )

    host: str = Field("127.0.0.1", description="监听地址；0.0.0.0 为所有网卡")
    port: int = Field(8000, ge=0, le=65535, description="监听端口；0 为任意空闲端口")
    out: Path = Field(Path("out"), description="成果目录（yikezhong run 的 --out）")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="除本机外允许的主机名（Host），逗号分隔；* 为不限",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="日志级别"
    )
    reload_seconds: float = Field(
        1.0, ge=0, le=3600, description="检查新成果版本的最短间隔 [秒]"
    )
    cache_bytes: int = Field(
        128 * 2**20, ge=0, description="已生成答复的缓存上限 [字节]"
    )
    page_limit: int = Field(1000, ge=1, description="JSON 每页默认行数")
    max_page_limit: int = Field(100_000, ge=1, description="每页最多行数")
    font: Path | None = Field(
        None, description="地图图片用的中文字体文件；默认在已安装的字体中查找"
    )
    export_queue: int = Field(
        4, ge=0, le=100, description="可排队的报告与地图导出数，超出则答 503"
    )
    export_seconds: float = Field(
        180, gt=0, le=3600, description="一次导出（含排队）的最长时间 [秒]"
    )
    connection_limit: int = Field(512, ge=1, description="同时连接数上限")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names a request may name: this machine's, and those allowed."""
        own = ("127.0.0.1", "localhost", "::1")
        bound = () if self.host in (*own, "0.0.0.0", "::") else (self.host,)
        return own + bound + self.allowed_hosts

"""Settings of the service, read once from ``YIKEZHONG_…`` and passed down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from yikezhong_app.web.access import AccessToken, parse_tokens
from yikezhong_app.web.base_maps import BaseMap, offered_base_maps


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
    database: SecretStr | None = Field(
        None,
        description="数据库地址；填写后服务其中已发布的成果，成果目录只存放副本",
    )
    database_schema: str = Field(
        "yikezhong",
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        description="数据库中存放成果视图的模式",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="除本机外允许的主机名（Host），逗号分隔；* 为不限",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1", "::1"),
        description="可信的反向代理地址，逗号分隔；只有它们的 X-Forwarded-For 与 "
        "X-Forwarded-Proto 算数",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="日志级别"
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="日志形式：console 供人阅读，json 每行一个 JSON 对象"
    )
    reload_seconds: float = Field(
        1.0, ge=0, le=3600, description="检查新成果版本的最短间隔 [秒]"
    )
    cache_bytes: int = Field(
        128 * 2**20, ge=0, description="已生成答复的缓存上限 [字节]"
    )
    table_bytes: int = Field(
        256 * 2**20,
        ge=0,
        description="大成果（按服务分块的表）已读部分的缓存上限 [字节]",
    )
    page_limit: int = Field(1000, ge=1, description="JSON 每页默认行数")
    max_page_limit: int = Field(100_000, ge=1, description="每页最多行数")
    font: Path | None = Field(
        None, description="地图图片用的中文字体文件；默认在已安装的字体中查找"
    )
    tianditu_token: str | None = Field(
        None,
        pattern=r"^([A-Za-z0-9]{16,64})?$",
        description="天地图密钥；填写后页面可选用天地图作底图（需联网）",
    )
    osm_tiles: bool = Field(
        False, description="页面可选用 OpenStreetMap 作底图（需联网）"
    )
    export_queue: int = Field(
        4, ge=0, le=100, description="可排队的报告与地图导出数，超出则答 503"
    )
    export_seconds: float = Field(
        180, gt=0, le=3600, description="一次导出（含排队）的最长时间 [秒]"
    )
    connection_limit: int = Field(
        512, ge=1, description="同时连接数上限；满时先断开最久没有请求的连接"
    )
    receive_seconds: float = Field(
        8,
        gt=0,
        le=600,
        description="请求头须在此时间内收齐；请求体不得停顿或慢于每秒 4 KiB 达此时间 [秒]",
    )
    send_seconds: float = Field(
        30, gt=0, le=3600, description="客户端不接收答复达此时间即断开 [秒]"
    )
    request_seconds: float = Field(
        60, gt=0, le=3600, description="请求收齐后须在此时间内开始答复，否则答 503 [秒]"
    )
    stop_seconds: int = Field(
        30, ge=0, le=3600, description="停止服务时等待未完成答复的最长时间 [秒]"
    )
    rate_per_second: float = Field(
        30,
        ge=0,
        le=1e6,
        description="每个客户端每秒的请求数上限，超出则答 429；0 不限；"
        "本机与静态文件不计",
    )
    rate_burst: int = Field(
        300, ge=1, le=1_000_000, description="每个客户端可一次连续发出的请求数"
    )
    tokens: Annotated[tuple[AccessToken, ...], NoDecode] = Field(
        (),
        description="计算与写入的令牌：名称:角色:密钥，逗号分隔；"
        "角色为 reader、planner 或 editor",
    )
    body_limit_bytes: int = Field(2**20, ge=1024, description="请求体上限 [字节]")
    job_slots: int = Field(
        max(1, (os.cpu_count() or 2) - 1), ge=1, le=64, description="计算进程数上限"
    )
    job_limit: int = Field(16, ge=1, le=1000, description="同时计算与排队的任务数上限")
    job_seconds: float = Field(
        60, ge=20, le=3600, description="一次计算（不含排队）的最长时间 [秒]"
    )
    job_memory_bytes: int = Field(
        2 * 2**30, ge=0, description="每个计算进程的常驻内存上限 [字节]；0 不限"
    )

    study: Path | None = Field(
        None, description="研究目录；填写后 editor 可在页面上更新数据，不填则关闭"
    )
    upload_bytes: int = Field(200 * 2**20, ge=1024, description="上传文件的上限 [字节]")
    upload_limit: int = Field(10, ge=1, le=100, description="待处理的上传数上限")
    upload_keep_seconds: float = Field(
        86_400, ge=60, description="没有确认的上传保留的时间 [秒]"
    )
    upload_seconds: float = Field(
        600, ge=5, le=86_400, description="读取上传文件与研究的最长时间 [秒]"
    )
    upload_memory_bytes: int = Field(
        8 * 2**30, ge=2**30, description="读取进程的地址空间上限 [字节]"
    )
    update_seconds: float = Field(
        3600, ge=60, le=86_400, description="更新数据后重新计算的最长时间 [秒]"
    )
    update_memory_bytes: int = Field(
        8 * 2**30, ge=0, description="更新数据的计算进程的常驻内存上限 [字节]；0 不限"
    )

    @field_validator("tokens", mode="before")
    @classmethod
    def _read_tokens(cls, value: object) -> object:
        return parse_tokens(value) if isinstance(value, str) else value

    @field_validator("allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("database", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @model_validator(mode="after")
    def _check_source(self) -> Settings:
        if self.database is not None and self.study is not None:
            raise ValueError("服务数据库中的成果时不能更新研究数据（YIKEZHONG_STUDY）")
        return self

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names a request may name: this machine's, and those allowed."""
        own = ("127.0.0.1", "localhost", "::1")
        bound = () if self.host in (*own, "0.0.0.0", "::") else (self.host,)
        return own + bound + self.allowed_hosts

    @property
    def base_maps(self) -> tuple[BaseMap, ...]:
        """Base maps from elsewhere that pages may offer."""
        return offered_base_maps(tianditu_token=self.tianditu_token, osm=self.osm_tiles)

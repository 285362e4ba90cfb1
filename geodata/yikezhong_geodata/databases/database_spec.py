"""What ``study.toml`` says about a database: never a password.

::

    [database]
    url_env = "PLANNING_DATABASE"   # or: service = "planning"

    [[boundaries]]
    table = "planning.townships"    # in place of file = "…"
    geometry = "geom"               # where the table has several
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from yikezhong_geodata.databases.connecting import (
    DatabaseAddressError,
    Place,
    place_of,
    place_of_service,
)
from yikezhong_geodata.databases.table_names import TableName, parse_table_name
from yikezhong_geodata.toml_keys import Keys

SECTION: Final = "database"
_ENVIRONMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
#: Settings of a file that a table has none of.
_OF_FILES: Final = ("layer", "sheet", "encoding")


@dataclass(frozen=True)
class DatabaseSpec:
    """Where the tables of a study are: one of the two is given.

    Parameters
    ----------
    url_env : str or None
        Environment variable that holds the address.
    service : str or None
        A section of libpq's ``pg_service.conf``.
    """

    url_env: str | None = None
    service: str | None = None


def read_database_spec(keys: Keys | None) -> DatabaseSpec | None:
    """Return what ``[database]`` says."""
    if keys is None:
        return None
    for secret in ("url", "password", "user", "host"):
        if secret in keys.table:
            raise keys.error(
                secret,
                "数据库的地址与口令不能写在项目文件里",
                '请写 url_env = "环境变量名" 或 service = "服务名"',
            )
    spec = DatabaseSpec(keys.text("url_env"), keys.text("service"))
    keys.done()
    if (spec.url_env is None) == (spec.service is None):
        raise keys.error("url_env", "url_env 与 service 应写且只写一个")
    if spec.url_env is not None and not _ENVIRONMENT.fullmatch(spec.url_env):
        raise keys.error("url_env", "应为环境变量的名称", "地址本身放在该变量里")
    return spec


def read_table_name(keys: Keys) -> TableName | None:
    """Return the table that stands in place of a file; None where a file does."""
    text = keys.text("table")
    if text is None:
        if keys.text("geometry") is not None:
            raise keys.error("geometry", "只用于数据库表（table = …）")
        return None
    if keys.text("file") is not None:
        raise keys.error("table", "file 与 table 只能写一个")
    for key in _OF_FILES:
        if keys.text(key) is not None:
            raise keys.error(key, "数据库表没有这一项", "请删去")
    name = parse_table_name(text)
    if name is None:
        raise keys.error(
            "table", f"“{text}”不是表名", "应写作 模式.表，含点或引号的部分加双引号"
        )
    return name


def place_of_spec(spec: DatabaseSpec) -> Place:
    """Return the database of a study.

    Raises
    ------
    DatabaseAddressError
        If the environment has no such variable, or it holds no address.
    """
    if spec.service is not None:
        return place_of_service(spec.service)
    address = os.environ.get(str(spec.url_env), "")
    if not address.strip():
        raise DatabaseAddressError(
            f"环境变量 {spec.url_env} 没有设置",
            file="study.toml",
            column=f"{SECTION}.url_env",
            hint=f"请先设置：export {spec.url_env}=postgresql://用户@主机/库名",
        )
    return place_of(address)

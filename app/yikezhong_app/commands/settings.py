"""``yikezhong settings``: everything that can be set from outside, and its default."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from yikezhong_app.commands.console import print_json, print_line, print_table
from yikezhong_coverage.errors import InputError

if TYPE_CHECKING:
    from yikezhong_app.settings import Settings

_HEADERS = ("环境变量", "默认值", "说明")


class Form(Enum):
    """How the list is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def settings(
    form: Annotated[
        Form, typer.Option("--format", help="table、markdown 或 json")
    ] = Form.TABLE,
) -> None:
    """List the settings of the service."""
    rows = setting_rows()
    if form is Form.JSON:
        names = ("variable", "default", "description")
        print_json({"items": [dict(zip(names, row, strict=True)) for row in rows]})
    elif form is Form.MARKDOWN:
        print_line(settings_page())
    else:
        print_table("服务的设定", _HEADERS, rows)


def setting_rows() -> list[tuple[str, str, str]]:
    """Return variable, default and description of each setting, in order."""
    from yikezhong_app.settings import Settings

    prefix = Settings.model_config.get("env_prefix", "")
    return [
        (
            f"{prefix}{name}".upper(),
            _shown(name, field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def settings_page() -> str:
    """Return the table of ``docs/settings.md``."""
    lines = [f"| {' | '.join(_HEADERS)} |", "|---|---|---|"]
    for variable, default, description in setting_rows():
        shown = f"`{default}`" if default else "（空）"
        lines.append(f"| `{variable}` | {shown} | {description} |")
    return "\n".join(lines)


def read_settings(**given: Any) -> Settings:
    """Return the settings of the environment, those given in their place.

    Parameters
    ----------
    **given
        Values by name; None where the environment decides.

    Raises
    ------
    InputError
        If a value cannot be used.
    """
    from yikezhong_app.settings import Settings

    try:
        return Settings(**{k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        # the values themselves are not repeated: one may be a secret
        wrong = "；".join(
            f"YIKEZHONG_{str(item['loc'][0]).upper() if item['loc'] else ''}："
            f"{item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise InputError(
            f"设定不可用：{wrong}", hint="yikezhong settings 列出全部设定"
        ) from None


def _shown(name: str, default: object) -> str:
    """Return a default as one would write it."""
    if name == "job_slots":
        return "处理器数 − 1"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    return "" if default is None else str(default)

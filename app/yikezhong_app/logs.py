"""The log lines of the service: one form for ours and the server's, nothing secret.

Every line goes to standard error, for people (``console``) or as one JSON object
(``json``). Lines of a request carry its ``trace_id``, the one of the problem documents.
Neither addresses of clients nor queries are logged; secrets of tokens are blotted out
wherever they turn up, in a traceback too.
"""

from __future__ import annotations

import logging.config
import re
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from yikezhong_app.settings import Settings

_BLOT: Final = "***"
#: What carries a secret: a header, or a query that a page was opened with.
_CARRIER: Final = re.compile(r"(?i)(bearer\s+|\btoken=)[^\s&'\"]+")


class SecretFilter:
    """Blots out secrets in the text of a line.

    Examples
    --------
    >>> blot = SecretFilter(("0123456789abcdef",))
    >>> blot("x 0123456789abcdef, /maps/?token=abc&a=1, Bearer xyz")
    'x ***, /maps/?token=***&a=1, Bearer ***'
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._known = re.compile("|".join(map(re.escape, secrets)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        return _CARRIER.sub(rf"\1{_BLOT}", self._known.sub(_BLOT, text))


class _Renderer:
    """Makes the text of a line and blots out what is secret."""

    def __init__(self, form: str, blot: SecretFilter) -> None:
        self._render: Any = (
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if form == "json"
            else structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
        self._blot = blot

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        return self._blot(str(self._render(logger, name, event)))


def configure_logs(settings: Settings) -> None:
    """Send the lines of the service and of its server to standard error.

    Requests are logged on ``info``: method, path, status, time and trace id.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_colours,
    ]
    if settings.log_format == "json":
        shared.append(structlog.processors.format_exc_info)
    blot = SecretFilter(tuple(token.secret for token in settings.tokens))
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _Renderer(settings.log_format, blot),
        ],
    }
    level = settings.log_level.upper()
    logger = {"handlers": ["stderr"], "level": level, "propagate": False}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "line"}
            },
            "loggers": {"yikezhong": logger, "uvicorn": logger},
        }
    )


def _drop_colours(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Leave out what the server adds for terminals only."""
    event.pop("color_message", None)
    return event

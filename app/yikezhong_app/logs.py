"""Where the log lines of the service go: standard error, one line each."""

from __future__ import annotations

import logging.config


def configure_logs(level: str) -> None:
    """Send the lines of the service from a level on to standard error.

    Parameters
    ----------
    level : str
        ``debug``, ``info``, ``warning`` or ``error``. Requests are logged on
        ``info``: method, path, status, time and trace id, nothing of the client.
    """
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "line"}
            },
            "loggers": {
                "yikezhong": {
                    "handlers": ["stderr"],
                    "level": level.upper(),
                    "propagate": False,
                }
            },
        }
    )

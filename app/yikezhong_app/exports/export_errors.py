"""Errors of exports, part of the one tree.

::

    PlannerError
    ├── ExportBusyError        as many exports as may wait are waiting
    ├── ExportFailedError      the process that draws was lost or took too long
    └── SourceError
        └── FontMissingError   no font with Chinese characters to draw a map with
"""

from __future__ import annotations

from typing import ClassVar

from yikezhong_coverage.errors import PlannerError, SourceError


class FontMissingError(SourceError):
    """No font with Chinese characters was found, or the named one cannot be used."""

    http_status: ClassVar[int] = 503


class ExportBusyError(PlannerError):
    """All places for exports are taken; try again later."""

    http_status: ClassVar[int] = 503


class ExportFailedError(PlannerError):
    """An export ended without a result: its process died or ran out of time."""

    http_status: ClassVar[int] = 503

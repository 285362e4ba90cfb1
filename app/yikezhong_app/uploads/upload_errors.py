"""Errors of uploads, beside those of the files themselves.

::

    PlannerError
    ├── UploadsFullError     as many wait for a decision as may
    ├── UploadStateError     not at the step where this can be done
    ├── StaleUploadError     the study is not what the upload was checked with
    └── SourceError
        └── StorageError     the disk is full or may not be written
"""

from __future__ import annotations

from typing import ClassVar

from yikezhong_coverage.errors import PlannerError, SourceError


class UploadsFullError(PlannerError):
    """As many uploads wait for a decision as may wait."""

    http_status: ClassVar[int] = 503


class UploadStateError(PlannerError):
    """The upload is not at the step where this can be done."""

    http_status: ClassVar[int] = 409


class StaleUploadError(PlannerError):
    """The study is not what the upload was checked with."""

    http_status: ClassVar[int] = 409


class StorageError(SourceError):
    """The file cannot be kept: the disk is full or may not be written."""

    http_status: ClassVar[int] = 507

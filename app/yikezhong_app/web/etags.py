"""Entity tags from the snapshot's version and the parameters of a request.

Tags are weak: the same rows may be sent compressed or not. They are never taken from
the bytes of a page, which may hold random ids.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version as package_version
from typing import Any

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def entity_tag(version: str, path: str, parameters: Mapping[str, Any]) -> str:
    """Return the weak tag of an answer.

    Parameters
    ----------
    version : str
        Version of the snapshot.
    path : str
        Path of the resource.
    parameters : mapping
        Everything else the answer depends on, the format too; the order does not
        matter.

    Examples
    --------
    >>> one = entity_tag("v1", "/x", {"a": 1, "b": 2})
    >>> one == entity_tag("v1", "/x", {"b": 2, "a": 1})
    True
    >>> one == entity_tag("v2", "/x", {"a": 1, "b": 2})
    False
    """
    parts = [_software(), version, path, dict(parameters)]
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


@lru_cache(maxsize=1)
def _software() -> str:
    """Return the version of the software; looking it up reads a file."""
    return package_version("yikezhong")


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Say whether an ``If-None-Match`` header names the tag (weak comparison).

    Examples
    --------
    >>> is_unchanged('"x", W/"abc"', 'W/"abc"'), is_unchanged(None, 'W/"abc"')
    (True, False)
    """
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    bare = tag.removeprefix("W/").strip('"')
    return bare in _TAG.findall(if_none_match)

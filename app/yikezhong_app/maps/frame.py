"""The frame that map pages stand in, and the parts a page puts into it.

``header.html`` and ``frame.html`` mark with ``<!-- part: name -->`` where a page's own
parts go; a page's file holds them one after the other, each behind the same mark. All
of it is our own constants: nothing from data passes through here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from yikezhong_coverage.errors import PlannerError

#: Pages that the header leads to: address -> name.
PAGES: Final = {
    "/maps/": "覆盖地图",
    "/maps/siting": "选址",
    "/maps/compare": "比较",
    "/maps/upload": "更新数据",
}
#: Pages not for everybody: address -> what ``/session`` has to allow. Their links are
#: hidden until a page knows that it does.
RESTRICTED: Final = {"/maps/upload": "can_upload"}

_FOLDER: Final = Path(__file__).parent
_MARK: Final = re.compile(r"[ \t]*<!-- part: ([a-z-]+) -->[ \t]*\n?")


class UnknownPartError(PlannerError):
    """A page brings a part for which the frame has no place."""


def fill_frame(
    body_file: str, *, current: str | None = None, frame_file: str = "frame.html"
) -> str:
    """Return the body of a page: the header and the frame with the page's own parts.

    Parameters
    ----------
    body_file : str
        File of the page beside this module.
    current : str or None
        Address of the page among :data:`PAGES`; None: it is none of them.
    frame_file : str
        File of the frame beside this module.

    Returns
    -------
    str
        The body; a part that the page does not bring is empty.

    Raises
    ------
    UnknownPartError
        If the page brings a part for which there is no place.

    Examples
    --------
    >>> body = fill_frame("siting.html", current="/maps/siting")
    >>> '<a href="/maps/siting" aria-current="page">选址</a>' in body
    True
    """
    parts = read_parts(body_file) | {"pages": _links(current)}
    header = (_FOLDER / "header.html").read_text(encoding="utf-8")
    frame = (_FOLDER / frame_file).read_text(encoding="utf-8")
    frame = frame.replace("<!-- part: header -->\n", header)
    unknown = parts.keys() - set(_MARK.findall(frame))
    if unknown:
        raise UnknownPartError(f"页面框架中没有这些部分：{'、'.join(sorted(unknown))}")
    return _MARK.sub(lambda mark: parts.get(mark[1], ""), frame)


@cache
def read_parts(body_file: str) -> dict[str, str]:
    """Return the parts of a page's file by name.

    Examples
    --------
    >>> sorted(read_parts("siting.html"))
    ['panel', 'panel-name', 'title']
    """
    text = (_FOLDER / body_file).read_text(encoding="utf-8")
    _, *pieces = _MARK.split(text)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def _links(current: str | None) -> str:
    return "".join(
        f'<a href="{address}"{_state(address, current)}>{name}</a>\n'
        for address, name in PAGES.items()
    )


def _state(address: str, current: str | None) -> str:
    if address == current:
        return ' aria-current="page"'
    needed = RESTRICTED.get(address)
    return f' data-needs="{needed}" hidden' if needed else ""

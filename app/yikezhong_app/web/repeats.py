"""A request that was answered before is answered again without reading it anew.

What a list answers depends on the version, the address with its parameters and the
formats accepted, and on nothing else. Once that has been worked out for a request,
the same request needs only its entity tag: most of the time of a small answer goes
into checking parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from yikezhong_app.web.responses import Context, answer_kept

#: Requests that are remembered; when there are more, all are forgotten.
_MOST: Final = 4096
#: Longer requests are not remembered [bytes].
_LONGEST: Final = 1024

#: Version, path, query string, accepted formats.
RequestKey = tuple[str, str, bytes, bytes]


class Repeats:
    """Which entity tag an exact request had.

    Examples
    --------
    >>> repeats = Repeats()
    >>> key = ("v1", "/x", b"a=1", b"*/*")
    >>> repeats.keep(key, 'W/"abc"')
    >>> repeats.tag_of(key), repeats.tag_of(("v2", *key[1:]))
    ('W/"abc"', None)
    """

    def __init__(self) -> None:
        self._tags: dict[RequestKey, str] = {}

    def tag_of(self, key: RequestKey) -> str | None:
        """Return the tag of a request; None where it is not remembered."""
        return self._tags.get(key)

    def keep(self, key: RequestKey, tag: str) -> None:
        """Remember the tag of a request."""
        if sum(map(len, key)) > _LONGEST:
            return
        if len(self._tags) >= _MOST:
            self._tags.clear()
        self._tags[key] = tag


class RepeatedRoute(APIRoute):
    """A route whose answers depend on version, address and accepted formats only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that first looks whether it knows the request."""
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            state = request.app.state
            repeats: Repeats = state.repeats
            catalog = state.store.at_hand()
            if catalog is not None:
                tag = repeats.tag_of(_key(catalog.version, request))
                if tag is not None:
                    context = Context(request, catalog, state.cache, state.settings)
                    kept = answer_kept(context, tag)
                    if kept is not None:
                        return kept
            answer = await handle(request)
            tag, version = (
                answer.headers.get(name) for name in ("etag", "x-snapshot-version")
            )
            if answer.status_code == 200 and tag and version:
                repeats.keep(_key(version, request), tag)
            return answer

        return handle_once


def _key(version: str, request: Request) -> RequestKey:
    scope = request.scope
    accepted = b",".join(v for k, v in scope["headers"] if k == b"accept")
    return version, scope["path"], scope["query_string"], accepted

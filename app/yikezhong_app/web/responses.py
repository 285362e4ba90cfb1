"""From rows to an answer: format, paging, envelope, ETag, cache, headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.rendered import Rendered, RenderedCache, render
from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.schemas.answers import COLUMN_TITLES
from yikezhong_app.settings import Settings
from yikezhong_app.web import formats
from yikezhong_app.web.etags import entity_tag, is_unchanged
from yikezhong_app.web.formats import MEDIA_TYPES, Format
from yikezhong_app.web.geopackage import to_geopackage

#: The faces of a table without geometry.
TABLE_FORMATS: Final = (Format.JSON, Format.CSV, Format.XLSX, Format.GPKG)
#: The faces of a table with geometry.
GEO_FORMATS: Final = (
    Format.JSON,
    Format.GEOJSON,
    Format.CSV,
    Format.XLSX,
    Format.GPKG,
)
#: The faces of what is only drawn.
SHAPE_FORMATS: Final = (
    Format.GEOJSON,
    Format.JSON,
    Format.CSV,
    Format.XLSX,
    Format.GPKG,
)


@dataclass(frozen=True, eq=False)
class Context:
    """What a route needs: the request and the snapshot version it began with."""

    request: Request
    catalog: Catalog
    cache: RenderedCache
    settings: Settings


async def request_context(request: Request) -> Context:
    """Return the context of a request; the version is fixed here, once."""
    state = request.app.state
    store: SnapshotStore = state.store
    # a thread is asked only where there may be a new version to read
    catalog = store.at_hand()
    if catalog is None:
        catalog = await run_in_threadpool(store.current)
    return Context(request, catalog, state.cache, state.settings)


WithContext = Annotated[Context, Depends(request_context)]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows to be answered with.

    Parameters
    ----------
    rows : sequence of mapping
        All rows, before paging.
    columns : sequence of str
        Their columns, in order.
    shapes : callable or None
        Gives the GeoJSON geometry for a slice of the rows; None: no geometry.
    key : str or None
        Column that is the id of a feature.
    members : mapping
        Further members of the envelope.
    most_shapes : int or None
        Largest page of GeoJSON; None: as of any other format. For rows that repeat
        the same boundaries many times.
    titles : mapping of str to str
        Column → Chinese header of a workbook.
    """

    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    shapes: Callable[[slice], Sequence[bytes | None]] | None = None
    key: str | None = None
    members: Mapping[str, Any] | None = None
    most_shapes: int | None = None
    titles: Mapping[str, str] = field(default_factory=lambda: COLUMN_TITLES)


@dataclass(frozen=True)
class Page:
    """Which rows are wanted; ``limit`` None: as many as the format gives."""

    limit: int | None = None
    offset: int = 0


def answer_table(
    context: Context,
    query: BaseModel,
    *,
    title: str,
    make: Callable[[], Table],
    offered: Sequence[Format] = TABLE_FORMATS,
) -> Response:
    """Answer a request with a table in the wanted format.

    Parameters
    ----------
    context : Context
    query : BaseModel
        Checked parameters; ``format``, ``limit`` and ``offset`` may be among them.
    title : str
        Chinese name of the table, part of the file name.
    make : callable
        Makes the rows; called only where the answer is neither unchanged nor kept.
    offered : sequence of Format
        Formats, the default first.
    """
    chosen = negotiate_format(context, query, offered=offered)

    def make_answer() -> Rendered:
        return _render_table(
            context, make(), chosen, query=query, title=title, page=_page(query)
        )

    return answer(context, query, chosen, make=make_answer)


def answer_record(
    context: Context,
    query: BaseModel,
    *,
    title: str,
    make: Callable[[], Table],
    offered: Sequence[Format] = TABLE_FORMATS,
    flat: bool = False,
) -> Response:
    """Answer with one record: ``item`` in JSON, or its members themselves."""
    chosen = negotiate_format(context, query, offered=offered)

    def make_answer() -> Rendered:
        table = make()
        if chosen is not Format.JSON:
            return _render_table(
                context, table, chosen, query=query, title=title, page=Page()
            )
        row = table.rows[0]
        head = context.catalog.head
        links = {"self": _address(context, _parameters(query))}
        members = row if flat else {"item": row}
        document = {**head, **members, **(table.members or {}), "links": links}
        return render(formats.to_json(document), MEDIA_TYPES[Format.JSON])

    return answer(context, query, chosen, make=make_answer)


def _page(query: BaseModel) -> Page:
    return Page(getattr(query, "limit", None), getattr(query, "offset", 0))


def negotiate_format(
    context: Context, query: BaseModel, *, offered: Sequence[Format]
) -> Format:
    """Return the format a request wants, of those offered."""
    accept = ",".join(context.request.headers.getlist("accept"))
    return formats.negotiate(getattr(query, "format", None), accept, offered=offered)


def answer(
    context: Context,
    query: BaseModel,
    chosen: Format,
    *,
    make: Callable[[], Rendered],
) -> Response:
    """Answer 304, from the cache, or with what ``make`` makes."""
    return answer_tagged(context, _tag(context, query, chosen), make=make)


def answer_tagged(
    context: Context, tag: str, *, make: Callable[[], Rendered]
) -> Response:
    """Answer what has an entity tag: 304, from the cache, or made."""
    kept = answer_kept(context, tag)
    return kept or _sent(context, tag, context.cache.get((tag,), make))


async def answer_computed(
    context: Context,
    query: BaseModel,
    *,
    title: str,
    make: Callable[[], Awaitable[Table]],
    offered: Sequence[Format],
) -> Response:
    """Answer with a table that another process makes; no thread waits for it.

    Parameters are those of :func:`answer_table`, but ``make`` is awaited; equal
    requests at the same time are joined where it computes.
    """
    chosen = negotiate_format(context, query, offered=offered)
    tag = _tag(context, query, chosen)
    kept = answer_kept(context, tag)
    if kept is not None:
        return kept
    table = await make()

    def make_answer() -> Rendered:
        return _render_table(
            context, table, chosen, query=query, title=title, page=_page(query)
        )

    made = await run_in_threadpool(context.cache.get, (tag,), make_answer)
    return _sent(context, tag, made)


def _tag(context: Context, query: BaseModel, chosen: Format) -> str:
    parameters = {**_parameters(query), "format": chosen.value}
    return entity_tag(context.catalog.version, context.request.url.path, parameters)


def answer_kept(context: Context, tag: str) -> Response | None:
    """Answer 304 or from the cache; None where the answer must be made."""
    if is_unchanged(context.request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=_headers(context, tag))
    made = context.cache.find((tag,))
    return None if made is None else _sent(context, tag, made)


def _headers(context: Context, tag: str) -> dict[str, str]:
    return {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Vary": "Accept, Accept-Encoding",
        "X-Snapshot-Version": context.catalog.version,
        "X-Snapshot-As-Of": context.catalog.as_of,
    }


def _sent(context: Context, tag: str, made: Rendered) -> Response:
    headers = _headers(context, tag)
    if made.link:
        headers["Link"] = made.link
    if made.file_name is not None:
        headers["Content-Disposition"] = disposition(made.file_name)
    body = made.body
    if made.packed is not None and takes_gzip(context.request):
        body = made.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=made.media_type, headers=headers)


def disposition(file_name: str) -> str:
    """Return a ``Content-Disposition`` with the full name (RFC 6266).

    Examples
    --------
    >>> disposition("覆盖率.csv")
    "attachment; filename=data.csv; filename*=UTF-8''%E8%A6%86%E7%9B%96%E7%8E%87.csv"
    """
    suffix = file_name.rpartition(".")[2]
    return (
        f"attachment; filename=data.{suffix}; filename*=UTF-8''{quote(file_name, '')}"
    )


def _render_table(
    context: Context,
    table: Table,
    chosen: Format,
    *,
    query: BaseModel,
    title: str,
    page: Page,
) -> Rendered:
    catalog = context.catalog
    total = len(table.rows)
    limit = _limit(context.settings, table, chosen, asked=page.limit)
    part = slice(page.offset, page.offset + limit)
    rows = table.rows[part]
    links = _links(context, query, total=total, limit=limit, offset=page.offset)
    finish = partial(
        render,
        media_type=MEDIA_TYPES[chosen],
        link=_link_header(links),
        file_name=f"{catalog.name}_{title}_{catalog.as_of}.{chosen.value}",
    )
    about = [*catalog.about, *_asked(query)]
    if chosen is Format.CSV:
        body = formats.to_csv(table.columns, rows, tail=catalog.tail)
        return finish(body, media_type="text/csv; charset=utf-8")
    if chosen is Format.XLSX:
        body = formats.to_xlsx(table.columns, rows, titles=table.titles, about=about)
        return finish(body, pack=False)
    shapes = None
    if table.shapes is not None and chosen is not Format.JSON:
        shapes = table.shapes(part)
    if chosen is Format.GPKG:
        body = to_geopackage(table.columns, rows, geometries=shapes, about=about)
        return finish(body, pack=False)
    head = {
        **catalog.head,
        **(table.members or {}),
        "total": total,
        "limit": limit,
        "offset": page.offset,
        "links": links,
    }
    if chosen is Format.GEOJSON:
        places = [None] * len(rows) if shapes is None else shapes
        body = formats.to_geojson(head, rows, places, key=table.key)
    else:
        body = formats.to_json({**head, "items": rows})
    return finish(body, file_name=None)


def _limit(
    settings: Settings, table: Table, chosen: Format, *, asked: int | None
) -> int:
    """Return how many rows a page has."""
    most = settings.max_page_limit
    if chosen in (Format.GEOJSON, Format.GPKG):
        most = min(most, table.most_shapes or most)
    default = settings.page_limit if chosen is Format.JSON else most
    return min(asked or default, most)


def _links(
    context: Context, query: BaseModel, *, total: int, limit: int, offset: int
) -> dict[str, str]:
    asked = _parameters(query)
    links = {"self": _address(context, asked)}
    if offset + limit < total:
        links["next"] = _address(
            context, {**asked, "limit": limit, "offset": offset + limit}
        )
    if offset > 0:
        links["prev"] = _address(
            context, {**asked, "limit": limit, "offset": max(0, offset - limit)}
        )
    return links


def _link_header(links: Mapping[str, str]) -> str:
    """Return the ``Link`` header (RFC 8288) of a page's links."""
    return ", ".join(f'<{address}>; rel="{rel}"' for rel, address in links.items())


def _parameters(query: BaseModel) -> dict[str, Any]:
    return query.model_dump(
        mode="json", exclude_none=True, exclude_defaults=True, by_alias=True
    )


def _address(context: Context, parameters: Mapping[str, Any]) -> str:
    path = quote(context.request.url.path)
    texts = {
        k: str(v).lower() if isinstance(v, bool) else v for k, v in parameters.items()
    }
    return f"{path}?{urlencode(texts)}" if texts else path


def _asked(query: BaseModel) -> list[tuple[str, str]]:
    return [(f"参数 {k}", str(v)) for k, v in _parameters(query).items()]


def takes_gzip(request: Request) -> bool:
    """Say whether a client takes compressed bodies."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, option = part.strip().partition(";")
        if coding.strip() in ("gzip", "*"):
            return option.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

"""A view of the coverage map as one HTML file that opens without any server.

The file is the map page itself: the same markup, modules and styles, with Leaflet and
all of them written into it, and with the API's own answers for the view as JSON in a
script element that no browser executes. Its policy lets nothing be loaded from
anywhere. What it shows is therefore what the page showed, from the same rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message

from yikezhong_app.exports.export_errors import ExportFailedError
from yikezhong_app.exports.inlining import inline_page
from yikezhong_app.exports.view import MapView, prepare_map
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import (
    find_entry,
    robustness_rows,
    top_codes,
)
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_geodata.columns import LEVELS

#: Layers of the map page that a file may hold.
LAYERS: Final = (
    "areas", "townships", "communities", "circles", "facilities", "gaps", "gapareas",
    "roads", "labels",
)  # fmt: skip
DEFAULT_LAYERS: Final = (
    "areas", "townships", "circles", "facilities", "gaps", "roads", "labels",
)  # fmt: skip
_ROOT: Final = "/api/v1"
_MOST_ROWS: Final = 50_000
_MOST_OFFERS: Final = 1000
_MOST_GAP_AREAS: Final = 1000
_OUTLINES: Final = {"townships": "township", "communities": "community"}

Parameters = Mapping[str, Any]
#: Address below the API's root, and its parameters.
Question = tuple[str, Parameters]
Ask = Callable[[str, Parameters], Awaitable[Any]]


@dataclass(frozen=True)
class FileView:
    """What a file shows: a view, and what of the map page a picture does not have.

    Parameters
    ----------
    view : MapView
        Service, limit, level, denominator, variant and the selected division;
        ``layers`` of :data:`LAYERS`.
    county : str or None
        County that the map is narrowed to.
    indicator : str or None
        Indicator of a plan whose verdicts colour the areas; None: the rate.
    speed : float or None
        Walking speed at which rates or the indicator are shown [m/s]; None: the
        study's.
    off : tuple of str
        Categories of facilities that are not drawn.
    place : tuple of three floats or None
        Latitude, longitude [degrees] and zoom; None: all of it.
    """

    view: MapView
    county: str | None = None
    indicator: str | None = None
    speed: float | None = None
    off: tuple[str, ...] = ()
    place: tuple[float, float, float] | None = None


def settle_view(catalog: Catalog, asked: FileView) -> FileView:
    """Return the view with every choice made, or refuse what there is not.

    Raises
    ------
    ParameterError, UnknownDivisionError, AmbiguousNameError, UnknownRecordError
        If a choice is none the result offers.
    """
    given = asked.view
    for layer in given.layers:
        if layer not in LAYERS:
            raise ParameterError(
                f"没有图层“{layer}”", parameter="layers", available=LAYERS
            )
    county, code, level = _settle_county(catalog, asked), None, given.level
    if given.code is not None:
        division = catalog.find_division(given.code)
        code = division["code"]
        level = level or division["level"]
    speed = _settle_speed(catalog, asked)
    plain = MapView(
        given.service, given.minutes, level, given.denominator, given.variant,
        layers=(), speed=None if asked.indicator else speed,
    )  # fmt: skip
    whole = prepare_map(catalog, plain).view
    view = MapView(
        whole.service, whole.minutes, whole.level, whole.denominator, whole.variant,
        code, given.layers,
    )  # fmt: skip
    return FileView(view, county, asked.indicator, speed, asked.off, asked.place)


def _settle_county(catalog: Catalog, asked: FileView) -> str | None:
    """Return the code of the county; None where there is no other to narrow from."""
    if asked.county is None:
        return None
    county = str(catalog.find_division(asked.county, level="county")["code"])
    below = LEVELS[LEVELS.index("county") :]
    if asked.view.level is not None and asked.view.level not in below:
        raise ParameterError(
            "县市区之内没有这一层级", parameter="level", available=below
        )
    return county if catalog.levels["county"] > 1 else None


def _settle_speed(catalog: Catalog, asked: FileView) -> float | None:
    """Return the walking speed, checked for an indicator; None: the study's own."""
    if asked.indicator is not None:
        find_entry(catalog, asked.indicator)
    if asked.speed in (None, catalog.walk_speed_mps):
        return None
    if asked.indicator is None:
        return asked.speed
    rows = robustness_rows(catalog, asked.indicator, top_codes(catalog))
    tried = sorted({row["speed_mps"] for row in rows})
    if asked.speed not in tried:
        raise ParameterError(
            "这项指标没有按这一步行速度计算",
            parameter="speed",
            available=[f"{speed:g}" for speed in tried],
        )
    return asked.speed


def view_of_code(catalog: Catalog, code: str | None) -> FileView:
    """Return the usual view of a division: a county narrowed to, an area selected."""
    asked = FileView(MapView(layers=DEFAULT_LAYERS))
    if code is not None:
        division = catalog.find_division(code)
        if division["level"] == "county":
            asked = FileView(asked.view, county=division["code"])
        elif division["level"] in ("township", "community"):
            selected = MapView(code=division["code"], layers=DEFAULT_LAYERS)
            asked = FileView(selected)
    return settle_view(catalog, asked)


async def make_single_file(app: ASGIApp, catalog: Catalog, view: FileView) -> bytes:
    """Return the file of a settled view.

    Parameters
    ----------
    app : ASGI application
        The service; it is asked as a page would ask it, without a socket.
    catalog : Catalog
    view : FileView
        As :func:`settle_view` returns it.

    Raises
    ------
    ExportFailedError
        If the service answered with a problem, or from another version meanwhile.
    """

    async def ask(path: str, parameters: Parameters) -> Any:
        return await ask_service(app, _address(path, parameters))

    questions = [
        *_standing_questions(catalog, view),
        *_figure_questions(catalog, view),
        *_layer_questions(view, finest=[*catalog.levels][-1]),
    ]
    answers = {_key(*one): await ask(*one) for one in questions}
    circles: Question = ("circles", {"service": view.view.service, "minutes": "all"})
    if "circles" in view.view.layers:
        answers |= await _circle_answers(ask, circles, minutes=view.view.minutes)
    answers["study"] = _only_chosen(answers["study"], view)
    if {answer.get("version") for answer in answers.values()} != {catalog.version}:
        raise ExportFailedError("成果在导出时更新了", hint="请重试")
    embedded = {
        "view": _page_address(view),
        "layers": [*view.view.layers],
        "answers": answers,
    }
    # some megabytes: not in the way of other answers
    return await run_in_threadpool(_write_page, embedded)


def _write_page(embedded: Mapping[str, Any]) -> bytes:
    text = json.dumps(embedded, ensure_ascii=False, separators=(",", ":"))
    nonce = hashlib.sha256(text.encode()).hexdigest()[:32]
    return inline_page(text, nonce=nonce).encode()


async def ask_service(app: ASGIApp, address: str) -> Any:
    """Return the JSON that the service answers to a GET.

    Raises
    ------
    ExportFailedError
        If it answers with a problem.
    """
    parts = urlsplit(address)
    status, body = 0, bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    own = ("127.0.0.1", 0)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
        "method": "GET", "scheme": "http", "root_path": "", "path": parts.path,
        "raw_path": quote(parts.path).encode(), "query_string": parts.query.encode(),
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"accept", b"application/geo+json, application/json"),
        ],
        "client": own, "server": own,
    }  # fmt: skip
    await app(scope, receive, send)
    answer = await run_in_threadpool(json.loads, body)
    if status != 200:
        words = [answer.get("title"), answer.get("detail")]
        raise ExportFailedError("：".join(w for w in words if w) or "服务没有答复")
    return answer


def _standing_questions(catalog: Catalog, view: FileView) -> list[Question]:
    """Return what the page asks before it shows anything."""
    top = next(iter(catalog.levels))
    offers = {
        "level": top,
        "service": view.view.service,
        "minutes": "all",
        "denominator": "all",
        "limit": _MOST_OFFERS,
    }
    found: list[Question] = [("study", {}), ("coverage", offers)]
    if "county" in catalog.levels:
        counties = {"level": "county", "limit": _MOST_OFFERS, "format": "json"}
        found.append(("divisions", counties))
    if view.indicator is not None:
        found.append((f"indicators/{view.indicator}", {"limit": 1}))
    return found


def _figure_questions(catalog: Catalog, view: FileView) -> list[Question]:
    """Return what the page asks for shapes, rates, verdicts and parents."""
    chosen = view.view
    levels = [*catalog.levels]
    whole = "county" if view.county else levels[0]
    above = levels[-2:-1] if chosen.level == "community" else []
    rate = {
        "service": chosen.service, "minutes": chosen.minutes,
        "denominator": chosen.denominator, "variant": chosen.variant,
        "speed": None if view.indicator else view.speed,
        "limit": _MOST_ROWS,
    }  # fmt: skip
    found: list[Question] = [
        _shapes(str(level)) for level in dict.fromkeys((chosen.level, *above))
    ]
    shown = dict.fromkeys((str(chosen.level), whole))
    found += [("coverage", {"level": level, **rate}) for level in shown]
    if view.indicator is not None:
        asked = {"speed": view.speed, "limit": _MOST_ROWS, "format": "json"}
        path = f"indicators/{view.indicator}"
        found += [(path, {"level": level, **asked}) for level in shown]
    if view.county:
        found.append(_shapes("county"))
    names = {"format": "json", "limit": _MOST_ROWS}
    found += [("divisions", {"level": level, **names}) for level in levels]
    return found


def _layer_questions(view: FileView, *, finest: str) -> list[Question]:
    """Return what the page asks for its layers, circles aside."""
    chosen = view.view
    rows = {"limit": _MOST_ROWS, "format": "geojson"}
    service = {"service": chosen.service}
    found: list[Question] = [
        ("facilities", {**service, **rows}),
        ("gaps", {**service, "minutes": chosen.minutes, "level": finest, **rows}),
    ]
    if "gapareas" in chosen.layers:
        areas = {"parent": view.county, "limit": _MOST_GAP_AREAS, "format": "geojson"}
        found.append(("gap-areas", {**service, **areas}))
    if "roads" in chosen.layers:
        found.append(("roads", {"format": "geojson"}))
    found += [_shapes(_OUTLINES[n]) for n in chosen.layers if n in _OUTLINES]
    return found


async def _circle_answers(
    ask: Ask, question: Question, *, minutes: float | None
) -> dict[str, Any]:
    path, parameters = question
    every = {**parameters, "limit": _MOST_ROWS, "format": "json"}
    drawn = await ask(path, every)
    answers = {_key(path, every): drawn}
    if any(circle["minutes"] == minutes for circle in drawn["items"]):
        one = {**parameters, "minutes": minutes, "format": "geojson"}
        answers[_key(path, one)] = await ask(path, one)
    return answers


def _only_chosen(study: Mapping[str, Any], view: FileView) -> dict[str, Any]:
    """Return the study with the one service, limit and speed that the file holds."""
    services = [
        {**one, "minutes": [view.view.minutes]}
        for one in study["services"]
        if one["id"] == view.view.service
    ]
    usual = study["parameters"].get("walk_speed_mps")
    rates_at = usual if view.indicator or view.speed is None else view.speed
    speeds = [] if rates_at is None else [rates_at]
    return {**study, "services": services, "walk_speeds_mps": speeds}


def _shapes(level: str) -> Question:
    return ("divisions", {"level": level, "format": "geojson", "limit": _MOST_ROWS})


def _page_address(view: FileView) -> str:
    """Return the query of the map page that shows the view."""
    chosen = view.view
    lat, lng, zoom = view.place or (None, None, None)
    return "?" + _query(
        {
            "service": chosen.service, "minutes": chosen.minutes,
            "level": chosen.level, "denominator": chosen.denominator,
            "variant": chosen.variant, "code": chosen.code, "county": view.county,
            "indicator": view.indicator, "speed": view.speed,
            "layers": ",".join(chosen.layers), "off": ",".join(view.off) or None,
            "lat": lat, "lng": lng, "zoom": zoom,
        }
    )  # fmt: skip


def _address(path: str, parameters: Parameters) -> str:
    query = _query(parameters)
    return f"{_ROOT}/{path}" + (f"?{query}" if query else "")


def _key(path: str, parameters: Parameters) -> str:
    """Return the name of an answer; ``embedded.js`` makes the same of a request."""
    given = {k: _text(v) for k, v in parameters.items() if v is not None}
    return " ".join([path, *(f"{k}={given[k]}" for k in sorted(given))])


def _query(parameters: Parameters) -> str:
    given = {k: _text(v) for k, v in parameters.items() if v is not None}
    return urlencode(given)


def _text(value: Any) -> str:
    # as JavaScript writes numbers: 15, not 15.0
    return f"{value:.12g}" if isinstance(value, float) else str(value)

"""The siting page as text: what it links, what it lets through, what it must not hold."""

from __future__ import annotations

import re

from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from yikezhong_app.maps.page import coverage_page, siting_page
from yikezhong_app.maps.scaffold import NONCE_PLACEHOLDER, with_nonce
from yikezhong_app.routes.maps import router
from yikezhong_app.web import assets


def test_page_has_no_foreign_address() -> None:
    assert re.search(r"(https?:)?//[\w-]+\.", siting_page()) is None


def test_page_is_the_same_every_time() -> None:
    first = siting_page()
    siting_page.cache_clear()
    coverage_page()
    assert siting_page() == first


def test_every_linked_file_is_there() -> None:
    links = re.findall(r'(?:src|href)="/static/([^"]+)"', siting_page())
    assert "js/siting.js" in links
    assert "css/siting.css" in links
    missing = [link for link in links if not (assets.STATIC_FOLDER / link).is_file()]
    assert missing == [], "run `make setup`"


def test_every_inline_script_carries_the_nonce() -> None:
    page = with_nonce(siting_page(), "n0nce")
    scripts = re.findall(r"<script\b[^>]*>", page)
    assert [tag for tag in scripts if "src=" not in tag] == ['<script nonce="n0nce">']
    assert NONCE_PLACEHOLDER not in page


def test_page_has_no_inline_handlers_and_phones_may_zoom() -> None:
    assert re.search(r"<[^>]+\son\w+\s*=", siting_page()) is None
    assert "user-scalable" not in siting_page()


def test_ids_are_there_once() -> None:
    ids = re.findall(r'\sid="([^"]+)"', siting_page())
    assert len(ids) > 25
    assert sorted(set(ids)) == sorted(ids)


def test_every_label_and_reference_has_its_element() -> None:
    page = siting_page()
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    pattern = r'(?:for|aria-controls|aria-describedby|data-sheet)="([^"]+)"'
    assert set(re.findall(pattern, page)) <= ids


def test_pages_lead_to_each_other() -> None:
    here = r'<a href="{}" aria-current="page">'
    for page, own, other in (
        (coverage_page(), "/maps/", "/maps/siting"),
        (siting_page(), "/maps/siting", "/maps/"),
    ):
        assert re.search(here.format(own), page)
        assert f'<a href="{other}">' in page


def test_route_gives_the_nonce_of_the_request() -> None:
    app = FastAPI()

    @app.middleware("http")
    async def add_nonce(request: Request, call_next):
        request.state.csp_nonce = request.headers["x-nonce"]
        return await call_next(request)

    app.include_router(router)
    with TestClient(app) as client:
        for nonce in ("first", "second"):
            answer = client.get("/maps/siting", headers={"x-nonce": nonce})
            assert f'<script nonce="{nonce}">' in answer.text
            assert answer.headers["cache-control"] == "no-store"

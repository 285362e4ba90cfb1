"""Formats, negotiation, exports that Excel cannot be hurt by, ETags, compression."""

from __future__ import annotations

import csv
import gzip
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from snapshot_cases import AS_OF, HOSTILE, NOTICE, WEST, write_small_snapshot
from yikezhong_app.reading.rendered import Rendered, RenderedCache
from yikezhong_app.web import formats
from yikezhong_app.web.etags import entity_tag, is_unchanged
from yikezhong_app.web.formats import FORMULA_STARTS, MEDIA_TYPES, Format, negotiate

XLSX = MEDIA_TYPES[Format.XLSX]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("out")
    write_small_snapshot(folder)
    with make_client(folder) as opened:
        yield opened


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/geo+json", "application/geo+json"),
        ("application/geo+json, application/json", "application/json"),
        ("application/geo+json, application/json;q=0.5", "application/geo+json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        (XLSX, XLSX),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json;q=0, */*", "application/geo+json"),
        ("application/json;q=nonsense, text/csv;q=0.1", "text/csv; charset=utf-8"),
    ],
)
def test_accept_is_followed(client: TestClient, accept: str, media_type: str) -> None:
    response = client.get(f"{API}/divisions", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert "Accept" in response.headers["vary"]


def test_what_cannot_be_given_is_406(client: TestClient) -> None:
    response = client.get(f"{API}/divisions", headers={"Accept": "image/png"})
    assert assert_problem(response, 406, "not-acceptable")["available"]
    response = client.get(f"{API}/data-report?format=geojson")
    problem = assert_problem(response, 406, "not-acceptable")
    assert problem["available"] == ["json", "csv", "xlsx", "gpkg"]


def test_the_parameter_beats_the_header(client: TestClient) -> None:
    response = client.get(
        f"{API}/divisions?format=csv", headers={"Accept": "application/json"}
    )
    assert response.headers["content-type"].startswith("text/csv")


def test_csv_is_for_excel(client: TestClient) -> None:
    response = client.get(f"{API}/coverage?format=csv&service=elderly_circle")
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert f'"{WEST}"'.encode() in response.content
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 4
    assert rows[0]["code"] == WEST
    assert rows[0]["rate"] == "0.5"
    assert rows[2]["rate"] == ""
    assert rows[0]["version"].startswith(AS_OF)
    assert rows[0]["notice"] == NOTICE
    head = response.headers["content-disposition"]
    name = unquote(head.partition("filename*=UTF-8''")[2])
    assert name == f"小城_覆盖率_{AS_OF}.csv"
    head.encode("ascii")


@pytest.mark.case(71)
def test_no_cell_of_a_csv_starts_a_formula(client: TestClient) -> None:
    response = client.get(f"{API}/facilities?format=csv")
    text = response.content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    names = [row["name"] for row in rows]
    for name in HOSTILE:
        assert name not in names or not name.startswith(FORMULA_STARTS)
        assert name in [n.removeprefix("'") for n in names]
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "@", "\t", "\r"))
    assert "'=cmd()" in client.get(f"{API}/data-report?format=csv").text


@pytest.mark.case(71)
def test_xlsx_holds_texts_as_texts(client: TestClient) -> None:
    response = client.get(f"{API}/facilities?format=xlsx")
    assert response.headers["content-type"] == XLSX
    book = CalamineWorkbook.from_filelike(io.BytesIO(response.content))
    assert book.sheet_names == ["数据", "说明"]
    header, *rows = book.get_sheet_by_name("数据").to_python()
    names = [str(row[header.index("名称")]) for row in rows]
    for name in HOSTILE:
        assert name.strip() in [n.strip() for n in names]
    assert isinstance(rows[0][header.index("乡镇代码")], str)
    assert rows[0][header.index("床位（张）")] == 30.0
    with zipfile.ZipFile(io.BytesIO(response.content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    notes = dict(row[:2] for row in book.get_sheet_by_name("说明").to_python())
    assert notes["评价日期"] == AS_OF
    assert notes["说明"] == NOTICE
    assert notes["审图号"] == "鄂S(2023)001号"


@pytest.mark.case(71)
@given(st.text(max_size=20))
def test_any_text_survives_csv_and_starts_no_formula(text: str) -> None:
    body = formats.to_csv(["a"], [{"a": text}], tail={})
    (row,) = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))[1:]
    cell = row[0] if row else ""
    assert not cell.startswith(FORMULA_STARTS)
    assert cell.removeprefix("'") == text.replace("\0", "�").removeprefix("'")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_any_text_can_be_written_to_xlsx(text: str) -> None:
    body = formats.to_xlsx(["a"], [{"a": text}], titles={}, about=[("b", text)])
    with zipfile.ZipFile(io.BytesIO(body)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


@given(st.floats() | st.integers(-(2**53), 2**53) | st.none() | st.booleans())
def test_json_is_always_valid(value: float | None) -> None:
    text = formats.to_json({"a": value}).decode()
    assert "NaN" not in text
    assert "nfinity" not in text


@given(st.text(max_size=60))
def test_any_accept_header_is_understood_or_refused(accept: str) -> None:
    offered = (Format.JSON, Format.CSV)
    try:
        assert negotiate(None, accept, offered=offered) in offered
    except formats.NotAcceptableError as error:
        assert error.available


def test_an_unchanged_answer_is_304(client: TestClient) -> None:
    address = f"{API}/coverage?service=elderly_circle"
    first = client.get(address)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    again = client.get(address, headers={"If-None-Match": f'"other", {tag}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag
    assert "content-type" not in again.headers
    assert again.headers["content-security-policy"]
    for other in (f"{address}&minutes=5", f"{address}&format=csv"):
        response = client.get(other, headers={"If-None-Match": tag})
        assert response.status_code == 200
        assert response.headers["etag"] != tag


def test_a_new_version_changes_the_tag(tmp_path: Path) -> None:
    write_small_snapshot(tmp_path)
    with make_client(tmp_path) as client:
        tag = client.get(f"{API}/study").headers["etag"]
        write_small_snapshot(tmp_path, name="大城")
        response = client.get(f"{API}/study", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert response.json()["name"] == "大城"


def test_defaults_and_explicit_defaults_have_one_tag() -> None:
    assert entity_tag("v", "/a", {"x": 1}) != entity_tag("v", "/b", {"x": 1})
    assert is_unchanged("*", 'W/"abc"')
    assert not is_unchanged("abc", 'W/"abc"')


def test_large_answers_are_compressed(client: TestClient) -> None:
    address = f"{API}/facilities?format=geojson"
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    refused = client.get(address, headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert packed.json() == plain.json() == refused.json()
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert gzip.compress(plain.content)


def test_head_is_get_without_a_body(client: TestClient) -> None:
    response = client.head(f"{API}/study")
    assert response.status_code == 200
    assert response.content == b""
    assert int(response.headers["content-length"]) > 0
    assert response.headers["etag"] == client.get(f"{API}/study").headers["etag"]


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = RenderedCache(100)
    made: list[str] = []

    def make(name: str) -> Rendered:
        made.append(name)
        return Rendered(b"x" * 40, "text/plain")

    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get((name,), lambda name=name: make(name))
    assert made == ["a", "b", "c", "b"]
    cache.get(("big",), lambda: Rendered(b"x" * 101, "text/plain"))
    cache.get(("b",), lambda: make("b"))
    assert made == ["a", "b", "c", "b"]


def test_equal_requests_are_made_once() -> None:
    cache = RenderedCache(100)
    made: list[int] = []

    def make() -> Rendered:
        time.sleep(0.05)
        made.append(1)
        return Rendered(b"x", "text/plain")

    threads = [
        threading.Thread(target=lambda: cache.get(("a",), make)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_failed_rendering_is_tried_again() -> None:
    cache = RenderedCache(100)

    def fail() -> Rendered:
        raise KeyError("a")

    with pytest.raises(KeyError):
        cache.get(("a",), fail)
    assert cache.get(("a",), lambda: Rendered(b"x", "text/plain")).body == b"x"

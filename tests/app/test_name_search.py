"""Search of divisions: name, code, pinyin, initials; hostile names; once a version."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pypinyin
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service_cases import API, make_client
from snapshot_cases import HOSTILE, write_small_snapshot
from yikezhong_app.reading.name_search import NameIndex


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    out = tmp_path_factory.mktemp("search")
    write_small_snapshot(out)
    with make_client(out) as opened:
        yield opened


def index(*names: str) -> NameIndex:
    return NameIndex(
        [
            {"code": f"42130300{i}000", "name": name, "level": "township"}
            for i, name in enumerate(names)
        ]
    )


def names(found: list[dict[str, str]]) -> list[str]:
    return [row["name"] for row in found]


@pytest.mark.parametrize(
    "text",
    [
        "曾都区",
        "曾",
        "zengdu",
        "zeng du",
        "ZENGDUQ",
        "zdq",
        "zd",
        "曾d",
        "zengd",
        "zdu",
    ],
)
def test_a_name_is_found_in_every_way_it_is_typed(text: str) -> None:
    assert names(index("广水市", "曾都区", "随县").find(text))[0] == "曾都区"


def test_the_better_match_comes_first() -> None:
    found = index("下长岭村", "常乐村", "长岭镇", "长岭").find("长岭")
    assert names(found) == ["长岭", "长岭镇", "下长岭村"]
    assert names(index("南城", "城南", "城西").find("chengn")) == ["城南"]
    # spelled out before initials, initials before what is inside
    found = index("东直店", "朱德镇", "zd社区").find("zd")
    assert names(found) == ["zd社区", "朱德镇", "东直店"]
    rows = [
        {"code": "421300000000", "name": "随州市", "level": "prefecture"},
        {"code": "421303001000", "name": "随州", "level": "township"},
        {"code": "421303001001", "name": "随州社区", "level": "community"},
    ]
    codes = [row["code"] for row in NameIndex(rows).find("suizhou")]
    assert codes == ["421300000000", "421303001000", "421303001001"]


def test_nothing_is_found_by_nothing() -> None:
    assert index("曾都区").find("'") == []
    assert index("曾都区").find("zengdux") == []
    assert index().find("a") == []


@given(st.text(min_size=1, max_size=12), st.text(max_size=12))
@example("{{7*7}}", "{{")
@example("\x00", "\x00")
def test_any_name_is_found_by_itself_and_any_text_is_safe(name: str, text: str) -> None:
    one = index(name)
    assert len(one.find(text)) <= 1
    if any(not c.isspace() and c not in "'’" for c in name):
        assert names(one.find(name)) == [name]


HANZI = st.text(
    alphabet="曾都区长岭镇乐城朝阳重庆行宫厦门万店洛阳", min_size=1, max_size=4
)


@given(HANZI, st.data())
def test_every_reading_of_every_character_counts(
    name: str, data: st.DataObject
) -> None:
    readings = pypinyin.pinyin(name, style=pypinyin.Style.NORMAL, heteronym=True)
    spoken = data.draw(st.sampled_from([*itertools.product(*readings)][:50]))
    whole = "".join(spoken)
    assert names(index(name).find(whole)) == [name]
    assert names(index(name).find(whole[: data.draw(st.integers(1, len(whole)))]))
    assert names(index(name).find("".join(word[0] for word in spoken)))


def test_the_api_answers_the_best_first(client: TestClient) -> None:
    rows = client.get(f"{API}/divisions", params={"q": "xcjd"}).json()["items"]
    assert rows[0]["name"] == "西城街道"
    below = client.get(
        f"{API}/divisions", params={"q": "xi", "level": "community"}
    ).json()
    assert {row["level"] for row in below["items"]} <= {"community"}
    for text in (*HOSTILE, "%", "\0", "'", "\\", "(?:", "z" * 64):
        answer = client.get(f"{API}/divisions", params={"q": text})
        assert answer.status_code in (200, 422), text
    assert client.get(f"{API}/divisions", params={"q": " "}).status_code == 422


def test_the_readings_are_made_once_a_version(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(f"{API}/divisions", params={"q": "warm"})

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(pypinyin, "pinyin", fail)
    answer = client.get(f"{API}/divisions", params={"q": "xicheng"})
    assert answer.status_code == 200

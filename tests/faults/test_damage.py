"""A damaged result is noticed, said and made anew; nothing damaged is ever served."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fault_cases import TwoStates, assert_whole, run_said
from service_cases import make_client
from snapshot_cases import write_small_snapshot
from yikezhong_app.snapshots import snapshot as stored
from yikezhong_app.snapshots.snapshot import (
    SnapshotCorruptError,
    find_damage,
    open_current,
)
from yikezhong_coverage.errors import SourceError

ROOMS = ("app", "coverage", "geodata")


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0x10
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (flip, cut, empty, remove)


@pytest.mark.case("damage")
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_file_of_a_version_is_watched(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """A table, the GeoPackage or the manifest: whichever is damaged, it is noticed."""
    write_small_snapshot(tmp_path / "good")
    version = open_current(tmp_path / "good").version
    names = sorted(p.name for p in open_current(tmp_path / "good").folder.iterdir())
    assert len(names) > 5
    for name in names:
        out = tmp_path / name
        shutil.copytree(tmp_path / "good", out)
        damage(out / "versions" / version / name)
        try:
            snapshot = open_current(out)
        except SourceError as error:
            assert name == stored.MANIFEST
            assert error.message
        else:
            assert find_damage(snapshot) == name
            if name.endswith(".parquet"):
                with pytest.raises(SnapshotCorruptError, match=r"校验|缺失"):
                    snapshot.table(name.removesuffix(".parquet"))


@pytest.mark.case("damage")
def test_no_byte_of_a_manifest_may_change(tmp_path: Path) -> None:
    """Numbers in it are served: a changed one must not pass for the written one."""
    write_small_snapshot(tmp_path)
    path = open_current(tmp_path).folder / stored.MANIFEST
    good = path.read_bytes()
    reading = json.loads(good)
    random = np.random.default_rng(7)
    for at in random.integers(0, len(good), 60):
        raw = bytearray(good)
        raw[at] ^= 1 << int(random.integers(0, 7))
        path.write_bytes(raw)
        try:
            found = dict(open_current(tmp_path).manifest)
        except SourceError:
            continue
        # what is not covered by the name decides no number
        changed = {k for k in reading if found.get(k) != reading[k]}
        assert changed <= {"created", "geopackage_sha256"}


@pytest.mark.case("damage")
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"5", b"\xff\xfe", b'{"version": 5}', b'{"version": "../x"}',
     b'{"version": "2023-12-31-0123456789ab"}', b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_pointer_is_said(tmp_path: Path, content: bytes) -> None:
    write_small_snapshot(tmp_path)
    (tmp_path / "current.json").write_bytes(content)
    with pytest.raises(SourceError) as caught:
        open_current(tmp_path)
    assert caught.value.message
    with make_client(tmp_path) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/api/v1/study").status_code == 503
        assert client.get("/healthz").status_code == 200


@pytest.mark.case("damage")
def test_the_next_run_says_it_and_makes_it_anew(
    states: TwoStates, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run_said(states.study, out).returncode == 0
    version = open_current(out).version
    folder = open_current(out).folder
    part = "coverage.parquet/elderly_circle.parquet"
    for name, damage in ((part, flip), (stored.GEOPACKAGE, cut)):
        damage(folder / name)
        done = run_said(states.study, out)
        assert done.returncode == 0
        assert f"{name} 校验失败，重新计算" in done.stderr
        assert json.loads(done.stdout)["version"] == version
        assert assert_whole(out).version == version
    manifest = folder / stored.MANIFEST
    older = {**json.loads(manifest.read_text("utf-8")), "schema": 0}
    manifest.write_text(json.dumps(older), "utf-8")
    done = run_said(states.study, out)
    assert done.returncode == 0
    assert "格式版本不符" in done.stderr
    assert assert_whole(out).version == version


@pytest.mark.case("damage")
def test_nothing_is_unpickled() -> None:
    """What is stored is JSON and Parquet: reading it runs nothing."""
    root = Path(__file__).resolve().parents[2]
    words = ("import pickle", "from pickle", "read_pickle", "allow_pickle=True",
             "import marshal", "import shelve", "import joblib", "import dill")  # fmt: skip
    found = [
        f"{path.relative_to(root)}: {word}"
        for room in ROOMS
        for path in (root / room).rglob("*.py")
        for word in words
        if word in path.read_text("utf-8")
    ]
    assert found == []

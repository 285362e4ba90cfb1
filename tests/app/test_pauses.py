"""Long full collections are not repeated, and an old version still goes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot_cases import write_small_snapshot
from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.web.pauses import PauseGuard


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    callbacks = list(gc.callbacks)
    yield
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def test_what_survives_a_long_collection_is_set_aside() -> None:
    gc.callbacks.append(PauseGuard(long_s=3600))
    gc.collect()
    assert gc.get_freeze_count() == 0
    gc.callbacks[-1] = PauseGuard(long_s=0)
    gc.collect(0)
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < 10_000


def test_an_old_version_goes_though_it_was_set_aside(tmp_path: Path) -> None:
    write_small_snapshot(tmp_path)
    store = SnapshotStore(tmp_path, reload_seconds=0)
    old = weakref.ref(store.current())
    # a cycle, which only the collector can undo
    old().__dict__["itself"] = old()  # type: ignore[union-attr]
    gc.callbacks.append(PauseGuard(long_s=0))
    gc.collect()
    gc.callbacks.pop()
    write_small_snapshot(tmp_path, name="大城")
    assert store.current() is not old()
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert old() is None

"""Publish two results in turn until killed: ``python publish_forever.py OUT``."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from yikezhong_app.snapshots.snapshot import (
    list_versions,
    open_current,
    open_version,
    write_snapshot,
)


def main(out: Path) -> None:
    first, second = (open_version(out, name) for name in list_versions(out)[:2])
    tables = [{n: s.table(n) for n in s.table_names} for s in (first, second)]
    added = {"schema", "version", "tables", "geopackage_sha256"}
    manifests = [
        {k: v for k, v in s.manifest.items() if k not in added} for s in (first, second)
    ]
    for turn in itertools.cycle((0, 1)):
        # a note in the manifest: another version each time, really written
        manifest = {**manifests[turn], "turn": open_current(out).version}
        write_snapshot(out, tables[turn], manifest=manifest)
        print("published", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What a layer of a study is made of, as one hash: equal keys, equal layers.

A key covers the files by their content, what ``study.toml`` says of them, the
parameters that matter, the layers that it is made of, and the program itself.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import shapely

import yikezhong_coverage
from yikezhong_geodata.source_spec import SourceSpec
from yikezhong_geodata.spec import StudySpec
from yikezhong_geodata.study_layers import Consent

#: Libraries whose answers may change with their version.
_LIBRARIES: Final = (
    *("numpy", "pandas", "geopandas", "shapely", "pyproj", "pyogrio", "pyarrow"),
    *("osmium", "scipy", "numba", "python-calamine", "rasterio", "exactextract"),
)
_PACKAGES: Final = (Path(__file__).parent, Path(yikezhong_coverage.__file__).parent)
#: Parts of this package that no layer is made by.
_APART: Final = ("demo", "databases", "__pycache__")
_BLOCK: Final = 1 << 20


@dataclass(eq=False)
class FileDigests:
    """SHA-256 of the files of a study, each read once.

    Parameters
    ----------
    folder : Path
        The study folder.
    """

    folder: Path
    _known: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return one hash of a file and those that belong to it (``.dbf``, ``-wal``)."""
        if name not in self._known:
            path = self.folder / name
            parts = [(p.name, file_digest(p)) for p in _belonging(path)]
            self._known[name] = _hash(parts)
        return self._known[name]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _belonging(path: Path) -> list[Path]:
    """Return a file and those beside it whose names begin with its own."""
    if not path.parent.is_dir():
        return []
    stem = f"{path.stem}.".casefold()
    return sorted(
        other
        for other in path.parent.iterdir()
        if other.is_file()
        and (other.name.casefold().startswith(stem) or other.name.startswith(path.name))
    )


def layer_keys(spec: StudySpec, folder: Path, *, consent: Consent) -> dict[str, str]:
    """Return the key of each layer of a study.

    Parameters
    ----------
    spec : StudySpec
        With the day of the run as ``as_of``.
    folder : Path
        The study folder; all of its layers are files.
    consent : Consent

    Returns
    -------
    dict of str to str
        For each of :data:`~yikezhong_geodata.study_layers.LAYER_NAMES`.
    """
    files = FileDigests(folder)

    def sources(*several: Iterable[SourceSpec]) -> list[tuple[str, str]]:
        return [(repr(one), files.of(one.file)) for many in several for one in many]

    imported = files.of(spec.import_report) if spec.import_report else ""
    base = (program_digest(), spec.code_system, imported)
    parameters = spec.parameters
    boundaries = _hash(
        ["boundaries", base, sources(spec.boundaries), consent.datum, consent.repairs]
    )
    roads = _hash(["roads", base, sources([spec.roads]), parameters.walk_speed_mps])
    below = (boundaries, roads)
    facilities = _hash(
        [
            *("facilities", base, below, sources(spec.facilities), consent.datum),
            *(spec.as_of, parameters.max_snap_m, parameters.min_component_m),
        ]
    )
    buildings = [] if spec.demand.buildings is None else [spec.demand.buildings]
    people = _hash(
        [
            *("people", base, below, sources(spec.population, buildings)),
            *(spec.demand, consent.datum),
        ]
    )
    own = [files.of(name) for name in _own_files(spec)]
    plans = _hash(
        [
            *("plans", base, people, own, spec.plans, spec.plan_parameters),
            sources(spec.attributes, spec.statistics, spec.zones),
        ]
    )
    return {
        "boundaries": boundaries,
        "roads": roads,
        "extent": _hash(["extent", below]),
        "facilities": facilities,
        "people": people,
        "plans": plans,
        "sums": _hash(["sums", people]),
    }


def _own_files(spec: StudySpec) -> list[str]:
    """Return the registers and services that a study brings itself."""
    registers = [plan for plan in spec.plans if plan.endswith((".yaml", ".yml"))]
    return [*registers, *([spec.services_file] if spec.services_file else [])]


@cache
def program_digest() -> str:
    """Return one hash of our own code and data, and the versions of the libraries."""
    parts = [
        (path.relative_to(package).as_posix(), file_digest(path))
        for package in _PACKAGES
        for path in sorted(package.rglob("*"))
        if path.is_file() and not {*path.relative_to(package).parts} & {*_APART}
    ]
    return _hash([parts, [(name, _version(name)) for name in _LIBRARIES], _geos()])


def _geos() -> tuple[int, ...]:
    return tuple(shapely.geos_version)


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _hash(parts: Sequence[object]) -> str:
    """Return the hash of plain values, dataclasses of them, and lists of both."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()

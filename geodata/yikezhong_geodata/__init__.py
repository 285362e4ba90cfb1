"""Reading the world: boundaries, facilities, population and roads of a study.

Files become checked tables and records of ``yikezhong_coverage``; every row that is not
simply used stands in the data report. Only :mod:`yikezhong_geodata.download` touches the
internet, and only when asked.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yikezhong_geodata.data_report import DataReport, Finding, LayerCount
    from yikezhong_geodata.datum import bd09_to_wgs84, gcj02_to_wgs84
    from yikezhong_geodata.demo import build_demo
    from yikezhong_geodata.osm_study import import_osm
    from yikezhong_geodata.services import load_services
    from yikezhong_geodata.spec import StudySpec, read_spec
    from yikezhong_geodata.study import Study, load_study

__all__ = [
    "DataReport",
    "Finding",
    "LayerCount",
    "Study",
    "StudySpec",
    "bd09_to_wgs84",
    "build_demo",
    "gcj02_to_wgs84",
    "import_osm",
    "load_services",
    "load_study",
    "read_spec",
]

#: Where each public name is at home. A name is imported when it is first used: who
#: reads a study need not wait for what makes the demonstration.
_HOMES = {
    "DataReport": "data_report",
    "Finding": "data_report",
    "LayerCount": "data_report",
    "Study": "study",
    "StudySpec": "spec",
    "bd09_to_wgs84": "datum",
    "build_demo": "demo",
    "gcj02_to_wgs84": "datum",
    "import_osm": "osm_study",
    "load_services": "services",
    "load_study": "study",
    "read_spec": "spec",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

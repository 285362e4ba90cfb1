"""Reading the world: boundaries, facilities, population and roads of a study.

Files become checked tables and records of ``yikezhong_coverage``; every row that is not
simply used stands in the data report. Only :mod:`yikezhong_geodata.download` touches the
internet, and only when asked.
"""

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

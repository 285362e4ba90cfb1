"""The demonstration study: generated, offline, the same every time.

Real names and codes of Suizhou's divisions; schematic boundaries, roads, population
and facilities around them (示意数据，非实际边界与设施). At the scale of a province the
divisions are invented as well.
"""

from yikezhong_geodata.demo.build import build_demo
from yikezhong_geodata.demo.write import NOTICE

__all__ = ["NOTICE", "build_demo"]

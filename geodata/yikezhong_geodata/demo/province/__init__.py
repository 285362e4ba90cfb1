"""A schematic province: invented names and codes, the shape of numbers of Hubei.

It is made in parts, a county each, every part from its own source of chance: any part
can be made alone, in any order, by any number of processes, with the same bytes.
"""

from yikezhong_geodata.demo.province.build import build_province
from yikezhong_geodata.demo.province.size import FULL, Size

__all__ = ["FULL", "Size", "build_province"]

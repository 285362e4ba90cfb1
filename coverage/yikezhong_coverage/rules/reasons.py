"""Reasons in words: which input is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

#: What inputs are called that are not attribute columns.
INPUT_NAMES: Final[Mapping[str, str]] = {
    "status": "设施运营状态",
    "functions": "设施服务功能",
    "opened": "设施启用日期",
    "division": "设施所属区划",
    "people": "常住人口",
    "people_60": "60岁及以上人口",
    "people_65": "65岁及以上人口",
    "people_80": "80岁及以上人口",
    "children": "未成年人数",
    "households": "户数",
    "boundary_findings": "界线检查结果",
    "death_rate": "死亡率参数",
    "cremation_rate": "火化率参数",
    "burial_share": "安葬比例参数",
    "plots_per_death": "每例墓位数参数",
    "level.province": "省级区划",
    "level.prefecture": "市州级区划",
    "level.county": "县级区划",
    "level.township": "乡级区划",
    "level.community": "社区/村级区划",
}

#: Ending of the name of a distance that was left open.
_DISTANCE: Final = ".distance_m"


def missing_words(names: Sequence[str], given: Mapping[str, str]) -> str:
    """Say which inputs are missing.

    Parameters
    ----------
    names : sequence of str
        Attributes, or the inputs of :data:`INPUT_NAMES`.
    given : mapping of str to str
        Chinese names that go before those.

    Examples
    --------
    >>> missing_words(["functions", "beds"], {"beds": "床位数"})
    '缺少数据：设施服务功能、床位数'
    >>> missing_words(["river.distance_m"], {"river": "河道"})
    '缺少数据：河道的距离参数'
    """
    words = []
    for name in names:
        if name.endswith(_DISTANCE):
            zone = name.removesuffix(_DISTANCE)
            words.append(f"{given.get(zone, zone)}的距离参数")
        else:
            words.append(given.get(name, INPUT_NAMES.get(name, name)))
    return "缺少数据：" + "、".join(words) if words else "缺少数据"

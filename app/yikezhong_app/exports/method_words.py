"""The method of a report and its limits, with the parameters of the run."""

from __future__ import annotations

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.words import LEVEL_NAMES


def method_words(catalog: Catalog) -> list[str]:
    """Return the paragraphs on how the figures were made."""
    manifest = catalog.manifest
    given = manifest.get("parameters") or {}
    found = []
    speed = given.get("walk_speed_mps")
    if speed is not None:
        found.append(
            f"出行时间：步行速度取 {speed:g} 米/秒（15 分钟约 {speed * 900:,.0f} 米），"
            "从需求点沿路网到设施计算；驾车按道路限速，无限速的按道路等级取值。"
            "时间等于接驳段、路段与离路段之和，不超过时限即为到达。"
        )
    snap, piece = given.get("max_snap_m"), given.get("min_component_m")
    if snap is not None and piece is not None:
        found.append(
            f"上路：需求点与设施连到最近的可用路段，超过 {snap:g} 米视为无路；总长不足 "
            f"{piece:g} 米的孤立路网不使用。无路的人口留在分母中，计为未覆盖。"
        )
    share = given.get("area_people_share")
    if share is not None:
        found.append(
            "覆盖率：分子、分母均为人口（或社区、乡镇数），由各需求点相加，逐级汇总时"
            f"相加而不平均。社区、乡镇的服务人群有 {share:.0%} 以上被覆盖，才算一个被覆盖"
            "的社区、乡镇。"
        )
    if any(service.get("capacity") for service in catalog.services.values()):
        found.append(
            "容量：有容量的服务按时间由近及远分配，到达但容量已满的人口单列，不算已覆盖。"
        )
    own = given.get("own_level")
    if own is not None:
        found.append(
            "口径：主要结果计入所有设施（含界外）；“只计本辖区设施”时，只计需求点所在"
            f"{LEVEL_NAMES.get(str(own), str(own))}的设施。"
        )
    return found


def limits_words(catalog: Catalog) -> list[str]:
    """Return the paragraphs on what the figures cannot say."""
    methods = {str(row.get("population_method") or "") for row in catalog.divisions}
    found = []
    if "roads" in methods:
        found.append(
            "人口没有点位或栅格的社区，人口沿社区内可步行道路分布，社区内部的差别只是近似。"
        )
    if any(row.get("estimated") for row in catalog.divisions):
        found.append("部分年龄组人口由上级比例推算，表中标为“含推算人口”。")
    found.append(
        "路网以输入数据为准，未计坡度、红绿灯、公共交通与等候时间；服务功能不明的设施"
        "不计入须有该功能的服务。结果用于规划比较，不代替现场核实。"
    )
    found.append("服务圈图形为近似，只供显示；除面积占比外，各项覆盖率均不由图形计算。")
    if catalog.notice:
        found.append(f"本报告数据说明：{catalog.notice}。")
    return found

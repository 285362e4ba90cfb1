"""What tables and columns of a result are, in Chinese, for who meets them in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.publishing.values import ROW
from yikezhong_app.words import (
    DENOMINATOR_NAMES,
    FLAGS,
    LEVEL_NAMES,
    PROFILE_NAMES,
    REASONS,
    VARIANT_NAMES,
)
from yikezhong_coverage.remedies import REMEDIES
from yikezhong_geodata.columns import FACILITY_STATUS, GROUP_NAMES, KINDS
from yikezhong_geodata.plans.attributes import attribute_terms

#: Table → what a row of it is.
_TABLES: Final[Mapping[str, str]] = {
    "access": "可达性：每个区划、服务与方法一行",
    "circles": "服务圈：每处设施与时限一行，另有每项服务合并后的范围",
    "coverage": "覆盖率：每个区划、服务、时限、分母、口径一行",
    "coverage_speeds": "其他步行速度下的覆盖率，列同 coverage",
    "data_report": "数据报告：没有直接使用的每一行输入",
    "demand": "需求点：人口落到的点",
    "divisions": "行政区划：每个区划一行，含人口与边界",
    "equity": "公平性：区划内部各部分覆盖率的差异",
    "facilities": "设施：每处一行",
    "gap_areas": "连片缺口：相邻的未覆盖需求点合成的一片",
    "gaps": "缺口：每个区划、服务、时限未覆盖的人口及原因",
    "indicators": "规划指标：每个指标与区划一行，含数值、目标与结论",
    "network_driving": "驾车路网的边",
    "network_driving_nodes": "驾车路网的节点，行序即编号",
    "network_walking": "步行路网的边",
    "network_walking_nodes": "步行路网的节点，行序即编号",
    "plan_gaps": "规划缺口：未达标的区划",
    "roads": "道路：每段一行",
    "robustness": "规划指标随步行速度的变化",
    "times": "最短时间：每个需求点与服务一行",
    "zones": "管控与利用分区",
}


def _words(names: Mapping[str, str]) -> str:
    return "，".join(f"{key} {name}" for key, name in names.items())


#: Column → what it holds; the same in every table.
_COLUMNS: Final[Mapping[str, str]] = {
    ROW: "成果中的行序，从 0 起",
    "access": "可达性数值",
    "action": "处理：noted 按原样使用，repaired 修复，set_aside 剔除",
    "along_m": "折点到起点的距离 [米]",
    "attr_serves": "服务的区划代码",
    "area_m2": "面积 [平方米]",
    "as_of": "评价日期",
    "backward_s": "逆向通过的时间 [秒]，不可通行为无穷大",
    "beds": "床位数 [张]",
    "between": "比较的是哪一级区划",
    "capacity": "容量所取的列",
    "category": "设施类别",
    "class": "道路等级，或指标性质",
    "clause": "依据条文",
    "closed": "停用日期",
    "code": "区划代码（文本）",
    "community_code": "所属社区/村代码",
    "community_codes": "所涉社区/村代码",
    "comparison": "与目标的比较方式",
    "conflicts": "与之冲突的指标",
    "county_code": "所属县市区代码",
    "covered": "已覆盖的数量",
    "demand_id": "需求点编号",
    "denominator": "分母：" + _words(DENOMINATOR_NAMES),
    "division_code": "所在最小区划的代码",
    "estimated": "推算得出的列名，空格分隔",
    "facility_id": "设施编号",
    "failing_codes": "未达标的区划代码",
    "file": "来源文件或数据库表",
    "flags": "标记，空格分隔：" + _words(FLAGS),
    "flips": "结论是否随步行速度改变",
    "floor_area_m2": "建筑面积 [平方米]",
    "forward_s": "顺向通过的时间 [秒]，不可通行为无穷大",
    "full": "可到达但设施已满的数量",
    "functions": "服务功能",
    "geometry": "图形，EPSG:4326 经纬度",
    "gini": "基尼系数",
    "group": "服务人群：" + _words(GROUP_NAMES),
    "id": "编号",
    "incomplete": "不完整的列名，空格分隔",
    "indicator_id": "指标编号",
    "indicator_rank": "在同一指标中的次序",
    "kind": "区划类型：" + _words(KINDS),
    "lat": "纬度 [度]",
    "layer": "图层",
    "length_m": "长度 [米]",
    "level": "层级：" + _words(LEVEL_NAMES),
    "limit_s": "时限 [秒]",
    "link_m": "合成一片所用的距离 [米]",
    "located_community_code": "位置所在社区/村代码",
    "located_township_code": "位置所在乡镇街道代码",
    "lon": "经度 [度]",
    "mean_rate": "平均覆盖率",
    "message": "说明",
    "method": "方法",
    "missing_share": "差距所占的份额",
    "missing_text": "差距的文字说明",
    "missing_units": "距目标还差的数量",
    "n_area": "参与比较的区划数",
    "n_areas": "同一服务的片数",
    "n_points": "需求点数",
    "n_unknown": "覆盖率未知的区划数",
    "name": "名称",
    "nature": "属性：约束性或预期性",
    "nearest_facility_id": "最近设施的编号",
    "nearest_time_s": "到最近设施的时间 [秒]，不可达为无穷大",
    "numerator": "分子",
    "nursing_beds": "护理型床位数 [张]",
    "opened": "投入使用日期",
    "out_of_reach": "未到达的数量",
    "palma": "帕尔马比值",
    "parent": "上级区划代码",
    "people": "常住人口 [人]，未知为空",
    "people_60_without": "未覆盖的60岁及以上人口 [人]",
    "places": "可服务人数 [人]",
    "plan": "规划",
    "plots": "墓位数 [个]",
    "population_basis": "人口口径：常住或户籍",
    "population_method": "人口取得方法",
    "population_source": "人口来源",
    "population_year": "人口年份",
    "problem": "问题",
    "profile": "出行方式：" + _words(PROFILE_NAMES),
    "radius_m": "半径 [米]",
    "rank": "次序，1 为最大",
    "rate": "覆盖率，0 至 1；无法计算时为空或 NaN",
    "reason": "原因：" + _words(REASONS),
    "remedy": "对策：" + _words(REMEDIES),
    "remedy_facility_id": "对策所涉设施的编号",
    "remedy_people": "对策可惠及的人数 [人]",
    "row": "在来源中的行号",
    "rule": "计算规则",
    "service": "服务编号",
    "snap_m": "到道路的距离 [米]",
    "snap_status": "能否接到路网",
    "speed_mps": "步行速度 [米/秒]",
    "staff": "工作人员数 [人]",
    "status": (f"状态。指标：{_words(STATUS_NAMES)}。设施：{_words(FACILITY_STATUS)}"),
    "strict": "是否须超过目标",
    "target": "目标值",
    "time_s": "时间 [秒]，不可达为无穷大",
    "total": "分母的总数",
    "township_code": "所属乡镇街道代码",
    "typical_time_s": "到最近设施的典型时间 [秒]",
    "u": "起点的节点行序",
    "uncertain": "是否含未知数",
    "unit": "计数单位",
    "unknown_codes": "无法判定的区划代码",
    "unknown_points": "人口未知的需求点数",
    "unknown_units": "人口未知的下级区划数",
    "usable": "是否属于可用路网",
    "v": "终点的节点行序",
    "value": "数值",
    "value_unit": "数值的单位",
    "variant": "口径：" + _words(VARIANT_NAMES),
    "without": "未覆盖的数量",
    "worst_decile_rate": "最差十分之一人口的覆盖率",
    "worst_decile_share": "最差十分之一人口所占份额",
    "year": "目标年份",
    "zone_class": "分区类别",
    **{
        name: f"{words} [人]" for name, words in GROUP_NAMES.items() if name != "people"
    },
}
_WITHOUT: Final = "without_"
_ATTRIBUTE: Final = "attr_"


def table_comment(name: str) -> str:
    """Return what a table is.

    Examples
    --------
    >>> table_comment("facilities")
    '设施：每处一行'
    """
    return _TABLES.get(name, f"成果表 {name}")


def column_comment(name: str) -> str | None:
    """Return what a column is; None where no word is known.

    Examples
    --------
    >>> column_comment("without_too_far"), column_comment("attr_posts")
    ('其中因“距离过远”未覆盖的数量', '以钱养事岗位数 [个]')
    """
    if name in _COLUMNS:
        return _COLUMNS[name]
    if name.startswith(_WITHOUT):
        reason = REASONS.get(name.removeprefix(_WITHOUT))
        return None if reason is None else f"其中因“{reason}”未覆盖的数量"
    term = attribute_terms().get(name.removeprefix(_ATTRIBUTE))
    if term is None:
        return None
    return f"{term.name} [{term.unit}]" if term.unit else term.name

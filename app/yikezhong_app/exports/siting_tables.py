"""The tables of a siting plan, the same in its workbook and its document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from yikezhong_app.exports.sheets import Column
from yikezhong_app.exports.siting_paper import SitingPaper, source_words
from yikezhong_app.reading.records import Row

#: Columns of a site that a document has room for.
SHORT_SITES: Final = (
    "次序",
    "年次",
    "名称",
    "乡镇街道",
    "经度",
    "纬度",
    "新增人数",
    "累计覆盖率",
    "费用",
)


def site_columns(paper: SitingPaper) -> list[Column]:
    """Return the columns of the sites; costs and capacities only where there are any."""
    record = paper.record
    sites = record["sites"]
    words = "新增有位人数" if record["capacity"] else "新增人数"
    if record["objective_unit"] == "weighted_people":
        words = "新增人数（加权）"
    columns = [
        Column("次序", 6, "mid", "rank"),
        Column("年次", 6, "mid", "year"),
        Column("名称", 26, "wrap", "name"),
        Column("乡镇街道", 16, "wrap", "township_name"),
        Column("经度", 12, "degree", "lon"),
        Column("纬度", 12, "degree", "lat"),
        Column(words, 11, "count", "gain"),
    ]
    if len(record["services"]) > 1:
        columns += [
            Column(
                f"新增：{one['service_name']}", 13, "count", _of_gains(one["service"])
            )
            for one in record["services"]
        ]
    columns += [
        Column("累计覆盖人数", 12, "count", "cumulative_covered"),
        Column("累计覆盖率", 10, "rate", "cumulative_rate"),
    ]
    if any(site["cost"] is not None for site in sites):
        columns.append(Column("费用", 10, "number", "cost"))
    if any(site["capacity"] is not None for site in sites):
        columns.append(Column("容量", 9, "number", "capacity"))
    columns += [
        Column("必选", 6, "mid", lambda row: "是" if row["forced"] else ""),
        Column("候选点来源", 16, "wrap", lambda row: source_words(row["source"])),
        Column("编号", 18, "text", "id"),
        Column("社区代码", 15, "mid", "community_code"),
    ]
    if any(site["facility_id"] for site in sites):
        columns.append(Column("现有设施编号", 14, "text", "facility_id"))
    return columns


def township_columns() -> list[Column]:
    """Return the columns of the townships before and after."""
    return [
        Column("代码", 17, "mid", "code"),
        Column("乡镇街道", 18, "wrap", "name"),
        Column("服务人群", 12, "count", "total"),
        Column("现状覆盖", 12, "count", "before"),
        Column("方案覆盖", 12, "count", "after"),
        Column("新增", 10, "count", "gain"),
        Column("现状覆盖率", 11, "rate", "rate_before"),
        Column("方案覆盖率", 11, "rate", "rate_after"),
    ]


def left_columns() -> list[Column]:
    """Return the columns of who stays without."""
    return [
        Column("代码", 17, "mid", "code"),
        Column("乡镇街道", 20, "wrap", lambda row: row["name"] or "不在任何乡镇"),
        Column("未覆盖人数", 13, "count", "people"),
        Column("原因", 40, "wrap", "reason_name"),
    ]


def level_columns() -> list[Column]:
    """Return the columns of the rates of townships from the lowest up."""
    return [
        Column("覆盖率", 12, "rate", "rate"),
        Column("乡镇数", 10, "count", "n_townships"),
        Column(
            "已证明不能再高", 16, "mid", lambda row: "是" if row["proven"] else "否"
        ),
    ]


def _of_gains(service: str) -> Callable[[Row], object]:
    return lambda row: row["gains"][service]

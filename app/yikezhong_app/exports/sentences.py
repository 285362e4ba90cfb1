"""The summary of a report: sentences computed from the result, nothing else."""

from __future__ import annotations

from yikezhong_app.exports.rate_classes import percent
from yikezhong_app.exports.report_data import ReportData
from yikezhong_app.exports.wording import (
    amount,
    count_words,
    date_words,
    target_words,
    value_words,
)
from yikezhong_app.reading.records import Row
from yikezhong_app.words import LEVEL_NAMES, PROFILE_NAMES, REASONS

#: Below this rate an area is named as weak: the first class of the maps.
WEAK_RATE = 0.2
_MOST_NAMES = 6


def summary(data: ReportData) -> list[str]:
    """Return the paragraphs of the summary, in order."""
    found = [place_sentence(data)]
    for theme, service in data.featured.items():
        found.append(headline(data, theme, service))
    found += plan_sentences(data)
    return [text for text in found if text]


def place_sentence(data: ReportData) -> str:
    """Say what the scope is: divisions, people, facilities."""
    units = {
        "county": "个县（市、区）",
        "township": "个乡镇（街道）",
        "community": "个社区（村）",
    }
    counts = [
        f"{n:,} {units.get(level, '个' + LEVEL_NAMES[level])}"
        for level, n in data.level_counts().items()
    ]
    text = data.scope.name
    if counts:
        text += f"辖 {'、'.join(counts)}"
    people = people_words(data)
    open_here = sum(row["status"] == "open" for row in data.facilities)
    text += f"{'，' if counts else ''}{people}。" if people else "。"
    return text + (
        f"登记或位于辖区的各类设施 {len(data.facilities):,} 处，"
        f"至 {date_words(data.catalog.as_of)}运营 {open_here:,} 处。"
    )


def people_words(data: ReportData) -> str:
    """Return people and older people of the scope, with basis and year."""
    tops = [data.catalog.divisions[data.catalog.position[c]] for c in data.scope.tops]
    known = [row["people"] for row in tops if row.get("people") is not None]
    older = [row["people_60"] for row in tops if row.get("people_60") is not None]
    if not known:
        return ""
    name = data.catalog.denominator_names["people"]
    years = sorted(
        {str(r["population_year"]) for r in tops if r.get("population_year")}
    )
    text = name + (f"（{'、'.join(years)} 年）" if years else "")
    text += f" {amount(sum(known))}"
    if older and sum(known) > 0:
        share = percent(sum(older) / sum(known))
        text += f"，其中60岁及以上 {amount(sum(older))}，占 {share}"
        if any("people_60" in (row.get("estimated") or []) for row in tops):
            text += "（推算）"
    return text


def headline(data: ReportData, theme: str, service: Row) -> str:
    """Say how many a service covers, and how many it does not."""
    row = next((r for r in data.services if r["service"] == service["id"]), None)
    if row is None or row["rate"] is None:
        return f"{theme}方面，“{service['name']}”没有可用的覆盖率。"
    profile = PROFILE_NAMES.get(row["profile"], row["profile"])
    denominator = row["denominator"]
    text = (
        f"{theme}方面，按{profile} {row['minutes']:g} 分钟计，“{service['name']}”"
        f"覆盖{row['denominator_name']} {amount(row['covered'], denominator)}，"
        f"占 {amount(row['total'], denominator)}的 {percent(row['rate'])}"
    )
    if row.get("full"):
        text += f"；可到达但容量已满 {amount(row['full'], denominator)}"
    text += f"；未到达 {amount(row['out_of_reach'], denominator)}"
    return text + (f"（{row['rate_note']}）。" if row.get("rate_note") else "。")


def service_sentences(data: ReportData, theme: str, service: Row) -> list[str]:
    """Say why people are without a service, and where it is strong and weak."""
    row = next((r for r in data.services if r["service"] == service["id"]), None)
    if row is None or row["rate"] is None:
        return [headline(data, theme, service)]
    texts = (
        reason_words(data, service, row["denominator"]),
        spread_words(data, service),
    )
    return ["".join(texts)] if any(texts) else []


def reason_words(data: ReportData, service: Row, denominator: str) -> str:
    """Say why people are without."""
    reasons = data.reasons(service["id"])
    if not reasons:
        return ""
    parts = [
        f"{REASONS.get(key, key)} {amount(n, denominator)}"
        for key, n in reasons.items()
        if n >= 0.5
    ]
    return f"未覆盖的原因：{'、'.join(parts)}。" if parts else ""


def spread_words(data: ReportData, service: Row) -> str:
    """Say which areas one level below the scope lie highest, lowest, and are weak."""
    level = data.below
    if level is None:
        return ""
    if "township" in data.level_counts():
        level = "township"
    rows = [
        row
        for (_, found), row in data.coverage(level).items()
        if found == service["id"] and row["rate"] is not None
    ]
    if len(rows) < 2:
        return ""
    rows.sort(key=lambda row: (row["rate"], row["code"]))
    low, high = rows[0], rows[-1]
    if percent(low["rate"]) == percent(high["rate"]):
        unit = LEVEL_NAMES[level]
        return f"{len(rows)} 个有数据的{unit}覆盖率均为 {percent(low['rate'])}。"
    text = (
        f"{len(rows)} 个有数据的{LEVEL_NAMES[level]}中，覆盖率最高的是{high['name']}"
        f"（{percent(high['rate'])}），最低的是{low['name']}（{percent(low['rate'])}）"
    )
    weak = [str(row["name"]) for row in rows if row["rate"] < WEAK_RATE]
    if weak:
        names = "、".join(weak[:_MOST_NAMES])
        more = "等" if len(weak) > _MOST_NAMES else ""
        text += f"；低于 {WEAK_RATE:.0%} 的有 {len(weak)} 个：{names}{more}"
    return text + "。"


def plan_sentences(data: ReportData) -> list[str]:
    """Say how many targets are met, which binding ones are not, and what speeds do."""
    lines = data.scorecard
    judged = [
        row
        for row in lines
        if row.get("target") is not None and row["status"] != "not_applicable"
    ]
    if not lines:
        return []
    by = {
        s: [r for r in judged if r["status"] == s]
        for s in ("met", "not_met", "unknown")
    }
    plans = "、".join(f"《{name}》" for name in data.plan_names.values())
    text = (
        f"规划指标方面，对照{plans}，共计算指标 {len(lines):,} 项，其中在本级有目标的 "
        f"{len(judged):,} 项：达标 {len(by['met']):,} 项，未达标 {len(by['not_met']):,} 项，"
        f"因缺少数据无法判定 {len(by['unknown']):,} 项。"
    )
    binding = [row for row in by["not_met"] if row.get("nature") == "约束性"]
    if binding:
        parts = [
            f"{row['name']}（{value_words(row)}，目标 {target_words(row)}"
            + (f"，{row['missing_text']}" if row.get("missing_text") else "")
            + "）"
            for row in binding
        ]
        text += f"未达标的约束性指标 {len(binding)} 项：{'；'.join(parts)}。"
    return [text, speed_sentence(data)]


def speed_sentence(data: ReportData) -> str:
    """Say what the first network indicator with a target is at other speeds."""
    rows = [row for row in data.speeds if row.get("target") is not None]
    if not rows:
        return ""
    first = rows[0]
    same = sorted(
        (
            row
            for row in rows
            if (row["indicator_id"], row["code"])
            == (first["indicator_id"], first["code"])
        ),
        key=lambda row: float(row["speed_mps"]),
    )
    parts = [f"{row['speed_mps']:g} 米/秒时为 {percent(row['value'])}" for row in same]
    turn = "结论随步速改变" if first.get("flips") else "结论不变"
    return f"步行速度影响结果：{first['name']}在步速 {'、'.join(parts)}，{turn}。"


def gap_sentence(data: ReportData, service: Row) -> str:
    """Say how many areas of the finest level have people without a service."""
    rows = [row for row in data.gaps if row["service"] == service["id"]]
    known = [row["people_without"] for row in rows if row["people_without"] is not None]
    unit = LEVEL_NAMES[data.finest]
    if not rows:
        return f"“{service['name']}”没有未覆盖的{unit}。"
    text = f"“{service['name']}”有未覆盖人口的{unit} {len(rows):,} 个"
    text += f"，合计 {count_words(sum(known))} 人" if known else ""
    unknown = len(rows) - len(known)
    return text + (f"，另有 {unknown:,} 个人口未知。" if unknown else "。")

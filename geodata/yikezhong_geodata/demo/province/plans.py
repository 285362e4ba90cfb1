"""The plans of the schematic province: clauses of real ones, for invented places.

A plan says which area it is for, so the shipped plans of Hubei and Suizhou say nothing
about codes that begin with 99. The province brings copies of its own, for its own area
and for its first prefecture.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from yikezhong_geodata.demo.province import invented
from yikezhong_geodata.demo.write import NOTICE


@dataclass(frozen=True)
class Borrowed:
    """A plan whose clauses are borrowed: its id, and id, name and area of ours."""

    source: str
    id: str
    name: str
    area: str

    @property
    def file(self) -> str:
        """Name of the file in the study."""
        return f"plan-{self.id}.yaml"


PLANS: Final = (
    Borrowed(
        "hubei-14fyp",
        "demo-province",
        f"{invented.PROVINCE_NAME}示意规划（条文借自湖北省“十四五”规划）",
        invented.PROVINCE_CODE[:2],
    ),
    Borrowed(
        "suizhou-14fyp",
        "demo-prefecture",
        f"{invented.prefecture_name(0)}示意规划（条文借自随州市“十四五”规划）",
        invented.prefecture_code(0)[:4],
    ),
)


def write_plans(folder: Path) -> None:
    """Write the plans of the study."""
    for plan in PLANS:
        text = plan_text(plan)
        (folder / plan.file).write_text(text, encoding="utf-8", newline="\n")


def plan_text(plan: Borrowed) -> str:
    """Return the register of a borrowed plan with our id, name and area.

    Examples
    --------
    >>> print(plan_text(PLANS[0]).splitlines()[0])
    # 示意数据，非实际边界与设施：条文借自 hubei-14fyp，适用范围为虚构的区划
    """
    source = resources.files("yikezhong_geodata.plans") / f"{plan.source}.yaml"
    ours = {"id": plan.id, "name": plan.name, "area": f'"{plan.area}"'}
    lines = [f"# {NOTICE}：条文借自 {plan.source}，适用范围为虚构的区划"]
    for line in source.read_text(encoding="utf-8").splitlines():
        key = line.strip().partition(":")[0]
        # the keys of the head stand before those of any other section
        if line.startswith("  ") and key in ours:
            line = f"  {key}: {ours.pop(key)}"
        lines.append(line)
    if ours:
        raise RuntimeError(f"the register {plan.source} has no {sorted(ours)}")
    return "\n".join(lines) + "\n"

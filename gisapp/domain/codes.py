"""Code tables of the national standards, and division codes: read once from ``data/``.

CJ/T 214—2007 sorts components into six classes a)–f) with four-digit subclasses; GB/T 47678.5—2026 has five-digit codes
in five classes and, with the same codes and more, the matters. Origin and licence of each file: ``data/README.md``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from gisapp.domain.keys import Level, PlaceKey
from gisapp.errors import InputError

DATA = Path(__file__).resolve().parents[2] / "data"
CJT214 = "CJ/T 214—2007"
GBT47678 = "GB/T 47678.5—2026"


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One subclass of components or matters.

    Attributes:
        class_code: class within the standard: a–f, or two digits.
        class_name: Chinese name of the class.
        code: four digits (CJ/T 214) or five (GB/T 47678.5).
        name: Chinese name of the subclass.
        standard: the standard it comes from.
    """

    class_code: str
    class_name: str
    code: str
    name: str
    standard: str


@dataclass(frozen=True, slots=True)
class Division:
    """One administrative division."""

    key: PlaceKey
    name: str
    level: Level
    parent: PlaceKey | None


def _table(file: str) -> Mapping[str, CodeEntry]:
    with (DATA / "codes" / file).open(encoding="utf-8", newline="") as lines:
        entries = (
            CodeEntry(r["class"], r["class_name"], r["code"], r["name"], r["standard"])
            for r in csv.DictReader(lines)
        )
        return MappingProxyType({entry.code: entry for entry in entries})


@cache
def component_types(standard: str = GBT47678) -> Mapping[str, CodeEntry]:
    """Subclasses of components (部件小类) of a standard, by code."""
    return _table(
        {GBT47678: "components_gbt47678_5_2026.csv", CJT214: "components_cjt214_2007.csv"}[standard]
    )


@cache
def matter_types(standard: str = GBT47678) -> Mapping[str, CodeEntry]:
    """Subclasses of matters or events (事件小类) of a standard, by code."""
    return _table({GBT47678: "matters_gbt47678_5_2026.csv", CJT214: "matters_cjt214_2007.csv"}[standard])


def component_type(code: str) -> CodeEntry:
    """The component subclass of a code of either standard.

    Raises:
        InputError: in neither.
    """
    return _find(code, component_types(), component_types(CJT214), "部件小类", "01037 路灯")


def matter_type(code: str) -> CodeEntry:
    """The matter subclass of a code of either standard.

    Raises:
        InputError: in neither.
    """
    return _find(code, matter_types(), matter_types(CJT214), "事件小类", "06010 暴露垃圾")


def _find(
    code: str, first: Mapping[str, CodeEntry], second: Mapping[str, CodeEntry], what: str, example: str
) -> CodeEntry:
    found = first.get(code) or second.get(code)
    if found is None:
        raise InputError(
            f"没有{what}代码“{code}”。",
            remedy=f"请填写 GB/T 47678.5—2026 的 5 位代码（例如 {example}）或 CJ/T 214—2007 的 4 位代码。",
            details={"code": code},
        )
    return found


@cache
def _component_names() -> Mapping[str, CodeEntry]:
    older, newer = component_types(CJT214), component_types(GBT47678)
    return MappingProxyType({e.name: e for e in (*older.values(), *newer.values())})


def component_type_named(name: str) -> CodeEntry | None:
    """The component subclass of a Chinese name; where both standards have the name, the newer one's. None if neither."""
    return _component_names().get(name.strip())


#: CJ/T 214—2007 subclasses that GB/T 47678.5—2026 has under another name
_RENAMED = {
    "上水井盖": "供水井盖",
    "通讯井盖": "通信井盖",
    "无主井盖": "不明井盖",
    "通讯交接箱": "通信交接箱",
    "立杆": "不明立杆",
    "健身设施": "户外健身设施",
    "民用水井": "水井",
    "监控电子眼": "监控电子眼设施",
    "停车咪表": "停车计费设备",
    "公交站亭": "公交站设施",
    "出租车站牌": "出租车停靠站",
    "高架立交桥": "立交桥",
    "交通标志牌": "交通标志牌及标线",
    "灯箱霓虹灯": "牌匾标识",
    "广告牌匾": "户外广告",
    "街头坐椅": "街头座椅",
    "绿地维护设施": "绿地附属设施",
}


def modern_component_type(text: str) -> CodeEntry:
    """The component subclass of GB/T 47678.5—2026 for a code or a name of either standard.

    Raises:
        InputError: unknown, or a subclass of CJ/T 214—2007 that the newer standard has no place for.
    """
    found = component_types().get(text) or component_types(CJT214).get(text) or component_type_named(text)
    if found is None:
        return component_type(text)
    if found.standard == CJT214:
        newer = component_type_named(_RENAMED.get(found.name, found.name))
        if newer is None or newer.standard == CJT214:
            raise InputError(
                f"CJ/T 214—2007 的“{found.name}”（{found.code}）在 GB/T 47678.5—2026 中没有对应的部件小类。",
                remedy="请按实物选一个 GB/T 47678.5—2026 的 5 位代码。",
                details={"code": found.code},
            )
        return newer
    return found


@cache
def divisions(district: str = "330103") -> tuple[Division, ...]:
    """A district's divisions with those above it, from the province down to the communities, in order of their codes."""
    found: list[Division] = []
    with (DATA / "divisions" / f"{district}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key = PlaceKey(row["code"])
            parent = PlaceKey(row["parent"]) if row["parent"] else None
            found.append(Division(key, row["name"], Level[row["level"].upper()], parent))
    return tuple(found)


@cache
def provinces() -> Mapping[str, str]:
    """Names of the provinces by their two-digit codes (GB/T 2260)."""
    with (DATA / "divisions" / "provinces.csv").open(encoding="utf-8", newline="") as lines:
        return MappingProxyType({row["code"]: row["name"] for row in csv.DictReader(lines)})

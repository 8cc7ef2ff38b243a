"""What a profile of each kind says: one function a kind, from the stored row to words, numbers and lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gisapp.domain import clock
from gisapp.domain.codes import CJT214, GBT47678, CodeEntry, component_types, matter_types
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import TERMS, label
from gisapp.store import profile_lists, profiles

Row = Mapping[str, Any]
BUILDING_USES = {
    "residential": "住宅",
    "commercial": "商业",
    "office": "办公",
    "public": "公共",
    "education": "教育",
    "medical": "医疗",
    "industrial": "工业",
    "other": "其他",
}
COMPONENT_STATES = {
    "good": ("完好", "good"),
    "damaged": ("破损", "bad"),
    "missing": ("丢失", "bad"),
    "unknown": ("未知", "unknown"),
}
ADDRESS_STATES = {"in_use": "在用", "reserved": "预留", "retired": "注销"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of records of a profile.

    Attributes:
        name: name in ``gisapp.store.profile_lists.LISTS``.
        given: what its statement needs.
    """

    name: str
    title: str
    total: int
    given: Mapping[str, Any]


@dataclass(slots=True)
class Content:
    """What a profile says.

    Attributes:
        within: breadcrumbs below the grid.
        ready: lists whose rows are at hand already.
    """

    title: str
    subtitle: str = ""
    fields: list[dict[str, Any]] = field(default_factory=list)
    counts: list[dict[str, Any]] = field(default_factory=list)
    lists: list[ListOf] = field(default_factory=list)
    ready: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)
    within: list[dict[str, str]] = field(default_factory=list)
    origin: str = ""

    def say(self, title: str, value: Any, unit: str = "", meaning: str = "") -> None:
        """A field; an empty value reads 未知 in the panel."""
        entry = {"label": title, "value": value}
        if unit:
            entry["unit"] = unit
        if meaning:
            entry["meaning"] = meaning
        self.fields.append(entry)

    def say_if(self, title: str, value: Any, unit: str = "") -> None:
        """A field that is left out when there is nothing to say."""
        if value not in (None, "", [], 0):
            self.say(title, value, unit)

    def count(self, name: str, title: str, value: int, unit: str, given: Mapping[str, Any]) -> None:
        """A number with the list of records that it opens."""
        self.counts.append({"label": title, "value": value, "unit": unit, "list": name})
        self.lists.append(ListOf(name, title, value, given))


def _moment(instant: datetime | None) -> str | None:
    return None if instant is None else f"{clock.local(instant):%Y-%m-%d %H:%M}"


def _entry(code: str, tables: Callable[[str], Mapping[str, CodeEntry]]) -> CodeEntry | None:
    return tables(GBT47678).get(code) or tables(CJT214).get(code)


def _responsible(content: Content, people: Sequence[Mapping[str, str]]) -> None:
    for person in people or ():
        content.say(
            person.get("duty") or "负责人", " ".join(filter(None, (person.get("name"), person.get("phone"))))
        )


_BELOW = {2: 4, 4: 6, 6: 9, 9: 12, 12: 15}


def _area(connection: Connection, row: Row, content: Content) -> Content:
    place: str = row["place"]
    below = _BELOW.get(len(place), 99)
    counts = profile_lists.area_counts(connection, place, below)
    given = {"prefix": place, "below": below}

    def show(name: str, title: str, unit: str) -> None:
        content.count(name, title, counts[name], unit, given)

    show("people", label("person"), "人")
    show("buildings", label("building"), "栋")
    show("open_cases", label("open_case"), "件")
    if counts["overdue_cases"]:
        show("overdue_cases", label("overdue"), "件")
    if below in (9, 12):
        show("regions", label("street" if below == 9 else "community"), "个")
    if len(place) < Level.GRID:
        show("grids", label("grid"), "个")
    show("workers", label("grid_worker"), "人")
    show("recent_cases", "近 30 天事件", "件")
    show("components", label("component"), "个")
    show("places", label("poi"), "处")
    show("organisations", label("organisation"), "家")
    show("elders", label("elders"), "人")
    content.say("编码", place)
    if row["area"]:
        content.say("面积", round(row["area"] / 1e6, 3 if row["area"] < 1e6 else 2), "平方千米")
        if counts["people"]:
            content.say("人口密度", round(counts["people"] / (row["area"] / 1e6)), "人/平方千米")
    content.say(label("household"), counts["households"], "户")
    content.say(label("children"), counts["children"], "人")
    _responsible(content, row["responsible"])
    content.actions.append({"label": "本地案件", "href": f"/cases?place={place}"})
    return content


def _region(connection: Connection, row: Row) -> Content:
    return _area(connection, row, Content(row["name"], origin="行政区划、各登记台账汇总"))


def _grid(connection: Connection, row: Row) -> Content:
    content = _area(connection, row, Content(row["name"], row["place"], origin="网格版本、各登记台账汇总"))
    content.say(
        label("grid_version"),
        f"第 {row['version']} 版，{clock.local(row['valid_from']):%Y-%m-%d %H:%M} 起施行",
    )
    return content


def _building_title(row: Row, estate: str = "estate", name: str = "name") -> str:
    within, called = row[estate] or "", row[name] or ""
    # Some registers repeat the estate in the building's name.
    title = called if called.startswith(within) else f"{within}{called}"
    # Shops and small houses have no name, only a door number.
    return title or row.get("door") or f"{label('building')} {row['id']}"


def _building(connection: Connection, row: Row) -> Content:
    given = {"id": row["id"]}
    content = Content(_building_title(row), origin="房屋普查数据、人口登记汇总")
    totals = {
        name: profile_lists.list_total(connection, name, given)
        for name in (
            "building_people", "building_rooms", "building_units", "building_addresses", "building_organisations",
        )
    }  # fmt: skip
    content.count("building_people", label("person"), totals["building_people"], "人", given)
    content.count("building_rooms", label("room"), totals["building_rooms"], "间", given)
    content.count("building_units", label("building_unit"), totals["building_units"], "个", given)
    content.count(
        "building_organisations", label("organisation"), totals["building_organisations"], "家", given
    )
    content.count("building_addresses", label("address"), totals["building_addresses"], "条", given)
    content.say("楼栋编码", row["code"])
    content.say_if("小区", row["estate"])
    content.say("用途", BUILDING_USES.get(row["use"], row["use"]))
    content.say("层数", row["floors"], "层")
    content.say("高度", None if row["height"] is None else round(row["height"], 1), "米")
    content.say_if("建成年份", None if row["built_year"] is None else f"{row['built_year']} 年")
    content.say("占地面积", round(row["area"]), "平方米")
    if row["people"]:
        content.say(label("household"), row["households"], "户")
        for name in ("registered", "resident", "floating", "elders", "children"):
            content.say(label(name), row[name], "人")
    return content


def _crumb(kind: str, identifier: int | None, title: str) -> list[dict[str, str]]:
    return [] if identifier is None else [{"kind": kind, "id": str(identifier), "title": title}]


def _address(_connection: Connection, row: Row) -> Content:
    content = Content(row["full_text"], origin="公安标准地址库")
    content.say("地址编码", row["code"])
    for title, name in (
        ("街路巷", "road"), ("门牌", "plate"), ("小区", "estate"), ("楼栋", "building_no"), ("单元", "unit"), ("室", "room"),
    ):  # fmt: skip
        content.say_if(title, row[name])
    content.say(
        "状态",
        ADDRESS_STATES.get(row["status"], row["status"]),
        meaning="good" if row["status"] == "in_use" else "unknown",
    )
    content.say_if("别名", "、".join(row["aliases"]))
    content.within += _crumb(
        "building", row["building_id"], f"{row['estate']}{row['building_no']}" or label("building")
    )
    return content


def _room(connection: Connection, row: Row) -> Content:
    given = {"id": row["id"]}
    building = _building_title({**row, "id": row["building_id"]}, name="building_name")
    content = Content(f"{row['unit_name']}{row['number']} 室", building, origin="房屋普查数据、人口登记")
    people = profile_lists.list_total(connection, "room_people", given)
    content.count("room_people", label("person"), people, "人", given)
    content.say("房屋使用", label(row["use"]) if row["use"] in TERMS else row["use"])
    content.say("楼层", row["floor"], "层")
    content.say("建筑面积", row["area"], "平方米")
    content.within += _crumb("building", row["building_id"], building)
    return content


def _person(_connection: Connection, row: Row) -> Content:
    building = _building_title({**row, "id": row["building_id"]}, name="building_name")
    content = Content(
        row["name_masked"], f"{building} {row['unit_name']}{row['room_number']} 室", origin="人口登记"
    )
    content.say("性别", row["sex"])
    content.say("出生年份", f"{row['birth_year']} 年")
    content.say(
        label("residence"), label(row["residence"]) if row["residence"] in TERMS else row["residence"]
    )
    content.say_if("与户主关系", row["kinship"])
    content.say_if("文化程度", row["education"])
    content.say_if("职业", row["occupation"])
    content.within += _crumb("building", row["building_id"], building)
    content.within += _crumb("room", row["room_id"], f"{row['unit_name']}{row['room_number']} 室")
    return content


def _poi(_connection: Connection, row: Row) -> Content:
    content = Content(row["name"] or row["kind"], row["kind"], origin="场所登记")
    content.say("类别", row["kind"])
    content.say_if("地址", row["address"])
    content.say_if("开放时间", row["opening_hours"])
    content.say_if("电话", row["phone"])
    return content


def _component(_connection: Connection, row: Row) -> Content:
    entry = _entry(row["type_code"], component_types)
    kind = entry.name if entry else row["type_code"]
    content = Content(row["name"] or kind, row["code"], origin="城市管理部件普查")
    state, meaning = COMPONENT_STATES.get(row["state"], (row["state"], "unknown"))
    content.say("标识码", row["code"])
    content.say(label("component_type"), f"{row['type_code']} {kind}")
    content.say("大类", entry.class_name if entry else row["class"])
    content.say("状态", state, meaning=meaning)
    content.say("主管部门", row["department"])
    content.say("更新于", _moment(row["updated_at"]))
    return content


def _organisation(_connection: Connection, row: Row) -> Content:
    content = Content(row["name"], row["kind"], origin="市场监管登记")
    content.say("统一社会信用代码", row["credit_code"])
    content.say("类型", row["kind"])
    content.say_if("地址", row["address"])
    content.say_if("电话", row["phone"])
    content.within += _crumb("building", row["building_id"], label("building"))
    return content


def _event(connection: Connection, row: Row) -> Content:
    content = Content(row["title"], row["number"], origin="本平台受理")
    entry = _entry(row["matter_code"], matter_types)
    closed, late = row["closed_at"] is not None, (row["closed_at"] or clock.now()) > row["due_at"]
    state = label(row["state"]) if row["state"] in TERMS else row["state"]
    meaning = "bad" if late else ("good" if closed else "soon")
    content.say("状态", f"{state}，{label('overdue')}" if late else state, meaning=meaning)
    content.say("类别", f"{row['matter_code']} {entry.name}" if entry else row["matter_code"])
    content.say("来源", label(row["channel"]) if row["channel"] in TERMS else row["channel"])
    content.say("上报时间", _moment(row["reported_at"]))
    content.say(label("due"), _moment(row["due_at"]), meaning="bad" if late and not closed else "")
    if closed:
        content.say("办结时间", _moment(row["closed_at"]))
    content.say_if("地址", row["address"])
    content.say_if("责任单位", row["assignee"])
    content.say_if(label("grid_worker"), row["worker_name"])
    content.say_if("描述", row["description"])
    steps = profiles.steps_of(connection, row["id"])
    content.ready.append(
        {
            "name": "steps",
            "title": "办理过程",
            "total": len(steps),
            "rows": [
                {
                    "kind": "event",
                    "id": str(row["id"]),
                    "title": f"{label(step['action']) if step['action'] in TERMS else step['action']} · {step['actor']}",
                    "note": step["note"],
                    "side": f"{clock.local(step['at']):%m-%d %H:%M}",
                }
                for step in steps
            ],
        }
    )
    content.actions.append({"label": "办理此案", "href": f"/cases?id={row['id']}"})
    return content


def _grid_worker(connection: Connection, row: Row) -> Content:
    given = {"id": row["id"]}
    content = Content(row["name"], row["team"], origin="网格员名册、终端定位")
    content.count("worker_cases", label("open_case"), row["worker_cases"], "件", given)
    content.count("worker_alerts", f"近 30 天{label('alert')}", row["worker_alerts"], "次", given)
    content.say("编号", row["code"])
    content.say("队伍", row["team"])
    content.say_if("电话", row["phone"])
    minutes = None if row["last_at"] is None else (clock.now() - row["last_at"]).total_seconds() / 60
    fresh = "unknown" if minutes is None or minutes > 15 else ("good" if minutes < 2 else "soon")
    content.say("最近定位", _moment(row["last_at"]), meaning=fresh)
    names = profiles.places_above(connection, [row["last_place"]]) if row["last_place"] else {}
    content.say("所在网格", names.get(row["last_place"] or "", row["last_place"]))
    content.say_if(
        "速度", None if row["last_speed"] is None else round(row["last_speed"] * 3.6, 1), "千米/时"
    )
    return content


DESCRIBE: Mapping[str, Callable[[Connection, Row], Content]] = {
    "region": _region,
    "grid": _grid,
    "building": _building,
    "address": _address,
    "room": _room,
    "person": _person,
    "poi": _poi,
    "component": _component,
    "organisation": _organisation,
    "event": _event,
    "grid_worker": _grid_worker,
}

"""The room sheet (楼盘表) drawn: a grid of rooms for every unit, coloured by who lives there, with its legend."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dash_app.parts import states
from gisapp.domain.vocabulary import label
from gisapp.services.rooms import OCCUPANCIES, Occupancy, Room, RoomSheet, Unit


def word(kind: Occupancy) -> str:
    """Chinese word of an occupancy."""
    return "未登记" if kind == "unknown" else label(kind)


def room_sheet(sheet: RoomSheet) -> Component:
    """The sheet of one building; a click on a room selects it."""
    if not sheet.rooms:
        return states.empty("本楼栋还没有房屋", "在“导入”中导入单元与房屋，或登记后再来查看。")
    return html.Div(
        [
            html.Div([_legend(kind, sheet.counts[kind]) for kind in OCCUPANCIES], className="sheet-legend"),
            html.Div([_unit(unit) for unit in sheet.units], className="sheet-units"),
        ],
        className="room-sheet",
    )


def _legend(kind: Occupancy, count: int) -> html.Span:
    return html.Span(
        [html.I(className=f"room-key {kind}"), word(kind), html.B(f"{count}", className="num")],
        className="sheet-key" if count else "sheet-key none",
    )


def _unit(unit: Unit) -> html.Section:
    rows = [
        html.Div(
            [html.Span(f"{floor} 层", className="floor-name"), *(_room(room) for room in found)],
            className="floor-row",
        )
        for floor, found in unit.floors
    ]
    return html.Section(
        [html.H3(unit.name), html.Div(rows, className="floors")],
        className="sheet-unit",
        style={"--rooms": unit.columns},
    )


def _room(room: Room) -> html.Button:
    who = "、".join(room.names) if room.names else word(room.occupancy)
    facts = [f"{room.number} 室", label(room.use) if room.occupancy != "unknown" or room.rented else ""]
    if room.people:
        facts.append(f"{room.households} 户 {room.people} 人：{who}")
    if room.area:
        facts.append(f"{room.area:g} ㎡")
    said = " · ".join(fact for fact in facts if fact)
    inner: list[Component | str] = [html.Span(room.number, className="room-number")]
    inner.append(html.Span(room.names[0] if room.names else word(room.occupancy), className="room-who"))
    if room.people > 1:
        inner.append(html.Span(f"{room.people}", className="room-count num"))
    return html.Button(
        inner,
        className=f"room {room.occupancy}" + (" rented" if room.rented else ""),
        title=said,
        **{"data-select": f"room:{room.id}", "aria-label": said},
    )

"""The room sheet (楼盘表) of a building: floors × rooms of every unit, each room by who lives there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from gisapp.domain.access import Reader
from gisapp.errors import NotFound
from gisapp.store import rooms
from gisapp.store.database import Database

Occupancy = Literal["registered", "resident", "floating", "vacant", "business_use", "unknown"]
OCCUPANCIES: tuple[Occupancy, ...] = (
    "registered",
    "resident",
    "floating",
    "business_use",
    "vacant",
    "unknown",
)
"""In the order of the legend; all but the last are terms of the vocabulary."""


@dataclass(frozen=True, slots=True)
class Room:
    """One room of a sheet.

    Attributes:
        occupancy: who lives there: the most settled residence found among its people; without people, its use.
        rented: let to others, whoever lives there.
        names: masked names, at most eight.
    """

    id: int
    number: str
    floor: int
    use: str
    occupancy: Occupancy
    rented: bool
    people: int
    households: int
    area: float | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a building: its rooms by floor, top floor first."""

    id: int
    name: str
    floors: tuple[tuple[int, tuple[Room, ...]], ...]

    @property
    def columns(self) -> int:
        """Largest number of rooms on one floor."""
        return max((len(found) for _, found in self.floors), default=0)


@dataclass(frozen=True, slots=True)
class RoomSheet:
    """All units of a building, and how many rooms are of each occupancy."""

    building_id: int
    place: str
    title: str
    units: tuple[Unit, ...]
    counts: dict[Occupancy, int]

    @property
    def rooms(self) -> int:
        return sum(self.counts.values())


def occupancy_of(use: str, registered: int, resident: int, floating: int) -> Occupancy:
    """Who lives in a room, as one word."""
    found: tuple[tuple[Occupancy, int], ...] = (
        ("registered", registered),
        ("resident", resident),
        ("floating", floating),
    )
    for kind, count in found:
        if count:
            return kind
    if use == "business_use":
        return "business_use"
    return "vacant" if use == "vacant" else "unknown"


def room_sheet(database: Database, reader: Reader, building_id: int) -> RoomSheet:
    """The room sheet of one building.

    Raises:
        NotFound: no such building within the reader's scope.
    """
    with database.begin(reader) as connection:
        found = rooms.find_building(connection, building_id)
        if found is None:
            raise NotFound(f"没有找到编号为 {building_id} 的楼栋。", remedy="它可能不在您的管辖范围内。")
        rows = rooms.sheet_rows(connection, building_id)
    counts: dict[Occupancy, int] = dict.fromkeys(OCCUPANCIES, 0)
    units = []
    for (unit_id, name), members in groupby(rows, key=lambda row: (row["unit_id"], row["unit_name"])):
        floors = []
        for floor, on_floor in groupby(members, key=lambda row: row["floor"]):
            made = []
            for row in on_floor:
                kind = occupancy_of(row["use"], row["registered"], row["resident"], row["floating"])
                counts[kind] += 1
                made.append(
                    Room(
                        id=row["id"],
                        number=row["number"],
                        floor=floor,
                        use=row["use"],
                        occupancy=kind,
                        rented=row["use"] == "rented",
                        people=row["people"],
                        households=row["households"],
                        area=row["area"],
                        names=tuple(row["names"]),
                    )
                )
            floors.append((floor, tuple(made)))
        units.append(Unit(unit_id, name, tuple(floors)))
    estate, name = found["estate"], found["name"]
    title = name if name.startswith(estate) else f"{estate} {name}".strip()
    return RoomSheet(found["id"], found["place"], title or f"楼栋 {building_id}", tuple(units), counts)

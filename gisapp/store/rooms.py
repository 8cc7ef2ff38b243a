"""Rooms of a building and who is registered in them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select, text

from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.places import building


def find_building(connection: Connection, building_id: int) -> RowMapping | None:
    """Name, estate and place key of a building within the reader's scope."""
    columns = (building.c.id, building.c.place, building.c.name, building.c.estate, building.c.floors)
    return connection.execute(select(*columns).where(building.c.id == building_id)).mappings().first()


def sheet_rows(connection: Connection, building_id: int) -> Sequence[RowMapping]:
    """One row for each room: unit, floor, number, use, counts by residence, masked names."""
    return connection.execute(text(load_sql("rooms/sheet")), {"building": building_id}).mappings().all()

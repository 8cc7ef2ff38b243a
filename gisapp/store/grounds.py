"""Grids and regions as ground to stand on: what a position is looked up in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text, union

from gisapp.store.tables.places import grid, region


def revision(connection: Connection) -> int:
    """Number that grows whenever a grid or region changes."""
    return int(connection.execute(text("SELECT onemap.revision('{grid,region}')")).scalar_one())


def changes(connection: Connection) -> list[datetime]:
    """Instants at which some grid begins or ceases to hold, in order."""
    begins = select(grid.c.valid_from.label("at"))
    ends = select(grid.c.valid_to.label("at")).where(grid.c.valid_to.is_not(None))
    return sorted(connection.execute(union(begins, ends)).scalars())


def grids_now(connection: Connection) -> tuple[list[str], NDArray[np.object_]]:
    """Codes and polygons (EPSG:4490) of the grids in force."""
    rows = connection.execute(
        select(grid.c.place, func.ST_AsBinary(grid.c.geom)).where(grid.c.valid_to.is_(None))
    ).all()
    return [row[0] for row in rows], shapely.from_wkb([bytes(row[1]) for row in rows])


@dataclass(frozen=True, slots=True)
class History:
    """All grids that are or were in force: codes, polygons (EPSG:4490), first instants, and those of the end, None for now."""

    codes: list[str]
    polygons: NDArray[np.object_]
    begins: list[datetime]
    ends: list[datetime | None]

    def at(self, at: datetime) -> tuple[list[str], NDArray[np.object_]]:
        """Codes and polygons of the grids that held at an instant."""
        held = [
            i
            for i, (begin, end) in enumerate(zip(self.begins, self.ends, strict=True))
            if begin <= at and (end is None or end > at)
        ]
        return [self.codes[i] for i in held], self.polygons[held]


def history(connection: Connection) -> History:
    """All grids that are or were in force."""
    rows = connection.execute(
        select(grid.c.place, func.ST_AsBinary(grid.c.geom), grid.c.valid_from, grid.c.valid_to)
    ).all()
    polygons = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    return History([row[0] for row in rows], polygons, [row[2] for row in rows], [row[3] for row in rows])


def regions(connection: Connection) -> list[tuple[int, str, shapely.Geometry]]:
    """Digits, code and polygon (EPSG:4490) of every drawn region, the deepest levels first."""
    rows = connection.execute(
        select(region.c.level, region.c.place, func.ST_AsBinary(region.c.geom))
        .where(region.c.geom.is_not(None))
        .order_by(region.c.level.desc(), region.c.place)
    )
    return [(row[0], row[1], shapely.from_wkb(bytes(row[2]))) for row in rows]

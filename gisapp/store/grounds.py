"""Grids and regions as ground to stand on: what a position is looked up in."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, func, select, text, union

from gisapp.store.tables.places import grid, region


def revision(connection: Connection) -> int:
    """Number that grows whenever a grid or region changes."""
    return int(connection.execute(text("SELECT onemap.revision('{grid,region}')")).scalar_one())


def changes(connection: Connection) -> list[datetime]:
    """Instants at which some grid begins or ceases to hold, in order."""
    begins = select(grid.c.valid_from.label("at"))
    ends = select(grid.c.valid_to.label("at")).where(grid.c.valid_to.is_not(None))
    return sorted(connection.execute(union(begins, ends)).scalars())


def grids_at(connection: Connection, at: datetime | None) -> tuple[list[str], NDArray[np.object_]]:
    """Codes and polygons (EPSG:4490) of the grids that hold at an instant, or now where none is given."""
    held: ColumnElement[bool] = grid.c.valid_to.is_(None)
    if at is not None:
        held = (grid.c.valid_from <= at) & (held | (grid.c.valid_to > at))
    rows = connection.execute(select(grid.c.place, func.ST_AsBinary(grid.c.geom)).where(held)).all()
    return [row[0] for row in rows], shapely.from_wkb([bytes(row[1]) for row in rows])


def regions(connection: Connection) -> list[tuple[int, str, shapely.Geometry]]:
    """Digits, code and polygon (EPSG:4490) of every drawn region, the deepest levels first."""
    rows = connection.execute(
        select(region.c.level, region.c.place, func.ST_AsBinary(region.c.geom))
        .where(region.c.geom.is_not(None))
        .order_by(region.c.level.desc(), region.c.place)
    )
    return [(row[0], row[1], shapely.from_wkb(bytes(row[2]))) for row in rows]

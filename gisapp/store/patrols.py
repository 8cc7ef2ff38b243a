"""What patrols walk on: workers with their grids, and the streets around."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, func, select

from gisapp.store.tables.places import grid, road
from gisapp.store.tables.work import grid_worker


def workers_with_grids(connection: Connection, prefix: str, limit: int) -> Sequence[RowMapping]:
    """Active workers below a prefix whose place is a grid in force: id, place, name, grid as WKB (EPSG:4490)."""
    query = (
        select(
            grid_worker.c.id,
            grid_worker.c.place,
            grid_worker.c.name,
            func.ST_AsBinary(grid.c.geom).label("geom"),
        )
        .join(grid, grid.c.place == grid_worker.c.place)
        .where(
            grid_worker.c.active,
            grid_worker.c.place.startswith(prefix, autoescape=True),
            grid.c.valid_to.is_(None),
        )
        .order_by(grid_worker.c.place, grid_worker.c.id)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def walkable_streets(connection: Connection, box: tuple[float, float, float, float]) -> list[bytes]:
    """Walkable street pieces that touch a box (west, south, east, north in degrees), as WKB (EPSG:4490)."""
    envelope = func.ST_MakeEnvelope(*box, 4490)
    query = (
        select(func.ST_AsBinary(road.c.geom))
        .where(road.c.walkable, road.c.geom.op("&&")(envelope))
        .order_by(road.c.id)
    )
    return [bytes(row[0]) for row in connection.execute(query)]

"""What a reader's scope is called and where it lies."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from gisapp.store.tables.places import grid, region


def names_of(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Names of regions by key; keys that are no region are left out."""
    rows = connection.execute(select(region.c.place, region.c.name).where(region.c.place.in_(keys)))
    return {row.place: row.name for row in rows}


def grid_names_of(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Names of the grids in force by key."""
    rows = connection.execute(
        select(grid.c.place, grid.c.name).where(grid.c.place.in_(keys), grid.c.valid_to.is_(None))
    )
    return {row.place: row.name for row in rows}


def extents_of(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[float, float, float, float]]:
    """West, south, east, north (EPSG:4490, degrees) of drawn regions by key; those that are not drawn are left out."""
    shape = region.c.geom
    edges = (func.ST_XMin(shape), func.ST_YMin(shape), func.ST_XMax(shape), func.ST_YMax(shape))
    rows = connection.execute(
        select(region.c.place, *edges).where(region.c.place.in_(keys), shape.is_not(None))
    )
    return {place: (west, south, east, north) for place, west, south, east, north in rows}


def topmost_regions(connection: Connection) -> list[tuple[str, str]]:
    """Key and name of the drawn regions of the highest level that has any."""
    drawn = region.c.geom.is_not(None)
    level = select(func.min(region.c.level)).where(drawn).scalar_subquery()
    rows = connection.execute(
        select(region.c.place, region.c.name).where(drawn, region.c.level == level).order_by(region.c.place)
    )
    return [(row.place, row.name) for row in rows]


def extent_of(connection: Connection, *prefixes: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north (EPSG:4490, degrees) of what is drawn at or below keys; None for nothing."""
    for table in (region, grid):
        box = func.ST_Extent(table.c.geom)
        query = select(func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box)).where(
            table.c.place.op("^@")(func.any(list(prefixes)))
        )
        west, south, east, north = connection.execute(query).one()
        if west is not None:
            return (float(west), float(south), float(east), float(north))
    return None

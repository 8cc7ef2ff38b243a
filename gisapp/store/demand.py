"""Counts of cases by H3 cell, day and grid, behind the demand layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text

from gisapp.store.copying import copy_frame
from gisapp.store.locks import lock_districts
from gisapp.store.tables.analysis import hexagon
from gisapp.store.tables.work import event

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CasePlaces:
    """Position, grid and local day of every case."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    place: NDArray[np.object_]
    day: NDArray[np.datetime64]


def days_of_cases(connection: Connection) -> tuple[date | None, date | None]:
    """Local days of the first and the last case that the reader may see."""
    zone = func.timezone("Asia/Shanghai", event.c.reported_at)
    row = connection.execute(select(func.min(zone), func.max(zone))).one()
    return (None, None) if row[0] is None else (row[0].date(), row[1].date())


def hold(connection: Connection, prefixes: Sequence[str], *, for_one: bool = False) -> None:
    """Let counting anew and counting one more case take turns: before either reads anything.

    Args:
        for_one: to count one more case; those who do that need not wait for each other here.
    """
    lock_districts(connection, "onemap.demand", prefixes, shared=for_one)


def case_places(connection: Connection, prefixes: Sequence[str]) -> CasePlaces:
    """Position, grid and local day of the cases within prefixes that the reader may see."""
    cursor = connection.connection.cursor()
    cursor.execute(
        "SELECT st_x(geom), st_y(geom), place, (reported_at AT TIME ZONE 'Asia/Shanghai')::date FROM onemap.event "
        "WHERE place ^@ ANY(%s)",
        (list(prefixes),),
    )
    rows = cursor.fetchall()
    cursor.close()
    lon, lat, place, day = zip(*rows, strict=True) if rows else ((), (), (), ())
    return CasePlaces(
        np.array(lon, dtype=np.float64),
        np.array(lat, dtype=np.float64),
        np.array(place, dtype=object),
        np.array(day, dtype="datetime64[D]"),
    )


def counted(cases: CasePlaces, cells: Ints, resolution: int) -> pd.DataFrame:
    """Number of cases by cell, day and grid."""
    frame = pd.DataFrame({"cell": cells, "day": cases.day.astype("datetime64[s]"), "place": cases.place})
    found = frame.groupby(["cell", "day", "place"], as_index=False).size().rename(columns={"size": "n"})
    found["resolution"] = resolution
    return found


def unknown_hexagons(connection: Connection, cells: Ints) -> Ints:
    """Those of the cells whose outline is not stored yet."""
    known = (
        connection.execute(select(hexagon.c.cell).where(hexagon.c.cell.in_(cells.tolist()))).scalars().all()
    )
    return np.setdiff1d(cells, np.array(known, dtype=np.int64))


def add_hexagons(connection: Connection, cells: Ints, resolution: int, outlines: NDArray[np.object_]) -> None:
    """Store outlines of cells (EPSG:4490); somebody else may have stored them meanwhile."""
    if len(cells):
        made = shapely.to_wkb(shapely.set_srid(outlines, 4490), hex=True, include_srid=True)
        connection.execute(
            text(
                "INSERT INTO onemap.hexagon (cell, resolution, geom) SELECT c, :resolution, g::geometry "
                "FROM unnest(CAST(:cells AS bigint[]), CAST(:outlines AS text[])) AS h(c, g) ON CONFLICT DO NOTHING"
            ),
            {"cells": cells.tolist(), "resolution": resolution, "outlines": [str(g) for g in made]},
        )


def replace_counts(connection: Connection, parts: Sequence[pd.DataFrame], prefixes: Sequence[str]) -> None:
    """Put new counts in the place of those within prefixes.

    Under row security PostgreSQL copies into no table, so the rows come by way of a temporary one.
    """
    frame = pd.concat(parts, ignore_index=True)
    connection.execute(
        text("DELETE FROM onemap.demand_cell WHERE place ^@ ANY(CAST(:prefixes AS text[]))"),
        {"prefixes": list(prefixes)},
    )
    if not len(frame):
        return
    connection.execute(
        text(
            "CREATE TEMPORARY TABLE IF NOT EXISTS staged_demand "
            "(cell bigint, day date, place text, n integer, resolution smallint) ON COMMIT DELETE ROWS"
        )
    )
    connection.execute(text("TRUNCATE staged_demand"))
    columns = {name: frame[name].to_numpy() for name in ("cell", "place", "n", "resolution")}
    copy_frame(connection, "staged_demand", {**columns, "day": frame["day"].dt.date.to_numpy()})
    connection.execute(
        text(
            "INSERT INTO onemap.demand_cell (place, cell, resolution, day, n) "
            "SELECT place, cell, resolution, day, n FROM staged_demand ORDER BY resolution, day"
        )
    )


def count_one(connection: Connection, place: str, day: date, cells: Sequence[tuple[int, int]]) -> None:
    """Count one more case of a grid and a local day in cells, given as (resolution, cell)."""
    connection.execute(
        text(
            "INSERT INTO onemap.demand_cell AS d (place, cell, resolution, day, n) VALUES (:place, :cell, :resolution, "
            ":day, 1) ON CONFLICT (cell, day, place) DO UPDATE SET n = d.n + 1"
        ),
        [{"place": place, "day": day, "resolution": resolution, "cell": cell} for resolution, cell in cells],
    )

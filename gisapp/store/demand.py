"""Counts of cases by H3 cell, day and grid, behind the demand layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select, text

from gisapp.store.copying import copy_frame
from gisapp.store.tables.analysis import demand_cell, hexagon
from gisapp.store.tables.platform import data_change
from gisapp.store.tables.work import event

Ints = NDArray[np.int64]

_LOCK = 7_204_310
_REVISION = "demand_cell.counted"
"""Family under which the revision of the cases that were counted stands among the revisions."""


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


def lock(connection: Connection) -> bool:
    """Whether this transaction is the only one that counts."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())


def revision_of_cases(connection: Connection) -> int:
    """Revision of the cases in this snapshot."""
    return int(connection.execute(text("SELECT onemap.revision(ARRAY['event'])")).scalar_one())


def counted_revision(connection: Connection) -> int | None:
    """Revision of the cases that the stored counts are of; None before the first count."""
    found = connection.execute(text("SELECT onemap.revision(ARRAY[:name])"), {"name": _REVISION}).scalar_one()
    return int(found) or None


def case_places(connection: Connection) -> CasePlaces:
    """Position, grid and local day of every case that the reader may see."""
    cursor = connection.connection.cursor()
    cursor.execute(
        "SELECT st_x(geom), st_y(geom), place, (reported_at AT TIME ZONE 'Asia/Shanghai')::date FROM onemap.event"
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
    """Store outlines of cells (EPSG:4490)."""
    if len(cells):
        copy_frame(connection, hexagon, {"cell": cells, "resolution": resolution, "geom": outlines})


def replace_counts(connection: Connection, parts: Sequence[pd.DataFrame], revision: int) -> None:
    """Put new counts in the place of the old ones.

    Under row security PostgreSQL copies into no table, so the rows come by way of a temporary one.
    """
    frame = pd.concat(parts, ignore_index=True)
    connection.execute(delete(demand_cell))
    if len(frame):
        connection.execute(
            text(
                "CREATE TEMPORARY TABLE staged_demand (cell bigint, day date, place text, n integer, resolution smallint)"
                " ON COMMIT DROP"
            )
        )
        columns = {name: frame[name].to_numpy() for name in ("cell", "place", "n", "resolution")}
        copy_frame(connection, "staged_demand", {**columns, "day": frame["day"].dt.date.to_numpy()})
        connection.execute(
            text(
                "INSERT INTO onemap.demand_cell (place, cell, resolution, day, n) "
                "SELECT place, cell, resolution, day, n FROM staged_demand ORDER BY resolution, day"
            )
        )
    connection.execute(delete(data_change).where(data_change.c.family == _REVISION))
    connection.execute(insert(data_change).values(family=_REVISION, n=revision))

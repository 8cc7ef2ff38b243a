"""Closed cases counted by cell and month, for zooms at which a year of cases cannot be counted for every tile.

A closed case stays closed and keeps its grid, its point and its day, so that counts only ever grow by one; bulk changes
have them counted anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from gisapp.store.sqlfiles import load_sql

# Counting anew sees what is closed when it begins: whoever adds one meanwhile waits, and two in one grid take turns.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtext('onemap.case_density'))")
_BESIDE_OTHERS = text(
    "SELECT pg_advisory_xact_lock_shared(hashtext('onemap.case_density')), "
    "pg_advisory_xact_lock(hashtext('onemap.case_density'), hashtext(:place))"
)


def recount(connection: Connection, prefixes: Sequence[str]) -> None:
    """Count the closed cases within prefixes anew."""
    connection.execute(_ALONE)
    connection.execute(text(load_sql("derived/case_density")), {"prefixes": list(prefixes)})


def count_one(connection: Connection, place: str, lon: float, lat: float, reported_at: datetime) -> None:
    """Count one more case, which has just been closed.

    Args:
        lon, lat: degrees, EPSG:4490.
    """
    connection.execute(_BESIDE_OTHERS, {"place": place})
    connection.execute(
        text(load_sql("derived/case_closed")),
        {"place": place, "lon": lon, "lat": lat, "reported_at": reported_at},
    )

"""Re-keying: standing things that lie in changed ground get the code of the grid that they lie in now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry import Polygon
from sqlalchemy import Connection, text

from gisapp.store.grids import shape_arrays
from gisapp.store.sqlfiles import load_sql

_SURFACE = "CASE WHEN GeometryType(geom) = 'POINT' THEN geom ELSE ST_PointOnSurface(geom) END"


@dataclass(frozen=True, slots=True)
class Family:
    """One table that is re-keyed by its own point.

    Attributes:
        table: name of the table.
        point: SQL expression of the point that decides.
        condition: which of its rows are standing things of their own. What belongs to a building follows it by
            foreign key; a closed case is a fact and keeps the grid of its day.
    """

    table: str
    point: str
    condition: str = "true"


FAMILIES = (
    Family("building", "ST_PointOnSurface(geom)"),
    Family("address", "geom", "building_id IS NULL"),
    Family("organisation", "geom", "building_id IS NULL"),
    Family("component", _SURFACE),
    Family("poi", "geom"),
    Family("event", "geom", "closed_at IS NULL"),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What changes: the grids that vanish or change their ground, and all grids afterwards.

    Attributes:
        community: 12-digit code.
        touched: old codes whose ground is not the same afterwards.
        grids: new code → polygon (EPSG:4490), the whole community.
        heirs: vanished code → the grid that took over the largest part of its ground.
    """

    community: str
    touched: Sequence[str]
    grids: Mapping[str, Polygon]
    heirs: Mapping[str, str]

    def parameters(self) -> dict[str, Any]:
        return {
            "community": self.community,
            "touched": list(self.touched),
            "vanished": list(self.heirs),
            "heirs": list(self.heirs.values()),
            **shape_arrays(self.grids),
        }


def count_moves(connection: Connection, ground: Ground) -> dict[str, int]:
    """How many things of each family would change their grid, with ``people`` and ``households`` of the buildings."""
    counts: dict[str, int] = {}
    for family in FAMILIES:
        row = (
            connection.execute(text(_statement("grids_rekey_count", family)), ground.parameters())
            .mappings()
            .one()
        )
        counts[family.table] = int(row["things"])
        if family.table == "building":
            counts.update(people=int(row["people"]), households=int(row["households"]))
    vanished = list(ground.heirs)
    counts["grid_worker"] = connection.execute(
        text("SELECT count(*) FROM onemap.grid_worker WHERE place = ANY(CAST(:vanished AS text[]))"),
        {"vanished": vanished},
    ).scalar_one()
    return counts


def move_all(connection: Connection, ground: Ground, at: datetime) -> dict[str, int]:
    """Re-key everything; how many rows of each family moved (what follows by foreign key is not counted).

    Args:
        at: the instant from which the new grids hold.
    """
    parameters = ground.parameters()
    counts = {
        family.table: connection.execute(text(_statement("grids_rekey_update", family)), parameters).rowcount
        for family in FAMILIES
    }
    counts["grid_worker"] = _move_workers(connection, ground.heirs, at)
    return counts


def _statement(tail: str, family: Family) -> str:
    parts = load_sql("grids_rekey_target") + load_sql(tail)
    return (
        parts.replace("{table}", family.table)
        .replace("{point}", family.point)
        .replace("{condition}", family.condition)
        .replace("{is_building}", str(family.table == "building").lower())
    )


def _move_workers(connection: Connection, heirs: Mapping[str, str], at: datetime) -> int:
    """Workers, their accounts, the states of their rules and their open alerts go with the heir of a vanished grid.

    Until when the vanished one was a worker's own is kept: late positions from before are judged by it.
    """
    moved = 0
    for old, new in heirs.items():
        names = {"old": old, "new": new}
        connection.execute(
            text(
                "INSERT INTO onemap.worker_former_grid (worker_id, place, until) "
                "SELECT id, place, CAST(:at AS timestamptz) FROM onemap.grid_worker WHERE place = :old"
            ),
            {"old": old, "at": at},
        )
        moved += connection.execute(
            text("UPDATE onemap.grid_worker SET place = :new WHERE place = :old"), names
        ).rowcount
        connection.execute(text("UPDATE onemap.rule_state SET place = :new WHERE place = :old"), names)
        connection.execute(
            text(
                "UPDATE onemap.alert SET place = :new "
                "WHERE place = :old AND returned_at IS NULL AND withdrawn_at IS NULL"
            ),
            names,
        )
        connection.execute(
            text(
                "UPDATE onemap.app_user SET scopes = array_replace(scopes, CAST(:old AS text), CAST(:new AS text)) "
                "WHERE :old = ANY(scopes)"
            ),
            names,
        )
    return moved

"""Storing an import: rows go by COPY into a temporary table, are compared with what is there, and one set-based statement
each changes and adds. Everything happens in the caller's transaction: a killed import leaves nothing behind.

Index used: the unique index of the table's key (``ux_<table>_source`` for most).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, insert, select, text

from gisapp.errors import Conflict
from gisapp.store.copying import copy_frame
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.base import SCHEMA, SRID
from gisapp.store.tables.places import grid, region
from gisapp.store.tables.platform import app_user, import_run
from gisapp.store.tables.work import fix, grid_worker

STAGED = "staged_import"
MATCHED = "matched_import"


def lock(connection: Connection, kind: str) -> None:
    """Let imports of one kind run one after another."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"onemap.import.{kind}"}
    )


def stage(
    connection: Connection,
    table: Table,
    columns: Mapping[str, Any],
    *,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Copy rows into the temporary table ``staged_import``, whose columns have the types of the table's.

    Args:
        columns: as for ``copy_frame``, by names of the table's columns; besides, ``n`` numbers the rows.
    """
    dialect = connection.dialect
    types = {name: "integer" if name == "n" else table.c[name].type.compile(dialect) for name in columns}
    definitions = ", ".join(f"{_q(name)} {kind}" for name, kind in types.items())
    connection.execute(text(f"DROP TABLE IF EXISTS {STAGED}, {MATCHED}"))
    connection.execute(text(f"CREATE TEMPORARY TABLE {STAGED} ({definitions}) ON COMMIT DROP"))
    count = copy_frame(connection, f"pg_temp.{STAGED}", columns, progress=progress)
    connection.execute(text(f"ANALYZE {STAGED}"))
    return count


_OWN = "(t.source_account IS NULL OR t.source_account = s.source_account OR t.source_scope = s.source_scope)"
_OWN_FIRST = (
    "t.source_account IS DISTINCT FROM s.source_account, t.source_scope IS DISTINCT FROM s.source_scope, "
)
_KEPT = ("source_account", "source_scope")
"""Columns that say who brought a row: they stay what they are when somebody of the same scope changes it."""


def match(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    function: str | None = None,
    *,
    own: bool = False,
) -> tuple[int, int]:
    """Find the staged rows that the table has already, into the temporary table ``matched_import``.

    Args:
        table: where they are looked for, within the reader's scope.
        key: columns that make a row the same; place decides between several.
        function: of the database, instead of reading the table (its first column is the key), where the application may
            not read it.
        own: only rows of the same account or of the same scope are the same, and those of which neither is known.

    Returns:
        how many are there, and how many of those differ in content or place.
    """
    target = (
        f"{SCHEMA}.{function}((SELECT array_agg({_q(key[0])}) FROM {STAGED}))" if function else _name(table)
    )
    same = " AND ".join(f"t.{_q(c)} = s.{_q(c)}" for c in key) + (f" AND {_OWN}" if own else "")
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {MATCHED} ON COMMIT DROP AS "
            f"SELECT DISTINCT ON (s.n) s.n, t.id, t.place AS old_place, "
            f"       t.digest IS DISTINCT FROM s.digest OR t.place <> s.place AS changed "
            # Public geography is seen beyond the reader's scope, but is not the reader's to change there.
            f"  FROM {STAGED} s JOIN {target} t ON {same} AND t.place ^@ ANY (onemap.scopes()) "
            f" ORDER BY s.n, {_OWN_FIRST if own else ''}t.place <> s.place, t.id"
        )
    )
    connection.execute(text(f"ANALYZE {MATCHED}"))
    row = connection.execute(text(f"SELECT count(*), count(*) FILTER (WHERE changed) FROM {MATCHED}")).one()
    return int(row[0]), int(row[1])


def apply(connection: Connection, table: Table, columns: Sequence[str], *, added: int, changed: int) -> None:
    """Change what differs and add what is new. A statement that would change no row is not run, so that nothing that
    watches the table takes it for a change.

    Args:
        columns: of the staged table that are stored.

    Raises:
        Conflict: somebody else has changed or moved the rows meanwhile.
    """
    if changed:
        sets = ", ".join(
            f"{_q(c)} = " + (f"coalesce(t.{_q(c)}, s.{_q(c)})" if c in _KEPT else f"s.{_q(c)}")
            for c in columns
        )
        stamp = ", updated_at = now()" if "updated_at" in table.c else ""
        done = connection.execute(
            text(
                f"UPDATE {_name(table)} t SET {sets}{stamp} FROM {STAGED} s "
                f"JOIN {MATCHED} m ON m.n = s.n "
                f"WHERE m.changed AND t.id = m.id AND t.place = m.old_place"
            )
        )
        if done.rowcount != changed:
            raise Conflict(
                "导入期间，文件中的部分数据被他人修改或移到了别的网格；没有写入任何数据。",
                remedy="请重新导入。",
            )
    if added:
        names = ", ".join(_q(c) for c in columns)
        connection.execute(
            text(
                f"INSERT INTO {_name(table)} ({names}) SELECT {names} FROM {STAGED} s "
                f"WHERE NOT EXISTS (SELECT 1 FROM {MATCHED} m WHERE m.n = s.n) ORDER BY s.n"
            )
        )


def former_places(connection: Connection) -> list[str]:
    """Places that the rows of ``matched_import`` had before."""
    return list(connection.scalars(text(f"SELECT DISTINCT old_place FROM {MATCHED} WHERE changed")))


def place_layers(
    connection: Connection, at: datetime | None = None
) -> list[tuple[list[str], NDArray[np.object_]]]:
    """Polygons that give place keys: the grids in force, then regions from the deepest level up.

    Args:
        at: the instant; now where none is given.
    """
    held: ColumnElement[bool] = grid.c.valid_to.is_(None)
    if at is not None:
        held = (grid.c.valid_from <= at) & (held | (grid.c.valid_to > at))
    grids = connection.execute(
        select(grid.c.place, grid.c.geom.ST_AsBinary()).where(held).order_by(grid.c.place)
    ).all()
    regions = connection.execute(
        select(region.c.place, region.c.geom.ST_AsBinary(), region.c.level)
        .where(region.c.geom.is_not(None))
        .order_by(region.c.level.desc(), region.c.place)
    ).all()
    layers = [_layer(grids)]
    for level in dict.fromkeys(row[2] for row in regions):
        layers.append(_layer([row for row in regions if row[2] == level]))
    return [found for found in layers if found[0]]


def _layer(rows: Sequence[Any]) -> tuple[list[str], NDArray[np.object_]]:
    shapes = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    return [str(row[0]) for row in rows], np.atleast_1d(np.asarray(shapes, dtype=object))


def grid_changes(connection: Connection) -> list[datetime]:
    """Instants at which a grid version took effect, ascending."""
    return list(connection.scalars(select(grid.c.valid_from).distinct().order_by(grid.c.valid_from)))


def known_regions(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Regions of some keys: key → (name, source)."""
    rows = connection.execute(
        select(region.c.place, region.c.name, region.c.source).where(region.c.place.in_(keys))
    )
    return {row.place: (row.name, row.source) for row in rows}


def known_places(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Which of some keys are regions or grids."""
    grids = select(grid.c.place).where(grid.c.place.in_(keys), grid.c.valid_to.is_(None))
    return set(connection.scalars(select(region.c.place).where(region.c.place.in_(keys)).union(grids)))


def region_names(connection: Connection) -> list[str]:
    """Names of all regions that the reader sees, the longest first."""
    return sorted(connection.scalars(select(region.c.name).distinct()), key=len, reverse=True)


def add_regions(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add regions: place, level, name, source."""
    if rows:
        connection.execute(insert(region), list(rows))


def stretch_region(
    connection: Connection, key: str, box: tuple[float, float, float, float], source: str
) -> None:
    """Let a region that has no drawn border reach over a box (west, south, east, north in degrees) too."""
    values = dict(zip(("west", "south", "east", "north"), box, strict=True))
    connection.execute(text(load_sql("importing/stretch_region")), {"place": key, "source": source, **values})


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """A stored address: building (None if it is tied to none), place key, point in degrees, unit and room as written."""

    building_id: int | None
    place: str
    lon: float
    lat: float
    unit: str
    room: str


def addresses_of(connection: Connection, texts: Sequence[str], prefix: str) -> dict[str, KnownAddress]:
    """Stored addresses by their normalised text; a text that stands for several buildings is left out.

    Args:
        texts: normalised, without names of regions before them.
        prefix: regular expression of the names of regions that may stand before a stored address.
    """
    if not texts:
        return {}
    rows = connection.execute(
        text(load_sql("importing/addresses_of")), {"texts": list(texts), "prefix": prefix}
    )
    return {row[0]: KnownAddress(*row[1:]) for row in rows}


Rooms = dict[tuple[int, str], list[tuple[int, str, int]]]
"""(building id, room number) → (room id, place key, number of the unit) of each."""


def rooms_of(connection: Connection, buildings: Sequence[int]) -> Rooms:
    """Rooms of buildings by building and number."""
    found: Rooms = {}
    if buildings:
        for row in connection.execute(text(load_sql("importing/rooms_of")), {"buildings": list(buildings)}):
            found.setdefault((row.building_id, row.number.casefold()), []).append(
                (row.id, row.place, row.unit)
            )
    return found


def buildings_at(
    connection: Connection, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> dict[int, tuple[int, str]]:
    """The building on whose ground each point (degrees, EPSG:4490) lies: position in the arrays → (id, place key)."""
    connection.execute(text("DROP TABLE IF EXISTS import_points"))
    connection.execute(
        text(f"CREATE TEMPORARY TABLE import_points (n integer, geom geometry(Point, {SRID})) ON COMMIT DROP")
    )
    copy_frame(connection, "pg_temp.import_points", {"n": np.arange(len(lon)), "geom": (lon, lat)})
    connection.execute(text("ANALYZE import_points"))
    rows = connection.execute(text(load_sql("importing/buildings_at")))
    return {row.n: (row.id, row.place) for row in rows}


def workers_of(connection: Connection, codes: Sequence[str]) -> dict[str, int]:
    """Ids of grid workers by code."""
    rows = connection.execute(
        select(grid_worker.c.code, grid_worker.c.id).where(grid_worker.c.code.in_(codes))
    )
    return {row.code: row.id for row in rows}


def add_fixes(connection: Connection, columns: Mapping[str, Any]) -> int:
    """Add fixes that are not known yet, making the partitions of their days; returns how many."""
    stage(connection, fix, {**columns, "n": np.arange(len(columns["at"]))})
    connection.execute(
        text(
            "SELECT onemap.ensure_fix_partitions(day, day) FROM ("
            f"SELECT DISTINCT (at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM {STAGED}) d"
        )
    )
    return int(connection.execute(text(load_sql("importing/add_fixes"))).rowcount)


def record_run(connection: Connection, values: Mapping[str, Any]) -> int:
    """Write down that an import took place; returns its number."""
    return int(
        connection.execute(insert(import_run).values(**values).returning(import_run.c.id)).scalar_one()
    )


def runs(connection: Connection, limit: int) -> Sequence[RowMapping]:
    """Records of imports, the newest first, with the name of who imported."""
    query = (
        select(
            import_run.c.id,
            import_run.c.kind,
            import_run.c.file_name,
            import_run.c.crs,
            import_run.c.started_at,
            import_run.c.summary,
            func.coalesce(app_user.c.name, "命令行").label("by"),
        )
        .outerjoin(app_user, app_user.c.id == import_run.c.user_id)
        .order_by(import_run.c.id.desc())
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def run_statement(connection: Connection, name: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """Run ``store/sql/importing/<name>.sql``, which may read ``staged_import`` and ``matched_import``."""
    return connection.execute(text(load_sql(f"importing/{name}")), dict(parameters or {}))


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _name(table: Table) -> str:
    return f"{_q(str(table.schema))}.{_q(table.name)}"

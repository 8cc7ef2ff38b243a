"""The database as a whole: what is in it, emptying it, and rows that bring their own ids. For bulk loads by the owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from gisapp.errors import Conflict
from gisapp.store.copying import copy_frame
from gisapp.store.security import keyed_tables
from gisapp.store.tables import metadata

_KEPT = {"look"}
"""Not emptied: the record of who looked at personal data outlives the data."""


def data_tables() -> list[str]:
    """Names of all tables that hold data of places, parents first."""
    return [table.name for table in keyed_tables(metadata) if table.name not in _KEPT]


def filled_tables(connection: Connection) -> dict[str, int]:
    """Number of rows of each table that has any."""
    counts: dict[str, int] = {}
    for name in data_tables():
        if connection.scalar(text(f"SELECT EXISTS (SELECT FROM onemap.{name})")):
            counts[name] = int(connection.scalar(text(f"SELECT count(*) FROM onemap.{name}")) or 0)
    return counts


def empty(connection: Connection) -> None:
    """Remove all data of places; accounts and the record of looks stay."""
    names = ", ".join(f"onemap.{name}" for name in data_tables())
    connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


def hold_alone(connection: Connection) -> None:
    """Let no other bulk load run until the transaction ends.

    Raises:
        Conflict: another one is running.
    """
    if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(hashtext('onemap.whole'))")):
        raise Conflict(
            "另一个批量载入正在进行。", remedy="请等它结束后再运行；若它已被中止，几秒后即可再试。"
        )


def regions_from(connection: Connection, source: str) -> dict[str, str]:
    """Regions of level district by place key, with the digest that their source left."""
    rows = connection.execute(
        text("SELECT place, coalesce(digest, '') FROM onemap.region WHERE source = :source AND level = 6"),
        {"source": source},
    )
    return {row[0]: row[1] for row in rows}


def other_regions(connection: Connection, source: str) -> int:
    """How many regions come from elsewhere than a source."""
    return int(
        connection.scalar(
            text("SELECT count(*) FROM onemap.region WHERE source <> :source"), {"source": source}
        )
        or 0
    )


def id_of(connection: Connection, name: str, place: str) -> int | None:
    """The lowest id of a table at exactly a place; None if there is none."""
    query = text(f"SELECT min(id) FROM onemap.{name} WHERE place = :place")
    found: int | None = connection.scalar(query, {"place": place})
    return found


def fill(
    connection: Connection,
    tables: Mapping[str, Mapping[str, Any]],
    days: Iterable[date],
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Append rows of many tables by binary COPY.

    Args:
        tables: columns by table, parents first; rows bring their ids.
        days: local days of fixes, whose partitions are made first.
        progress: called with the number of rows sent so far, of all tables.

    Returns:
        rows by table.
    """
    for day in days:
        connection.execute(text("SELECT onemap.ensure_fix_partitions(:day, :day)"), {"day": day})
    counts: dict[str, int] = {}
    for name, columns in tables.items():
        told = None if progress is None else _on_top_of(sum(counts.values()), progress)
        counts[name] = copy_frame(connection, metadata.tables[f"onemap.{name}"], columns, progress=told)
    return counts


def _on_top_of(before: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    return lambda rows: progress(before + rows)


def continue_ids(connection: Connection, names: Iterable[str]) -> None:
    """Let the next id of tables follow the highest that is stored."""
    for name in names:
        if "id" in metadata.tables[f"onemap.{name}"].columns:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('onemap.{name}', 'id'), "
                    f"(SELECT coalesce(max(id), 1) FROM onemap.{name}))"
                )
            )


def analyse(connection: Connection, names: Iterable[str]) -> None:
    """Refresh the planner's statistics, so that the first questions are answered as fast as the later ones."""
    for name in names:
        connection.execute(text(f"ANALYZE onemap.{name}"))

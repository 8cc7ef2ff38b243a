"""Alerts: what a rule raised, when things were in order again, who took note of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, text, update

from gisapp.checks.definition import Raised
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.base import SRID
from gisapp.store.tables.platform import app_user
from gisapp.store.tables.work import alert, grid_worker


@dataclass(frozen=True, slots=True)
class Stored:
    """An alert as intake needs it."""

    id: int
    rule: str
    worker: int
    opened_at: datetime
    raised_at: datetime
    returned_at: datetime | None


def since(connection: Connection, begins: Mapping[int, datetime]) -> dict[int, list[Stored]]:
    """Alerts of workers that were open at an instant or opened later, in order of opening; withdrawn ones are not.

    Args:
        begins: the instant for each worker.
    """
    found: dict[int, list[Stored]] = {worker: [] for worker in begins}
    values = {"workers": list(begins), "begins": list(begins.values())}
    for row in connection.execute(text(load_sql("alerts/since")), values):
        found[row.worker_id].append(
            Stored(row.id, row.rule, row.worker_id, row.opened_at, row.raised_at, row.returned_at)
        )
    return found


def open_ones(connection: Connection, workers: Iterable[int]) -> dict[tuple[str, int], int]:
    """Ids of the open alerts of workers, by rule and worker."""
    columns = alert.c
    rows = connection.execute(
        select(columns.id, columns.rule, columns.worker_id).where(
            columns.worker_id == func.any(list(workers)),
            columns.returned_at.is_(None),
            columns.withdrawn_at.is_(None),
        )
    )
    return {(row.rule, row.worker_id): row.id for row in rows}


@dataclass(frozen=True, slots=True)
class Fresh:
    """An alert that is to be stored."""

    rule: str
    worker: int
    place: str
    title: str
    raised: Raised
    returned_at: datetime | None


def raise_all(connection: Connection, fresh: Sequence[Fresh]) -> list[int]:
    """Store new alerts; returns their ids in the same order."""
    if not fresh:
        return []
    rows = connection.execute(
        insert(alert)
        .values(
            [
                {
                    "rule": one.rule,
                    "worker_id": one.worker,
                    "place": one.place,
                    "title": one.title,
                    "opened_at": one.raised.opened_at,
                    "raised_at": one.raised.raised_at,
                    "returned_at": one.returned_at,
                    "evidence": one.raised.evidence,
                    "geom": _point(one.raised),
                }
                for one in fresh
            ]
        )
        .returning(alert.c.id, alert.c.rule, alert.c.worker_id, alert.c.opened_at)
    )
    ids = {(row.rule, row.worker_id, row.opened_at): int(row.id) for row in rows}
    return [ids[one.rule, one.worker, one.raised.opened_at] for one in fresh]


def _point(raised: Raised) -> Any:
    return func.ST_SetSRID(func.ST_MakePoint(raised.lon, raised.lat), SRID)


def close(connection: Connection, returned: Mapping[int, datetime]) -> None:
    """Things are in order again: the instant for each alert."""
    if returned:
        values = {"ids": list(returned), "instants": list(returned.values())}
        connection.execute(text(load_sql("alerts/close")), values)


def correct(
    connection: Connection, identifier: int, raised: Raised | None, returned_at: datetime | None
) -> None:
    """Bring an alert in line with what all positions, the late ones included, prove."""
    values: dict[str, Any] = {"returned_at": returned_at}
    if raised is not None:
        values |= {
            "opened_at": raised.opened_at,
            "raised_at": raised.raised_at,
            "evidence": raised.evidence,
            "geom": _point(raised),
        }
    connection.execute(update(alert).where(alert.c.id == identifier).values(**values))


def withdraw(connection: Connection, identifiers: Sequence[int]) -> None:
    """Late positions proved alerts wrong: they stay in the record and are shown no more."""
    if identifiers:
        chosen = alert.c.id == func.any(list(identifiers))
        connection.execute(update(alert).where(chosen).values(withdrawn_at=func.clock_timestamp()))


def lock(connection: Connection, identifier: int) -> None:
    """Keep an alert within the reader's scope as it is until the end of the transaction."""
    connection.execute(select(alert.c.id).where(alert.c.id == identifier).with_for_update())


def acknowledge(connection: Connection, identifier: int, user: int) -> None:
    """Note who took note of an alert that the caller has locked, and that it is now."""
    connection.execute(
        update(alert)
        .where(alert.c.id == identifier)
        .values(acknowledged_at=func.clock_timestamp(), acknowledged_by=user)
    )


def page(
    connection: Connection,
    *,
    prefix: str = "",
    open_only: bool = False,
    since: datetime | None = None,
    limit: int = 100,
) -> Sequence[RowMapping]:
    """Alerts within the reader's scope, the newest first."""
    values: Mapping[str, Any] = {"prefix": prefix, "open_only": open_only, "since": since, "limit": limit}
    return connection.execute(text(load_sql("alerts/list")), values).mappings().all()


def find(connection: Connection, identifier: int) -> RowMapping | None:
    """One alert within the reader's scope, withdrawn or not, or None."""
    return find_all(connection, [identifier]).get(identifier)


def find_all(connection: Connection, identifiers: Sequence[int]) -> dict[int, RowMapping]:
    """Alerts within the reader's scope by id, withdrawn or not."""
    columns = alert.c
    statement = (
        select(
            columns.id,
            columns.place,
            columns.rule,
            columns.worker_id,
            grid_worker.c.name.label("worker"),
            columns.title,
            columns.opened_at,
            columns.raised_at,
            columns.returned_at,
            columns.withdrawn_at,
            columns.acknowledged_at,
            app_user.c.name.label("acknowledged_by"),
            columns.evidence,
            func.ST_X(columns.geom).label("lon"),
            func.ST_Y(columns.geom).label("lat"),
        )
        .select_from(
            alert.outerjoin(grid_worker, grid_worker.c.id == columns.worker_id).outerjoin(
                app_user, app_user.c.id == columns.acknowledged_by
            )
        )
        .where(columns.id == func.any(list(identifiers)))
    )
    return {row["id"]: row for row in connection.execute(statement).mappings()}

"""Alerts: what a rule raised, when things were in order again, who took note of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, text, update

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


def since(connection: Connection, worker: int, at: datetime) -> list[Stored]:
    """Alerts of a worker that were open at an instant or opened later, in order of opening; withdrawn ones are not."""
    columns = alert.c
    rows = connection.execute(
        select(columns.id, columns.rule, columns.opened_at, columns.raised_at, columns.returned_at)
        .where(
            columns.worker_id == worker,
            columns.withdrawn_at.is_(None),
            or_(columns.returned_at.is_(None), columns.returned_at >= at),
        )
        .order_by(columns.opened_at, columns.id)
    )
    return [Stored(row.id, row.rule, worker, row.opened_at, row.raised_at, row.returned_at) for row in rows]


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


def raise_one(
    connection: Connection,
    *,
    rule: str,
    worker: int,
    place: str,
    title: str,
    raised: Raised,
    returned_at: datetime | None = None,
) -> int:
    """Store a new alert; returns its id."""
    done = connection.execute(
        insert(alert)
        .values(
            rule=rule,
            worker_id=worker,
            place=place,
            title=title,
            opened_at=raised.opened_at,
            raised_at=raised.raised_at,
            returned_at=returned_at,
            evidence=raised.evidence,
            geom=_point(raised),
        )
        .returning(alert.c.id)
    )
    return int(done.scalar_one())


def _point(raised: Raised) -> Any:
    return func.ST_SetSRID(func.ST_MakePoint(raised.lon, raised.lat), SRID)


def close(connection: Connection, identifier: int, returned_at: datetime) -> None:
    """Things are in order again."""
    connection.execute(update(alert).where(alert.c.id == identifier).values(returned_at=returned_at))


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


def withdraw(connection: Connection, identifier: int) -> None:
    """Late positions proved an alert wrong: it stays in the record and is shown no more."""
    connection.execute(update(alert).where(alert.c.id == identifier).values(withdrawn_at=func.now()))


def acknowledge(connection: Connection, identifier: int, user: int) -> bool:
    """Somebody takes note; False where somebody has before, or no such alert is in the reader's scope."""
    done = connection.execute(
        update(alert)
        .where(alert.c.id == identifier, alert.c.acknowledged_at.is_(None))
        .values(acknowledged_at=func.now(), acknowledged_by=user)
    )
    return done.rowcount == 1


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
        .where(columns.id == identifier)
    )
    return connection.execute(statement).mappings().first()

"""Counts and newest happenings for the big screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from gisapp.store.sqlfiles import load_sql


def counts(
    connection: Connection, *, prefix: str, today: datetime, tomorrow: datetime, duty: datetime
) -> RowMapping:
    """People, households, workers, cases and alerts within the reader's scope and a prefix."""
    values = {"prefix": prefix, "today": today, "tomorrow": tomorrow, "duty": duty}
    return connection.execute(text(load_sql("situation/counts")), values).mappings().one()


def by_hour(
    connection: Connection, *, prefix: str, today: datetime, tomorrow: datetime
) -> Sequence[RowMapping]:
    """Cases reported and closed by local hour; hours without any are left out."""
    values = {"prefix": prefix, "today": today, "tomorrow": tomorrow}
    return connection.execute(text(load_sql("situation/by_hour")), values).mappings().all()


def recent_steps(connection: Connection, *, since: datetime, limit: int) -> Sequence[RowMapping]:
    """The newest steps of cases within the reader's scope."""
    return (
        connection.execute(text(load_sql("situation/recent_steps")), {"since": since, "limit": limit})
        .mappings()
        .all()
    )

"""Grid workers, their positions, and what the rules remember of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, text

from gisapp.domain.workers import Fix
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.work import grid_worker, rule_state

ALL_RULES = "*"
"""Name under which the memory of all rules of one worker is stored in ``rule_state``."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as intake needs it."""

    id: int
    place: str
    name: str
    active: bool
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored position, with what was noted of it."""

    fix: Fix
    place: str
    flag: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class StoredState:
    """The rules' memory of one worker, the newest instant in it, and the place it was judged against."""

    place: str
    at: datetime
    state: dict[str, Any]


def ensure_partitions(connection: Connection, days: Iterable[date]) -> None:
    """Make the partitions of fixes that some local days need."""
    for day in sorted(days):
        connection.execute(text("SELECT onemap.ensure_fix_partitions(:day, :day)"), {"day": day})


def lock(connection: Connection, workers: Iterable[int]) -> dict[int, Worker]:
    """Workers by id, locked until the end of the transaction, in one order so that batches cannot block each other."""
    columns = grid_worker.c
    rows = connection.execute(
        select(columns.id, columns.place, columns.name, columns.active, columns.last_at)
        .where(columns.id == func.any(sorted(set(workers))))
        .order_by(columns.id)
        .with_for_update()
    )
    return {row.id: Worker(row.id, row.place, row.name, row.active, row.last_at) for row in rows}


def find(connection: Connection, worker: int) -> RowMapping | None:
    """One worker within the reader's scope, or None."""
    columns = grid_worker.c
    return (
        connection.execute(
            select(
                columns.id, columns.code, columns.name, columns.place, columns.team, columns.last_at
            ).where(columns.id == worker)
        )
        .mappings()
        .first()
    )


def live(connection: Connection, prefix: str = "") -> Sequence[RowMapping]:
    """Active workers within the reader's scope with their newest position."""
    return connection.execute(text(load_sql("workers/live")), {"prefix": prefix}).mappings().all()


def known(connection: Connection, fixes: Sequence[Fix]) -> set[tuple[int, datetime]]:
    """Which of some positions are stored already, by worker and instant."""
    instants = [fix.at for fix in fixes]
    rows = connection.execute(
        text(load_sql("workers/known_fixes")),
        {
            "workers": [fix.worker for fix in fixes],
            "instants": instants,
            "first": min(instants),
            "last": max(instants),
        },
    )
    return {(row.worker_id, row.at) for row in rows}


def add(connection: Connection, fixes: Sequence[Fix], places: Sequence[str], flags: Sequence[str]) -> int:
    """Store positions; returns how many were new."""
    if not fixes:
        return 0
    done = connection.execute(
        text(load_sql("workers/insert_fixes")),
        {
            "workers": [fix.worker for fix in fixes],
            "instants": [fix.at for fix in fixes],
            "places": list(places),
            "accuracies": [fix.accuracy for fix in fixes],
            "speeds": [fix.speed for fix in fixes],
            "flags": list(flags),
            "lons": [fix.lon for fix in fixes],
            "lats": [fix.lat for fix in fixes],
        },
    )
    return done.rowcount


def track(connection: Connection, worker: int, first: datetime, last: datetime) -> list[Kept]:
    """Stored positions of a worker from ``first`` (included) to ``last`` (not included), in order."""
    rows = connection.execute(
        text(load_sql("workers/track")), {"worker": worker, "first": first, "last": last}
    )
    return [
        Kept(
            Fix(worker, row.at, row.lon, row.lat, row.accuracy, row.speed),
            row.place,
            row.flag,
            row.received_at,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Span:
    """Positions that lead up to an instant without a long silence, as far as they were looked at.

    Attributes:
        start: the first position after the last long silence; None where there is no position.
        earliest: the first position that was looked at.
        latest: the last position before the instant.
    """

    start: datetime | None
    earliest: datetime | None
    latest: datetime | None


def span_before(connection: Connection, worker: int, at: datetime, bound: datetime, silence: float) -> Span:
    """The span of a worker's positions that leads up to an instant, looking back no further than ``bound``.

    Args:
        silence: seconds between two positions that end a span.
    """
    values = {"worker": worker, "at": at, "bound": bound, "silence": silence}
    row = connection.execute(text(load_sql("workers/span_start")), values).one()
    return Span(row.start, row.earliest, row.latest)


def change_flags(connection: Connection, worker: int, changes: Mapping[datetime, str]) -> None:
    """Write new flags of a worker's stored positions."""
    if changes:
        connection.execute(
            text(load_sql("workers/change_flags")),
            {
                "worker": worker,
                "instants": list(changes),
                "flags": list(changes.values()),
                "first": min(changes),
                "last": max(changes),
            },
        )


def move(connection: Connection, newest: Sequence[tuple[Fix, str]]) -> None:
    """Set the newest positions of workers, each with its place key."""
    if newest:
        connection.execute(
            text(load_sql("workers/move_workers")),
            {
                "workers": [fix.worker for fix, _ in newest],
                "instants": [fix.at for fix, _ in newest],
                "places": [place for _, place in newest],
                "speeds": [fix.speed for fix, _ in newest],
                "lons": [fix.lon for fix, _ in newest],
                "lats": [fix.lat for fix, _ in newest],
            },
        )


def states(connection: Connection, workers: Iterable[int]) -> dict[int, StoredState]:
    """The rules' memory of workers; those without one are left out."""
    columns = rule_state.c
    rows = connection.execute(
        select(columns.worker_id, columns.place, columns.at, columns.state).where(
            columns.rule == ALL_RULES, columns.worker_id == func.any(list(workers))
        )
    )
    return {row.worker_id: StoredState(row.place, row.at, row.state) for row in rows}


def save_states(connection: Connection, memories: Mapping[int, StoredState]) -> None:
    """Store the rules' memory of workers."""
    if memories:
        connection.execute(
            text(load_sql("workers/save_states")),
            {
                "rule": ALL_RULES,
                "workers": list(memories),
                "places": [m.place for m in memories.values()],
                "instants": [m.at for m in memories.values()],
                "states": [json.dumps(m.state) for m in memories.values()],
            },
        )

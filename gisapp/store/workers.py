"""Grid workers, their positions, and what the rules remember of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, text

from gisapp.domain.workers import Fix
from gisapp.store.arrays import instants, numbers, words
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.work import grid_worker, worker_former_grid

ALL_RULES = "*"
"""Name under which the memory of all rules of one worker is stored in ``rule_state``."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as intake needs it.

    Attributes:
        place: the own ground now: a grid, or a region.
        former: grids that were the own before, each with the first instant at which it no longer was; in order.
    """

    id: int
    place: str
    name: str
    active: bool
    last_at: datetime | None
    former: tuple[tuple[datetime, str], ...] = ()

    def place_at(self, at: datetime) -> str:
        """The own ground at an instant."""
        return next((place for until, place in self.former if at < until), self.place)


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
    rows = connection.execute(text(load_sql("workers/lock")), {"workers": numbers(sorted(set(workers)))})
    found = {}
    for identifier, place, name, active, last_at, untils, places in rows.all():
        former = tuple(zip(untils or (), places or (), strict=True))
        found[identifier] = Worker(identifier, place, name, active, last_at, former)
    return found


def former_grid(connection: Connection, worker: int, at: datetime) -> str | None:
    """The grid that was a worker's own at an instant and has vanished since; None where none has."""
    found: str | None = connection.execute(
        select(worker_former_grid.c.place)
        .where(worker_former_grid.c.worker_id == worker, worker_former_grid.c.until > at)
        .order_by(worker_former_grid.c.until)
        .limit(1)
    ).scalar()
    return found


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
    times = [fix.at for fix in fixes]
    rows = connection.execute(
        text(load_sql("workers/known_fixes")),
        {
            "workers": numbers(fix.worker for fix in fixes),
            "instants": instants(times),
            "first": min(times),
            "last": max(times),
        },
    )
    return {(worker, at) for worker, at in rows}


def add(connection: Connection, fixes: Sequence[Fix], places: Sequence[str], flags: Sequence[str]) -> int:
    """Store positions; returns how many were new."""
    if not fixes:
        return 0
    done = connection.execute(
        text(load_sql("workers/insert_fixes")),
        {
            "workers": numbers(fix.worker for fix in fixes),
            "instants": instants(fix.at for fix in fixes),
            "places": words(places),
            "accuracies": numbers(fix.accuracy for fix in fixes),
            "speeds": numbers(fix.speed for fix in fixes),
            "flags": words(flags),
            "lons": numbers(fix.lon for fix in fixes),
            "lats": numbers(fix.lat for fix in fixes),
        },
    )
    return done.rowcount


def track(connection: Connection, worker: int, first: datetime, last: datetime) -> list[Kept]:
    """Stored positions of a worker from ``first`` (included) to ``last`` (not included), in order."""
    return tracks(connection, {worker: first}, last)[worker]


def tracks(connection: Connection, begins: Mapping[int, datetime], last: datetime) -> dict[int, list[Kept]]:
    """Stored positions of workers, each from an instant (included) to ``last`` (not included), in order."""
    found: dict[int, list[Kept]] = {worker: [] for worker in begins}
    if found:
        values = {
            "workers": list(begins),
            "begins": list(begins.values()),
            "first": min(begins.values()),
            "last": last,
        }
        for row in connection.execute(text(load_sql("workers/tracks")), values):
            fix = Fix(row.worker_id, row.at, row.lon, row.lat, row.accuracy, row.speed)
            found[row.worker_id].append(Kept(fix, row.place, row.flag, row.received_at))
    return found


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


def spans_before(
    connection: Connection, asked: Mapping[int, tuple[datetime, datetime]], silence: float
) -> dict[int, Span]:
    """The spans of workers' positions that lead up to an instant of each.

    Args:
        asked: for each worker the instant, and the bound before which nothing is looked at.
        silence: seconds between two positions that end a span.
    """
    values = {
        "workers": list(asked),
        "instants": [at for at, _ in asked.values()],
        "bounds": [bound for _, bound in asked.values()],
        "first": min(bound for _, bound in asked.values()),
        "last": max(at for at, _ in asked.values()),
        "silence": silence,
    }
    rows = connection.execute(text(load_sql("workers/span_starts")), values)
    return {row.worker: Span(row.start, row.earliest, row.latest) for row in rows}


def change_flags(connection: Connection, changes: Mapping[tuple[int, datetime], str]) -> None:
    """Write new flags of stored positions, by worker and instant."""
    if changes:
        instants = [at for _, at in changes]
        connection.execute(
            text(load_sql("workers/change_flags")),
            {
                "workers": [worker for worker, _ in changes],
                "instants": instants,
                "flags": list(changes.values()),
                "first": min(instants),
                "last": max(instants),
            },
        )


def move(connection: Connection, newest: Sequence[tuple[Fix, str]]) -> None:
    """Set the newest positions of workers, each with its place key."""
    if newest:
        connection.execute(
            text(load_sql("workers/move_workers")),
            {
                "workers": numbers(fix.worker for fix, _ in newest),
                "instants": instants(fix.at for fix, _ in newest),
                "places": words(place for _, place in newest),
                "speeds": numbers(fix.speed for fix, _ in newest),
                "lons": numbers(fix.lon for fix, _ in newest),
                "lats": numbers(fix.lat for fix, _ in newest),
            },
        )


def states(connection: Connection, workers: Iterable[int]) -> dict[int, StoredState]:
    """The rules' memory of workers; those without one are left out."""
    values = {"rule": ALL_RULES, "workers": numbers(workers)}
    rows = connection.execute(text(load_sql("workers/states")), values)
    return {worker: StoredState(place, at, state) for worker, place, at, state in rows.all()}


def save_states(connection: Connection, memories: Mapping[int, StoredState]) -> None:
    """Store the rules' memory of workers."""
    if memories:
        connection.execute(
            text(load_sql("workers/save_states")),
            {
                "rule": ALL_RULES,
                "workers": numbers(memories),
                "places": words(m.place for m in memories.values()),
                "instants": instants(m.at for m in memories.values()),
                "states": json.dumps([m.state for m in memories.values()], separators=(",", ":")),
            },
        )

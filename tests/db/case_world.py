"""Two communities of two grids each with their workers, and ways to let two people act at one instant."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.services import events
from gisapp.services.events import Report
from gisapp.store.database import Database

STREET = "330103003"
COMMUNITY, NEIGHBOUR = STREET + "051", STREET + "052"
WEST, EAST, BEYOND = COMMUNITY + "001", COMMUNITY + "002", NEIGHBOUR + "001"
LONGITUDES = {WEST: 120.1605, EAST: 120.1615, BEYOND: 120.1625}
"""Of a point well inside each grid."""
LAT = 30.2705


def person(user: int, name: str, role: Role = Role.MANAGER, scope: str = COMMUNITY, **more: Any) -> Reader:
    """A reader with a name of its own."""
    return Reader(user, f"user{user}", name, role, Scope([scope]), **more)


def build(database: Database) -> dict[str, int]:
    """The grids, side by side, and workers; ids of the workers by code."""
    with database.begin(SYSTEM) as connection:
        for place, lon in LONGITUDES.items():
            connection.execute(
                text(
                    "INSERT INTO grid(place, version, community, name, valid_from, geom) VALUES (:p, 1, :c, :p, "
                    "'2026-01-01', ST_MakeEnvelope(:w, 30.270, :w + 0.001, 30.271, 4490))"
                ),
                {"p": place, "c": place[:12], "w": round(lon - 0.0005, 4)},
            )
        workers = {
            "west": (WEST, True),
            "east": (EAST, True),
            "retired": (WEST, False),
            "beyond": (BEYOND, True),
            "street": (STREET, True),
        }
        return {
            code: int(
                connection.execute(
                    text(
                        "INSERT INTO grid_worker(place, code, name, active) VALUES (:p, :c, :c, :a) RETURNING id"
                    ),
                    {"p": place, "c": code, "a": active},
                ).scalar_one()
            )
            for code, (place, active) in workers.items()
        }


def report(database: Database, who: Reader, place: str = WEST, **more: Any) -> dict[str, Any]:
    """A case well inside a grid."""
    return events.report(database, who, Report(LONGITUDES[place], LAT, "01001", **more))


def one(database: Database, statement: str, **values: Any) -> Any:
    """One value, seen by the system."""
    with database.begin(SYSTEM) as connection:
        return connection.execute(text(statement), values).scalar()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for a condition; a test that waits half a minute has failed."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def wait_for_waiting(database: Database, count: int) -> None:
    """Wait until so many transactions of this database wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_until(lambda: one(database, waiting) >= count)


@contextmanager
def holding(database: Database, lock: str, **values: Any) -> Iterator[Connection]:
    """A transaction of the system that has taken a lock by a statement, and commits at the end."""
    with database.begin(SYSTEM) as connection:
        connection.execute(text(lock), values)
        yield connection


class Stop:
    """Stops the first call of a function before it does anything, until it is let go."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._turn = threading.Lock()
        self._calls = 0
        self.reached = threading.Event()
        self.go = threading.Event()

    def __call__(self, *given: Any, **named: Any) -> Any:
        with self._turn:
            self._calls += 1
            first = self._calls == 1
        if first:
            self.reached.set()
            assert self.go.wait(30)
        return self._function(*given, **named)


@contextmanager
def together(count: int) -> Iterator[Callable[..., Future[Any]]]:
    """A function that starts others in threads of their own; all have ended at the end."""
    with ThreadPoolExecutor(count) as pool:
        yield pool.submit

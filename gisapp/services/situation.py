"""The situation of a place at a moment: what the big screen shows, and what a screen needs when it connects."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader
from gisapp.domain.keys import PlaceKey, Scope
from gisapp.services import alerts, tracks
from gisapp.services.grounds import grounds_of
from gisapp.services.scopes import describe_scope
from gisapp.store import situation as store
from gisapp.store.database import Database

#: a worker who was heard of within this time is on duty
ON_DUTY = timedelta(minutes=10)
#: how much of the past the feed of a screen that has just connected holds
FEED = timedelta(hours=24)
FEED_LENGTH = 20
#: tables whose change alters the counts
COUNTED = frozenset({"building_population", "person", "event", "grid_worker", "alert"})
ALERTS_LENGTH = 60


@dataclass(frozen=True)
class Situation:
    """Counts within a scope at a moment.

    Attributes:
        moment: instant of the counts, ISO 8601 in local time.
        place: prefix that was asked for, empty for the whole scope.
        name: what the place is called.
        bounds: west, south, east, north in degrees (EPSG:4490); None while nothing is drawn.
        outline: GeoJSON geometry of the place, or of the scope where it is one place; None where not drawn.
        numbers: people, households, workers, on_duty, open, overdue, closed, in_time, alerts, alerts_today.
        by_hour: 24 pairs (reported, closed) of the local day.
    """

    moment: str
    place: str
    name: str
    bounds: tuple[float, float, float, float] | None
    outline: dict[str, Any] | None
    numbers: dict[str, int]
    by_hour: list[tuple[int, int]]

    def as_json(self) -> dict[str, Any]:
        return {
            "moment": self.moment,
            "place": self.place,
            "name": self.name,
            "bounds": self.bounds,
            "outline": self.outline,
            "numbers": self.numbers,
            "by_hour": self.by_hour,
        }

    @cached_property
    def frame(self) -> str:
        """As screens get it, in JSON; written once, however many they are."""
        return json.dumps({"type": "situation", **self.as_json()}, ensure_ascii=False, separators=(",", ":"))


def situation(database: Database, reader: Reader, prefix: str = "") -> Situation:
    """Count within the reader's scope, narrowed to a place.

    Raises:
        Forbidden: the place lies outside the reader's scope.
        InputError: not a place key.
    """
    narrowed = reader
    if prefix:
        prefix = str(PlaceKey(prefix))
        reader.require_place(prefix)
        narrowed = replace(reader, scope=Scope([prefix]))
    now = clock.now()
    today, tomorrow = clock.day_bounds(now.date())
    summary = describe_scope(database, narrowed)
    with database.begin(reader) as connection:
        found = store.counts(connection, prefix=prefix, today=today, tomorrow=tomorrow, duty=now - ON_DUTY)
        hours = {row["hour"]: (row["reported"], row["closed"]) for row in store.by_hour(
            connection, prefix=prefix, today=today, tomorrow=tomorrow
        )}  # fmt: skip
    return Situation(
        moment=now.isoformat(),
        place=prefix,
        name=summary.name if not prefix else summary.short,
        bounds=summary.bounds,
        outline=_outline(
            database, prefix or (reader.scope.prefixes[0] if len(reader.scope.prefixes) == 1 else "")
        ),
        numbers={key: int(value) for key, value in found.items()},
        by_hour=[hours.get(hour, (0, 0)) for hour in range(24)],
    )


def _outline(database: Database, place: str) -> dict[str, Any] | None:
    if not place:
        return None
    with database.begin(SYSTEM) as connection:
        return grounds_of(database).timeline(connection).now().outline(place)


def opening(database: Database, reader: Reader) -> dict[str, Any]:
    """All that a screen needs when it connects: workers, alerts of the last day and open ones, newest steps of cases.

    Whose role has no part in it gets no workers and no alerts.
    """
    since = clock.now() - FEED
    moves: list[list[Any]] = []
    found: list[dict[str, Any]] = []
    if tracks.may_watch(reader):
        rows = tracks.live(database, reader)["workers"]
        moves = [move_of(row) for row in rows if row["last_at"] is not None and row["lon"] is not None]
        found = alerts.find(database, reader, since=since, limit=ALERTS_LENGTH)["alerts"]
        known = {alert["id"] for alert in found}
        still_open = alerts.find(database, reader, open_only=True, limit=ALERTS_LENGTH)["alerts"]
        found += [alert for alert in still_open if alert["id"] not in known]
    with database.begin(reader) as connection:
        steps = store.recent_steps(connection, since=since, limit=FEED_LENGTH)
    return {
        "moment": clock.now().isoformat(),
        "workers": moves,
        "alerts": found,
        "events": [{**row, "at": clock.local(row["at"]).isoformat()} for row in steps],
    }


def move_of(row: Any) -> list[Any]:
    """A worker's position in the short form of the live feed: id, place, name, lon, lat, ms, speed, alerted."""
    at = int(row["last_at"].timestamp() * 1000)
    return [
        row["id"],
        row["place"],
        row["name"],
        row["lon"],
        row["lat"],
        at,
        row["speed"],
        int(row["alerted"]),
    ]


class Openings:
    """What screens need when they connect, shared by those of one scope that ask at the same moment: after a restart all
    of them do.

    Args:
        database: the application's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: dict[tuple[Scope, bool], asyncio.Task[str]] = {}
        self._next: dict[tuple[Scope, bool], asyncio.Task[str]] = {}

    async def frame(self, reader: Reader) -> str:
        """The frame ``state`` in JSON, read from the database after this was asked for."""
        key = (reader.scope, tracks.may_watch(reader))
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._read(key, reader, self._running.get(key)))
        return await asyncio.shield(self._next[key])

    async def _read(self, key: tuple[Scope, bool], reader: Reader, before: asyncio.Task[str] | None) -> str:
        if before is not None:
            await asyncio.wait([before])
        # From here on whoever asks may want to know what this one no longer sees, and gets the one after it.
        self._running[key] = self._next.pop(key)
        try:
            return await asyncio.to_thread(_opening_frame, self._database, reader)
        finally:
            del self._running[key]


def _opening_frame(database: Database, reader: Reader) -> str:
    frame = {"type": "state", "scope": list(reader.scope.prefixes), **opening(database, reader)}
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"), default=str)


class Board:
    """Situations shared by all screens of one process: many screens of one scope cost one count.

    Args:
        database: the application's database.
        fresh: seconds for which a situation is given again without counting.
    """

    _MOST = 256

    def __init__(self, database: Database, fresh: float = 4.0) -> None:
        self._database = database
        self._fresh = fresh
        self._changed = 0.0
        self._known: OrderedDict[tuple[Scope, str], tuple[float, asyncio.Task[Situation]]] = OrderedDict()

    def hear(self, message: Mapping[str, Any]) -> None:
        """A notice of the database: what was counted before it may be out of date."""
        if message.get("kind") in ("alert", "event") or message.get("family") in COUNTED:
            self._changed = time.monotonic()

    def linked(self, _alive: bool) -> None:
        """The listener was cut off or is back: something may have been missed."""
        self._changed = time.monotonic()

    async def get(self, reader: Reader, prefix: str = "") -> Situation:
        """The situation within a reader's scope: at most ``fresh`` seconds old, and newer than the last notice heard."""
        key = (reader.scope, prefix)
        known = self._known.get(key)
        oldest = max(time.monotonic() - self._fresh, self._changed)
        if known is None or known[0] < oldest or _failed(known[1]):
            task = asyncio.create_task(asyncio.to_thread(situation, self._database, reader, prefix))
            self._known[key] = known = (time.monotonic(), task)
            self._known.move_to_end(key)
            while len(self._known) > self._MOST:
                self._known.popitem(last=False)
        # Shielded: a screen that leaves must not take the count away from the others that wait for it.
        return await asyncio.shield(known[1])


def _failed(task: asyncio.Task[Situation]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)

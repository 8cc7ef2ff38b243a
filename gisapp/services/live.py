"""Live push: one listener to the database per process, fanned out to every open screen by its scope.

A slow screen costs memory for one position per worker and a bounded list of notices; if even that overflows, or the
listener was away, it is told to take the current state anew. So nothing is lost, and nothing grows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from gisapp.domain.keys import Scope
from gisapp.store.database import Database
from gisapp.store.notices import CHANNEL

log = logging.getLogger("onemap.live")

Message = dict[str, Any]

#: notices (alerts, steps of cases) that wait for one screen; more, and it takes the state anew
MOST_NOTICES = 500
#: seconds between proofs that the listener's connection still lives
_PROBE_S = 15.0
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_SLOT_WORKER, _SLOT_PLACE, _SLOT_AT = 0, 1, 5


class Move(list[Any]):
    """A worker's newest position: id, place, name, lon, lat, ms, speed, alerted."""

    __slots__ = ("_text",)

    @property
    def text(self) -> str:
        """As JSON; written once, however many screens it goes to."""
        try:
            return self._text
        except AttributeError:
            self._text: str = json.dumps(self, ensure_ascii=False, separators=(",", ":"))
            return self._text


@dataclass(slots=True)
class Batch:
    """What has happened for one screen since it last asked.

    Attributes:
        moves: newest position of each worker that moved.
        notices: alerts and steps of cases, in order.
        families: tables that changed.
        anew: something may be missing: take the current state anew.
    """

    moves: list[Move] = field(default_factory=list)
    notices: list[Message] = field(default_factory=list)
    families: list[str] = field(default_factory=list)
    anew: bool = False


class Subscription:
    """The queue of one screen; used on the event loop only."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._moves: dict[int, Move] = {}
        self._since = 0.0  # when the oldest of them came
        self._notices: list[Message] = []
        self._families: dict[str, None] = {}
        self._anew = False
        self._event = asyncio.Event()
        self._urgent = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Take a message if the scope allows it; the items of a message of positions are ``Move``."""
        kind, place = message.get("kind"), str(message.get("place", ""))
        if kind == "revision":
            self._families[str(message.get("family", ""))] = None
        elif kind == "fix":
            self._offer_moves(place, message.get("items", []))
            if not self._moves:
                return
        elif not place or self.scope.covers(place):
            self._notices.append(message)
            self._urgent.set()
            if len(self._notices) > MOST_NOTICES:
                self.lose()
        else:
            return
        self._event.set()

    def _offer_moves(self, place: str, items: list[Move]) -> None:
        if not self.scope.touches(place):
            return
        if not self._moves:
            self._since = time.monotonic()
        whole = self.scope.covers(place)
        for item in items:
            if whole or self.scope.covers(item[_SLOT_PLACE]):
                known = self._moves.get(item[_SLOT_WORKER])
                if known is None or known[_SLOT_AT] <= item[_SLOT_AT]:
                    self._moves[item[_SLOT_WORKER]] = item

    def lose(self) -> None:
        """Something was or will be missed: the state is taken anew, and what waits is part of it."""
        self._moves.clear()
        self._notices.clear()
        self._anew = True
        self._urgent.set()
        self._event.set()

    async def next(self, *, settle: float = 0.25) -> Batch:
        """Wait until something happens, and a moment longer for what comes along.

        Alerts and cases do not wait, and do not hurry the positions: those come together, each worker's newest only.
        """
        await self._event.wait()
        if not self._urgent.is_set():
            waited = time.monotonic() - self._since if self._moves else 0.0
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), max(0.0, settle - waited))
        batch = Batch([], self._notices, list(self._families), self._anew)
        self._notices, self._families, self._anew = [], {}, False
        if self._moves and (not self._urgent.is_set() or time.monotonic() - self._since >= settle):
            batch.moves, self._moves = list(self._moves.values()), {}
        self._urgent.clear()
        if not self._moves:
            self._event.clear()
        return batch


class Fanout:
    """Listens to the database in one thread and hands what it says to the subscriptions of this process.

    Args:
        database: the application's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscriptions: set[Subscription] = set()
        self._watchers: list[tuple[Callable[[Message], None], Callable[[bool], None]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = -1, -1
        self._connected = asyncio.Event()
        self.listening = False

    def watch(self, heard: Callable[[Message], None], link: Callable[[bool], None]) -> None:
        """Call ``heard`` with every message, and ``link`` when the listener is connected or cut off, on the event loop."""
        self._watchers.append((heard, link))
        link(self.listening)

    async def start(self) -> None:
        """Begin to listen on the running event loop; returns at once, also while the database does not answer."""
        self._loop = asyncio.get_running_loop()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="onemap-listen", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Cease to listen."""
        if self._thread is None:
            return
        self._stopping.set()
        os.write(self._wake_write, b"x")
        await asyncio.to_thread(self._thread.join, 5.0)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._thread = None

    async def wait_connected(self, timeout: float = 10.0) -> bool:
        """Wait until the listener is connected; False if it is not within the time."""
        try:
            await asyncio.wait_for(self._connected.wait(), timeout)
        except TimeoutError:
            return False
        return True

    @contextmanager
    def subscribe(self, scope: Scope) -> Iterator[Subscription]:
        """A queue for as long as the block lasts."""
        subscription = Subscription(scope)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    @property
    def open_subscriptions(self) -> int:
        """How many screens listen."""
        return len(self._subscriptions)

    # -- the event loop's side ------------------------------------------------------------------------------------

    def _dispatch(self, payloads: list[str]) -> None:
        for payload in payloads:
            try:
                message = json.loads(payload)
            except ValueError:
                log.warning("a notice that is no JSON was left out: %.80s", payload)
                continue
            if not isinstance(message, dict):
                continue
            if message.get("kind") == "fix":
                message["items"] = [Move(item) for item in message.get("items", [])]
            for heard, _ in self._watchers:
                heard(message)
            for subscription in self._subscriptions:
                subscription.offer(message)

    def _linked(self, alive: bool) -> None:
        self.listening = alive
        if alive:
            self._connected.set()
            # What was said while nobody listened is part of the state that each screen now takes anew.
            for subscription in self._subscriptions:
                subscription.lose()
        else:
            self._connected.clear()
        for _, link in self._watchers:
            link(alive)

    # -- the thread's side ----------------------------------------------------------------------------------------

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            connection = None
            try:
                connection = self._database.listen()
                with connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {CHANNEL}")
                self._call(self._linked, True)
                failures = 0
                self._listen(connection)
            except (psycopg2.Error, OSError, ValueError) as error:
                # A connection that has been closed has no descriptor any more: select calls that a ValueError.
                log.warning("listening to the database failed, trying again: %s", str(error).strip())
            finally:
                if connection is not None:
                    connection.close()
            if not self._stopping.is_set():
                self._call(self._linked, False)
                self._stopping.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1

    def _listen(self, connection: Any) -> None:
        probed = time.monotonic()
        while not self._stopping.is_set():
            ready, _, _ = select.select([connection, self._wake_read], [], [], _PROBE_S)
            if self._stopping.is_set():
                return
            if connection in ready:
                connection.poll()
            elif time.monotonic() - probed >= _PROBE_S:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                probed = time.monotonic()
            if connection.notifies:
                payloads = [notice.payload for notice in connection.notifies]
                connection.notifies.clear()
                self._call(self._dispatch, payloads)

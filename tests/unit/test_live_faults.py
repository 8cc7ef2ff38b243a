"""What goes wrong with one notice, one watcher or one screen reaches no other."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from gisapp.domain.keys import Scope
from gisapp.services import live
from gisapp.services.live import Fanout, Message, Subscription
from gisapp.store.database import Database

GRID = "330103001001001"


def notice(**more: Any) -> str:
    return json.dumps({"kind": "alert", "place": GRID, **more})


class Broken(Subscription):
    """A screen that can take nothing."""

    def offer(self, message: Message) -> None:
        raise KeyError(message["id"])


def test_one_screen_that_fails_takes_the_state_anew_and_the_others_hear_everything() -> None:
    async def run() -> None:
        fanout = Fanout(cast(Database, None))
        # Several, so that some of the others come after one of them in whatever order they are told.
        broken = [Broken(Scope.everything()) for _ in range(8)]
        with fanout.subscribe(Scope.everything()) as first, fanout.subscribe(Scope.everything()) as second:
            fanout._subscriptions.update(broken)
            fanout._dispatch([notice(id=1), notice(id=2)])
            for screen in (first, second):
                batch = await asyncio.wait_for(screen.next(settle=0), 20)
                assert [n["id"] for n in batch.notices] == [1, 2] and not batch.anew
            for screen in broken:
                batch = await asyncio.wait_for(screen.next(settle=0), 20)
                assert batch.anew and not batch.notices

    asyncio.run(run())


@pytest.mark.parametrize("bad", ["no json", '{"kind": "fix", "items": [7]}', '{"kind": "fix", "items": 7}'])
def test_a_notice_that_cannot_be_read_is_made_up_for_and_the_next_ones_arrive(bad: str) -> None:
    async def run() -> None:
        fanout = Fanout(cast(Database, None))
        with fanout.subscribe(Scope.everything()) as screen:
            fanout._dispatch([bad, "[1]", notice(id=3)])
            batch = await asyncio.wait_for(screen.next(settle=0), 20)
            assert batch.anew and [n["id"] for n in batch.notices] == [3]

    asyncio.run(run())


def test_a_watcher_that_fails_stops_neither_watchers_nor_screens() -> None:
    async def run() -> None:
        heard: list[Any] = []

        def fail(_: Any) -> None:
            raise ValueError("a fault")

        fanout = Fanout(cast(Database, None))
        fanout._watchers = [(fail, fail), (heard.append, heard.append)]
        with fanout.subscribe(Scope.everything()) as screen:
            fanout._linked(True)
            fanout._dispatch([notice(id=4)])
            fanout._linked(False)
            batch = await asyncio.wait_for(screen.next(settle=0), 20)
            assert batch.anew and [n["id"] for n in batch.notices] == [4]
        assert [entry if isinstance(entry, bool) else entry["id"] for entry in heard] == [True, 4, False]

    asyncio.run(run())


class Connection:
    """A connection on which listening fails in a way that the driver does not name."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails
        self.closed = False

    def cursor(self) -> Any:
        if self.fails:
            raise OSError("bad file descriptor")
        raise StopListening

    def close(self) -> None:
        self.closed = True


class StopListening(Exception):
    """Ends the test."""


def test_the_one_thread_that_listens_goes_on_after_any_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_RETRY_S", (0.0,))
    opened: list[Connection] = []

    class Source:
        def listen(self) -> Connection:
            if len(opened) == 3:
                fanout._stopping.set()
            opened.append(Connection(fails=len(opened) < 2))
            return opened[-1]

    async def run() -> None:
        await fanout.start()
        assert fanout._thread is not None
        await asyncio.to_thread(fanout._thread.join, 20)
        assert not fanout._thread.is_alive()
        await fanout.stop()

    fanout = Fanout(cast(Database, Source()))
    asyncio.run(run())
    assert len(opened) == 4 and all(connection.closed for connection in opened)

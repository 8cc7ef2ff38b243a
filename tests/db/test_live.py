"""The fan-out on a real database: everyone hears what is theirs, and a broken line loses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import create_engine, text

from gisapp.domain.access import SYSTEM
from gisapp.domain.keys import Scope
from gisapp.services.live import MOST_NOTICES, Batch, Fanout, Move, Subscription
from gisapp.store.database import Database, engine_url
from gisapp.store.notices import notify, notify_items

STREET, GRID, OTHER_GRID = "330103001", "330103001001001", "330103001001002"


def move(worker: int, place: str, at: int = 1000) -> list[Any]:
    return [worker, place, "王芳", 120.1, 30.3, at, 1.2, 0]


def listening(database: Database, work: Callable[[Fanout], Awaitable[None]]) -> None:
    async def run() -> None:
        fanout = Fanout(database)
        await fanout.start()
        try:
            assert await fanout.wait_connected()
            await asyncio.wait_for(work(fanout), 30)
        finally:
            await fanout.stop()

    asyncio.run(run())


def send(database: Database, kind: str, place: str, **payload: Any) -> None:
    with database.begin(SYSTEM) as connection:
        notify(connection, kind, place, **payload)


async def until(subscription: Subscription, enough: Callable[[Batch], bool]) -> Batch:
    whole = Batch()
    while not enough(whole):
        batch = await asyncio.wait_for(subscription.next(settle=0.05), 10)
        moves = {m[0]: m for m in [*whole.moves, *batch.moves]}
        whole = Batch(
            list(moves.values()),
            [*whole.notices, *batch.notices],
            [*whole.families, *batch.families],
            whole.anew or batch.anew,
        )
    return whole


def test_each_scope_hears_its_own(database: Database) -> None:
    async def work(fanout: Fanout) -> None:
        with (
            fanout.subscribe(Scope([STREET])) as street,
            fanout.subscribe(Scope([GRID])) as grid,
            fanout.subscribe(Scope(["330104"])) as away,
            fanout.subscribe(Scope()) as nobody,
        ):
            with database.begin(SYSTEM) as connection:
                notify_items(connection, "fix", [(GRID, move(1, GRID)), (OTHER_GRID, move(2, OTHER_GRID))])
                notify(connection, "alert", OTHER_GRID, id=5)
                notify(connection, "event", GRID, id=6)
                notify(connection, "revision", "", family="event")
            everything = await until(
                street, lambda b: len(b.notices) == 2 and len(b.moves) == 2 and bool(b.families)
            )
            assert sorted(m[0] for m in everything.moves) == [1, 2]
            own = await until(grid, lambda b: bool(b.notices and b.moves and b.families))
            assert [m[0] for m in own.moves] == [1]
            assert [n["id"] for n in own.notices] == [6]
            for other in (away, nobody):
                heard = await until(other, lambda b: bool(b.families))
                assert (heard.moves, heard.notices) == ([], [])

    listening(database, work)


def test_only_what_is_committed_is_told(database: Database) -> None:
    async def work(fanout: Fanout) -> None:
        with fanout.subscribe(Scope.everything()) as everything:
            with database.engine.connect() as connection, connection.begin() as transaction:
                notify(connection, "alert", GRID, id=1)
                transaction.rollback()
            send(database, "alert", GRID, id=2)
            heard = await until(everything, lambda b: bool(b.notices))
            assert [n["id"] for n in heard.notices] == [2]

    listening(database, work)


def test_a_slow_screen_gets_the_newest_position_of_each_worker(database: Database) -> None:
    async def work(fanout: Fanout) -> None:
        with fanout.subscribe(Scope.everything()) as slow:
            for round_ in range(20):
                with database.begin(SYSTEM) as connection:
                    moves = [(GRID, move(worker, GRID, 1000 + round_)) for worker in range(200)]
                    notify_items(connection, "fix", moves)
            with database.begin(SYSTEM) as connection:
                notify_items(connection, "fix", [(GRID, move(0, GRID, 5))])
            send(database, "alert", GRID, id=1)
            heard = await until(slow, lambda b: bool(b.notices) and {m[5] for m in b.moves} == {1019})
            assert len(heard.moves) == 200

    listening(database, work)


def test_an_alert_does_not_wait_and_the_positions_come_together_after_it() -> None:
    async def run() -> None:
        screen = Subscription(Scope.everything())
        screen.offer({"kind": "fix", "place": GRID, "items": [Move(move(1, GRID))]})
        screen.offer({"kind": "alert", "place": GRID, "id": 5})
        # So long a settling time never ends within the test: what comes now has not waited for it.
        first = await asyncio.wait_for(screen.next(settle=3600), 30)
        assert ([n["id"] for n in first.notices], first.moves) == ([5], [])
        screen.offer({"kind": "fix", "place": GRID, "items": [Move(move(2, GRID))]})
        second = await asyncio.wait_for(screen.next(settle=0.01), 30)
        assert sorted(m[0] for m in second.moves) == [1, 2]
        # Alerts without end do not keep positions back for ever.
        screen.offer({"kind": "fix", "place": GRID, "items": [Move(move(3, GRID))]})
        moved: list[Move] = []
        while not moved:
            screen.offer({"kind": "alert", "place": GRID, "id": 6})
            batch = await asyncio.wait_for(screen.next(settle=0.05), 30)
            assert batch.notices
            moved = batch.moves
            await asyncio.sleep(0.005)
        assert [m[0] for m in moved] == [3]

    asyncio.run(run())


def test_a_position_is_written_once_for_all_screens(database: Database) -> None:
    async def work(fanout: Fanout) -> None:
        with fanout.subscribe(Scope([STREET])) as one, fanout.subscribe(Scope.everything()) as other:
            with database.begin(SYSTEM) as connection:
                notify_items(connection, "fix", [(GRID, move(1, GRID))])
            (first,) = (await until(one, lambda b: bool(b.moves))).moves
            (second,) = (await until(other, lambda b: bool(b.moves))).moves
            assert first is second
            assert first.text is second.text
            assert json.loads(first.text) == move(1, GRID)

    listening(database, work)


def test_a_queue_that_overflows_asks_for_the_state_instead_of_growing() -> None:
    async def run() -> None:
        slow = Subscription(Scope.everything())
        for number in range(MOST_NOTICES + 50):
            slow.offer({"kind": "event", "place": GRID, "id": number})
        batch = await slow.next()
        assert batch.anew
        assert len(batch.notices) < 50

    asyncio.run(run())


def test_after_a_broken_line_everyone_takes_the_state_anew(database: Database, admin_url: str) -> None:
    async def work(fanout: Fanout) -> None:
        links: list[bool] = []
        fanout.watch(lambda _: None, links.append)
        with fanout.subscribe(Scope.everything()) as screen:
            engine = create_engine(engine_url(admin_url), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                cut = connection.execute(
                    text(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                    )
                ).scalar_one()
            engine.dispose()
            assert cut >= 1
            # Said while nobody listened: only the state can tell.
            send(database, "alert", GRID, id=1)
            await until(screen, lambda b: b.anew)
            send(database, "alert", GRID, id=2)
            heard = await until(screen, lambda b: bool(b.notices))
            assert heard.notices[-1]["id"] == 2
            assert links == [True, False, True]

    listening(database, work)


def test_a_screen_that_has_left_costs_nothing(database: Database) -> None:
    async def work(fanout: Fanout) -> None:
        with fanout.subscribe(Scope.everything()):
            assert fanout.open_subscriptions == 1
        assert fanout.open_subscriptions == 0

    listening(database, work)

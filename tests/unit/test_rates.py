"""How often one may ask: strangers by address, accounts in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gisapp.api.rates import TURNS, Anonymous, TurnsMiddleware, turns_for
from gisapp.domain.access import NOBODY, Reader, Role
from gisapp.domain.keys import Scope

ANNA = Reader(1, "anna", "安", Role.LEADER, Scope(["330103"]))
BEI = Reader(2, "bei", "贝", Role.LEADER, Scope(["330103"]))
SEARCH = "/api/v1/search"


def scope(path: str, reader: Reader, host: str = "10.0.0.1") -> dict[str, Any]:
    return {"type": "http", "path": path, "client": (host, 1), "state": {"reader": reader}}


def test_a_stranger_has_a_burst_and_then_waits_and_others_do_not() -> None:
    anonymous = Anonymous(burst=3, per_second=0.5)
    for _ in range(3):
        assert anonymous.refusal(scope("/", NOBODY)) is None
    assert anonymous.refusal(scope("/", NOBODY), counted=False) is not None
    refused = anonymous.refusal(scope("/", NOBODY))
    assert refused is not None and refused.status == 429 and refused.retry_after == 2
    assert anonymous.refusal(scope("/", NOBODY, "10.0.0.2"), counted=False) is None
    assert anonymous.refusal({"type": "http", "path": "/", "client": None}) is None


@pytest.mark.parametrize(
    ("path", "at_once"),
    [
        ("/api/v1/search", 3),
        ("/api/v1/features/buildings", 2),
        ("/api/v1/analysis/hotspots", 3),
        ("/api/v1/imports", 2),
        ("/_dash-update-component", 4),
        ("/api/v1/events", 8),
        ("/api/v1/tracks", None),
        ("/api/v1/session", None),
        ("/tiles/base/1/1/1.mvt", None),
        ("/cases", None),
        ("/vendor/x.mjs", None),
    ],
)
def test_what_takes_turns(path: str, at_once: int | None) -> None:
    turns = turns_for(path)
    assert (turns and turns.at_once) == at_once


class Desk:
    """An application that works on each request until it is told to finish."""

    def __init__(self) -> None:
        self.at_work: list[str] = []
        self.most = 0
        self.done: list[str] = []
        self.finish = asyncio.Event()

    async def __call__(self, asked: Any, _receive: Any, send: Any) -> None:
        name = asked["name"]
        self.at_work.append(name)
        self.most = max(self.most, len(self.at_work))
        try:
            await self.finish.wait()
        finally:
            self.at_work.remove(name)
        self.done.append(name)


async def idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def with_desk(work: Callable[[Desk, TurnsMiddleware, Callable[..., asyncio.Task[None]]], Any]) -> None:
    async def run() -> None:
        desk = Desk()
        middleware = TurnsMiddleware(desk)

        def ask(name: str, reader: Reader = ANNA, path: str = SEARCH, send: Any = None) -> asyncio.Task[None]:
            return asyncio.create_task(middleware({**scope(path, reader), "name": name}, None, send))  # type: ignore[arg-type]

        await work(desk, middleware, ask)
        assert middleware._lines == {}

    asyncio.run(run())


def test_an_account_works_on_a_few_at_once_and_the_others_go_on() -> None:
    async def work(desk: Desk, middleware: TurnsMiddleware, ask: Any) -> None:
        tasks = [ask(f"a{number}") for number in range(10)]
        await idle()
        assert desk.at_work == ["a0", "a1", "a2"]
        tasks.append(ask("b", BEI))
        tasks.append(ask("events", ANNA, "/api/v1/events"))
        tasks += [ask(f"tracks{number}", ANNA, "/api/v1/tracks") for number in range(20)]
        tasks += [ask(f"nobody{number}", NOBODY) for number in range(5)]
        await idle()
        assert len(desk.at_work) == 3 + 1 + 1 + 20 + 5
        desk.finish.set()
        await asyncio.gather(*tasks)
        assert [name for name in desk.done if name.startswith("a")] == [f"a{number}" for number in range(10)]

    with_desk(work)


def test_more_than_may_wait_are_told_to_come_again() -> None:
    turns = turns_for(SEARCH)
    assert turns is not None and turns.waiting == 60

    async def work(desk: Desk, middleware: TurnsMiddleware, ask: Any) -> None:
        tasks = [ask(f"a{number}") for number in range(63)]
        await idle()
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await ask("one too many", send=send)
        assert sent[0]["status"] == 429 and (b"retry-after", b"2") in sent[0]["headers"]
        desk.finish.set()
        await asyncio.gather(*tasks)
        assert len(desk.done) == 63 and desk.most <= 3

    with_desk(work)


def test_who_leaves_while_waiting_gives_the_place_to_the_next() -> None:
    async def work(desk: Desk, middleware: TurnsMiddleware, ask: Any) -> None:
        tasks = [ask(f"a{number}") for number in range(6)]
        await idle()
        tasks[3].cancel()  # waits
        tasks[0].cancel()  # works: a4 has its turn
        await idle()
        assert sorted(desk.at_work) == ["a1", "a2", "a4"]
        desk.finish.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(desk.done) == ["a1", "a2", "a4", "a5"]

    with_desk(work)


def test_who_leaves_at_the_moment_of_its_turn_passes_it_on() -> None:
    async def work(desk: Desk, middleware: TurnsMiddleware, ask: Any) -> None:
        tasks = [ask(f"a{number}") for number in range(5)]
        await idle()
        line = middleware._lines[(ANNA.user_id, SEARCH)]
        middleware._pass_on((ANNA.user_id, SEARCH), line)  # a3 is told that it is its turn,
        tasks[3].cancel()  # and leaves before it runs
        await idle()
        assert sorted(desk.at_work) == ["a0", "a1", "a2", "a4"]
        line.at_work += 1  # what was passed on above was nobody's
        desk.finish.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    with_desk(work)


def test_the_order_of_turns_puts_the_special_before_the_general() -> None:
    for number, turns in enumerate(TURNS):
        assert not any(turns.prefix.startswith(earlier.prefix) for earlier in TURNS[:number])

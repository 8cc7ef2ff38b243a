"""Posts that wait together share a transaction, in order, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import pytest

from gisapp.domain.access import SYSTEM
from gisapp.errors import Forbidden, Unavailable
from gisapp.services import gathering
from gisapp.services.gathering import LARGE, MOST_TOGETHER, Gathering
from gisapp.services.tracks import Post, Receipt
from gisapp.store.database import Database

NO_DATABASE = cast(Database, None)
BAD = "bad"


class Disk:
    """Takes in posts when it is let to, and remembers which came together."""

    def __init__(self, *, open_: bool = True) -> None:
        self.groups: list[list[list[Any]]] = []
        self.gate = threading.Event()
        self.begun = threading.Event()
        if open_:
            self.gate.set()

    def __call__(self, _: Database, posts: Sequence[Post]) -> list[Receipt | Exception]:
        self.begun.set()
        assert self.gate.wait(20)
        self.groups.append([list(post.messages) for post in posts])
        return [
            Forbidden("不行") if BAD in post.messages else Receipt(stored=len(post.messages))
            for post in posts
        ]


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(_within(work()))


async def _within(work: Coroutine[Any, Any, None]) -> None:
    await asyncio.wait_for(work, 60)


async def _begun(disk: Disk) -> None:
    assert await asyncio.to_thread(disk.begun.wait, 20)


async def _turn() -> None:
    """Let everything that can go on without the disk go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_arrives_meanwhile_goes_together_and_in_order() -> None:
    async def work() -> None:
        disk = Disk(open_=False)
        intake = Gathering(NO_DATABASE, disk, pace=0.0)
        first = asyncio.create_task(intake.take_in(SYSTEM, [0]))
        await _begun(disk)
        others = [asyncio.create_task(intake.take_in(SYSTEM, [n] * n)) for n in range(1, 6)]
        await _turn()
        assert not first.done() and not any(task.done() for task in others)
        disk.gate.set()
        receipts = await asyncio.gather(first, *others)
        assert [receipt.stored for receipt in receipts] == [1, 1, 2, 3, 4, 5]
        assert disk.groups == [[[0]], [[n] * n for n in range(1, 6)]]
        await intake.close()

    run(work)


def test_one_that_is_refused_does_not_trouble_its_neighbours() -> None:
    async def work() -> None:
        intake = Gathering(NO_DATABASE, Disk(), pace=0.0)
        posts = [[1], [BAD], [2, 3]]
        found = await asyncio.gather(*(intake.take_in(SYSTEM, p) for p in posts), return_exceptions=True)
        assert isinstance(found[1], Forbidden)
        assert [r.stored for r in found if isinstance(r, Receipt)] == [1, 2]
        await intake.close()

    run(work)


def test_a_failure_reaches_everyone_it_concerns_and_nobody_after() -> None:
    failures = [RuntimeError("power cut")]

    def take(_: Database, posts: Sequence[Post]) -> list[Receipt | Exception]:
        if failures:
            raise failures.pop()
        return [Receipt(stored=len(post.messages)) for post in posts]

    async def work() -> None:
        intake = Gathering(NO_DATABASE, take, pace=0.0)
        with pytest.raises(RuntimeError, match="power cut"):
            await intake.take_in(SYSTEM, [1])
        assert (await intake.take_in(SYSTEM, [1])).stored == 1
        await intake.close()

    run(work)


def test_a_transaction_is_bounded_and_a_large_post_does_not_hold_up_small_ones() -> None:
    async def work() -> None:
        disk = Disk(open_=False)
        intake = Gathering(NO_DATABASE, disk, pace=0.0)
        large = asyncio.create_task(intake.take_in(SYSTEM, ["large"] * LARGE))
        await _begun(disk)
        size = LARGE - 1
        small = [asyncio.create_task(intake.take_in(SYSTEM, [n] * size)) for n in range(5)]
        await _turn()
        # The large one stands before the disk all the while: only a second lane can have begun.
        assert not large.done()
        disk.gate.set()
        await asyncio.gather(large, *small)
        together = [sum(len(messages) for messages in group) for group in disk.groups]
        assert max(together) <= MOST_TOGETHER
        assert ["large"] * LARGE in [group[0] for group in disk.groups if len(group) == 1]
        order = [group_[0] for group in disk.groups for group_ in group if group_[0] != "large"]
        assert order == [0, 1, 2, 3, 4]
        await intake.close()

    run(work)


def test_the_small_lane_goes_on_while_a_large_post_is_taken_in() -> None:
    large_gate, small_done = threading.Event(), threading.Event()

    def take(_: Database, posts: Sequence[Post]) -> list[Receipt | Exception]:
        if len(posts[0].messages) >= LARGE:
            assert large_gate.wait(20)
        else:
            small_done.set()
        return [Receipt(stored=len(post.messages)) for post in posts]

    async def work() -> None:
        intake = Gathering(NO_DATABASE, take, pace=0.0)
        large = asyncio.create_task(intake.take_in(SYSTEM, [0] * LARGE))
        await _turn()
        assert (await intake.take_in(SYSTEM, [1])).stored == 1
        assert small_done.is_set() and not large.done()
        large_gate.set()
        assert (await large).stored == LARGE
        await intake.close()

    run(work)


def test_who_has_left_is_not_waited_for() -> None:
    async def work() -> None:
        disk = Disk(open_=False)
        intake = Gathering(NO_DATABASE, disk, pace=0.0)
        first = asyncio.create_task(intake.take_in(SYSTEM, [0]))
        await _begun(disk)
        gone = asyncio.create_task(intake.take_in(SYSTEM, ["gone"]))
        stays = asyncio.create_task(intake.take_in(SYSTEM, ["stays"]))
        await _turn()
        gone.cancel()
        first.cancel()
        await _turn()
        disk.gate.set()
        assert (await stays).stored == 1
        # The one that was being taken in when its sender left is taken in all the same.
        assert disk.groups == [[[0]], [["stays"]]]
        await intake.close()

    run(work)


def test_closing_takes_in_what_waits() -> None:
    async def work() -> None:
        disk = Disk(open_=False)
        intake = Gathering(NO_DATABASE, disk, pace=0.0)
        tasks = [asyncio.create_task(intake.take_in(SYSTEM, [n])) for n in range(4)]
        await _begun(disk)
        closing = asyncio.create_task(intake.close())
        await _turn()
        assert not closing.done()
        disk.gate.set()
        await closing
        assert [task.result().stored for task in tasks] == [1, 1, 1, 1]
        assert sorted(n for group in disk.groups for (n,) in group) == [0, 1, 2, 3]

    run(work)


def test_a_flood_is_told_to_come_again_instead_of_filling_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_WAITING", 10)

    async def work() -> None:
        disk = Disk(open_=False)
        intake = Gathering(NO_DATABASE, disk, pace=0.0)
        first = asyncio.create_task(intake.take_in(SYSTEM, [0] * 9))
        await _begun(disk)
        waiting = asyncio.create_task(intake.take_in(SYSTEM, [1] * 9))
        await _turn()
        with pytest.raises(Unavailable):
            await intake.take_in(SYSTEM, [2] * 2)
        disk.gate.set()
        assert [(await task).stored for task in (first, waiting)] == [9, 9]
        assert (await intake.take_in(SYSTEM, [2] * 2)).stored == 2
        await intake.close()

    run(work)


class Panic(BaseException):
    """What a library raises past ``Exception``."""


@pytest.mark.parametrize(
    "thrown",
    [OverflowError("int too large"), StopIteration(), SystemExit(3), Panic(), Unavailable("没有应答")],
)
def test_one_post_on_which_everything_breaks_stops_no_other(thrown: BaseException) -> None:
    groups: list[int] = []
    gate, begun = threading.Event(), threading.Event()

    def take(_: Database, posts: Sequence[Post]) -> list[Receipt | Exception]:
        begun.set()
        assert gate.wait(20)
        groups.append(len(posts))
        if any(BAD in post.messages for post in posts):
            raise thrown
        return [Receipt(stored=len(post.messages)) for post in posts]

    async def work() -> None:
        intake = Gathering(NO_DATABASE, take, pace=0.0)
        first = asyncio.create_task(intake.take_in(SYSTEM, [0]))
        assert await asyncio.to_thread(begun.wait, 20)
        posts = [[1], [2, 2], [BAD], [3, 3, 3]]
        others = [asyncio.create_task(intake.take_in(SYSTEM, post)) for post in posts]
        await _turn()
        gate.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        assert [r.stored for r in found if isinstance(r, Receipt)] == [1, 1, 2, 3]
        assert isinstance(found[3], Exception)
        assert groups == [1, 4, 1, 1, 1, 1]
        # The lane goes on afterwards.
        assert (await intake.take_in(SYSTEM, [4])).stored == 1
        await intake.close()

    run(work)


def test_too_few_answers_leave_nobody_waiting() -> None:
    def take(_: Database, posts: Sequence[Post]) -> list[Receipt | Exception]:
        return [Receipt(stored=1)] * (len(posts) if len(posts) == 1 else len(posts) - 1)

    async def work() -> None:
        intake = Gathering(NO_DATABASE, take, pace=0.01)
        found = await asyncio.gather(*(intake.take_in(SYSTEM, [n]) for n in range(3)))
        assert [receipt.stored for receipt in found] == [1, 1, 1]
        await intake.close()
        late = await asyncio.gather(intake.take_in(SYSTEM, [1]), return_exceptions=True)
        assert isinstance(late[0], RuntimeError)

    run(work)

"""Work of the server that goes on for ever is begun again after an error."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from gisapp.services import chores
from gisapp.services.chores import unending
from gisapp.store.database import Database

NO_DATABASE = cast(Database, None)


def test_a_chore_that_fails_is_begun_again_until_it_is_cancelled() -> None:
    rounds = 0

    async def work() -> None:
        enough = asyncio.Event()

        async def chore(_: Database) -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 4:
                enough.set()
                await asyncio.sleep(3600)
            if rounds != 2:  # one that simply ends is begun again too
                raise KeyError("a fault")

        task = asyncio.create_task(unending(chore, NO_DATABASE, pauses=(0.0, 0.01)))
        await asyncio.wait_for(enough.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert rounds == 4


def test_pauses_grow_and_begin_anew_after_a_long_time_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now = 0.0
    lasts = iter([0.0, 0.0, 0.0, chores.LASTED_S, 0.0])

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            raise asyncio.CancelledError

    class Loop:
        def time(self) -> float:
            return now

    async def chore(_: Database) -> None:
        nonlocal now
        now += next(lasts)
        raise ValueError("a fault")

    async def work() -> None:
        monkeypatch.setattr(chores.asyncio, "get_running_loop", Loop)
        monkeypatch.setattr(chores.asyncio, "sleep", sleep)
        with pytest.raises(asyncio.CancelledError):
            await unending(chore, NO_DATABASE, pauses=(1.0, 5.0))

    asyncio.run(work())
    assert slept == [1.0, 5.0, 5.0, 1.0, 5.0]

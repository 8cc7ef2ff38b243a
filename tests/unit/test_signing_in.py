"""Signing in has a thread and a queue of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

from gisapp.errors import NotSignedIn, TooMany
from gisapp.services import accounts
from gisapp.services.signing_in import MOST_WAITING, NICENESS, SignIns


class Door:
    """Stands for ``accounts.sign_in``: notes who comes, and lets nobody on before it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.threads: set[str] = set()
        self.niceness: set[int] = set()
        self.at_once = self.most = 0

    def __call__(self, _database: Any, login: str, password: str, **_given: Any) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.threads.add(threading.current_thread().name)
        self.niceness.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert self.open.wait(20)
        self.at_once -= 1
        if password != "right":
            raise NotSignedIn("用户名或密码不正确。")
        return login


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    found = Door()
    monkeypatch.setattr(accounts, "sign_in", found)
    return found


def ask(sign_ins: SignIns, login: str, password: str = "right") -> asyncio.Task[Any]:
    return asyncio.create_task(sign_ins.sign_in(login, password, "10.0.0.1", hours=1, at_page=False))


def test_two_hundred_at_once_fill_their_own_queue_and_nothing_else(door: Door) -> None:
    async def run() -> None:
        sign_ins = SignIns(None)  # type: ignore[arg-type]
        tasks = [ask(sign_ins, f"user{number}") for number in range(200)]
        for _ in range(5):
            await asyncio.sleep(0)
        refused = [task for task in tasks if task.done()]
        assert len(refused) == 200 - MOST_WAITING
        error = refused[0].exception()
        assert isinstance(error, TooMany) and error.retry_after == 5  # fifty, a tenth of a second each
        # The threads that everything else runs in are all free meanwhile.
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"
        door.open.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert done[:MOST_WAITING] == [f"user{number}" for number in range(MOST_WAITING)]
        assert await ask(sign_ins, "later") == "later"
        sign_ins.close()

    asyncio.run(run())
    assert door.most == 1 and len(door.threads) == 1
    assert next(iter(door.threads)).startswith("onemap-sign-in")


def test_its_thread_yields_the_processor(door: Door) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    door.open.set()

    async def run() -> None:
        sign_ins = SignIns(None)  # type: ignore[arg-type]
        await ask(sign_ins, "anna")
        sign_ins.close()

    asyncio.run(run())
    assert door.niceness == {NICENESS} and own < NICENESS
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_a_refusal_comes_back_and_makes_room(door: Door) -> None:
    door.open.set()

    async def run() -> None:
        sign_ins = SignIns(None, most_waiting=1)  # type: ignore[arg-type]
        for _ in range(3):
            with pytest.raises(NotSignedIn):
                await ask(sign_ins, "anna", "wrong")
        sign_ins.close()

    asyncio.run(run())


def test_who_leaves_holds_its_place_until_the_thread_is_done(door: Door) -> None:
    async def run() -> None:
        sign_ins = SignIns(None, most_waiting=2)  # type: ignore[arg-type]
        tasks = [ask(sign_ins, "anna"), ask(sign_ins, "bei", "wrong")]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(TooMany):
            await ask(sign_ins, "chen")
        door.open.set()
        while sign_ins._waiting:
            await asyncio.sleep(0.01)
        assert await ask(sign_ins, "chen") == "chen"
        sign_ins.close()

    asyncio.run(run())

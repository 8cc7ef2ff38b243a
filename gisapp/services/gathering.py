"""Gathering posts of positions: those that wait at the same moment go into one transaction.

While one transaction runs, what arrives waits for the next; so the busier the server, the more posts share a commit, and
an idle server makes nobody wait. Each post is answered by itself, after the commit that holds it. Large posts, such as
what a gateway has kept through a failure of the network, have a lane of their own, so that alerts do not wait for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gisapp.domain.access import Reader
from gisapp.errors import Unavailable
from gisapp.services.tracks import Post, Receipt, take_in_together
from gisapp.store.database import Database

Take = Callable[[Database, Sequence[Post]], list[Receipt | Exception]]
_Waiting = tuple[Post, "asyncio.Future[Receipt]"]

#: messages of a post from which it goes the way of large ones
LARGE = 500
#: messages of one transaction, unless one post alone has more
MOST_TOGETHER = 1000
#: messages that wait at most; more, and the sender is asked to come again, which loses nothing
MOST_WAITING = 100_000
#: seconds between the beginnings of two transactions at least, so that a busy server has fewer and fuller ones
PACE_S = 0.08


class Gathering:
    """The way in for posts of one process; used on the event loop only.

    Args:
        database: the application's database.
        take: takes in posts together; see ``take_in_together``.
        pace: seconds between the beginnings of two transactions.
    """

    def __init__(self, database: Database, take: Take = take_in_together, pace: float = PACE_S) -> None:
        self._small = _Lane(database, take, pace, "onemap-intake")
        self._large = _Lane(database, take, pace, "onemap-intake-large")

    async def take_in(self, reader: Reader, messages: Sequence[Any]) -> Receipt:
        """Take in one post; returns when it is on disk.

        Raises:
            Forbidden, InputError, Unavailable: as ``tracks.take_in``; also where too much is waiting.
        """
        lane = self._large if len(messages) >= LARGE else self._small
        return await lane.put(Post(reader, messages))

    async def close(self) -> None:
        """Take in what waits, and end."""
        await asyncio.gather(self._small.close(), self._large.close())


class _Lane:
    """Posts in the order in which they came, one transaction at a time."""

    def __init__(self, database: Database, take: Take, pace: float, name: str) -> None:
        self._database, self._take, self._pace = database, take, pace
        self._waiting: deque[_Waiting] = deque()
        self._messages = 0
        self._worker: asyncio.Task[None] | None = None
        # A thread of its own: the shared ones may all be busy with what screens ask.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._begun = float("-inf")

    async def put(self, post: Post) -> Receipt:
        if self._messages + len(post.messages) > MOST_WAITING and self._waiting:
            raise Unavailable(
                "上报的定位太多，服务器一时来不及处理。", remedy="请稍后重新上报，已接收的不受影响。"
            )
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((post, future))
        self._messages += len(post.messages)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        if self._worker is not None:
            await self._worker
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(max(0.0, self._begun + self._pace - loop.time()))
                group = self._next()
                if not group:
                    continue
                self._begun = loop.time()
                posts = [post for post, _ in group]
                try:
                    outcomes = await loop.run_in_executor(self._thread, self._take_or_each, posts)
                except Exception as error:  # the lane has been closed
                    outcomes = [error] * len(group)
                for (_, future), outcome in zip(group, outcomes, strict=True):
                    _answer(future, outcome)
        finally:
            self._worker = None

    def _take_or_each(self, posts: list[Post]) -> list[Receipt | Exception]:
        """What becomes of posts taken in together; should that fail altogether, of each by itself. Raises nothing."""
        try:
            outcomes = self._take(self._database, posts)
            if len(outcomes) == len(posts):
                return outcomes
            failure: Exception = RuntimeError(f"{len(outcomes)} answers to {len(posts)} posts")
        except BaseException as error:  # also what libraries raise past Exception; it must not end this lane
            failure = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
        if len(posts) == 1:
            return [failure]
        return [outcome for post in posts for outcome in self._take_or_each([post])]

    def _next(self) -> list[_Waiting]:
        """The posts of the next transaction; who has left is not waited for and repeats what was not answered."""
        group: list[_Waiting] = []
        messages = 0
        while self._waiting:
            post, future = self._waiting[0]
            if group and messages + len(post.messages) > MOST_TOGETHER:
                break
            self._waiting.popleft()
            self._messages -= len(post.messages)
            if not future.done():
                group.append((post, future))
                messages += len(post.messages)
        return group


def _answer(future: asyncio.Future[Receipt], outcome: Receipt | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, StopIteration):
        future.set_exception(RuntimeError("StopIteration"))  # a future cannot carry the other
    elif isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)

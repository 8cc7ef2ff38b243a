"""How often one may ask: whoever is not signed in by address, whoever is by account and only for what costs much.

A signed-in account is never counted by the second: its requests that cost much take turns, a few at a time, so that the others
find a thread and a connection. Terminals that report positions are not held up here at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gisapp.api.answers import answer_of
from gisapp.domain.access import NOBODY, Reader
from gisapp.domain.buckets import Buckets, address_key
from gisapp.errors import TooMany

ANONYMOUS_BURST = 300
ANONYMOUS_PER_S = 20.0
"""Requests of one address without a session, files not counted: a burst, then so many a second."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Requests of one account that are worked on at the same moment.

    Attributes:
        prefix: the addresses begin with it.
        at_once: so many are worked on.
        waiting: so many wait for their turn; more are refused.
        why: what costs so much, in Chinese, for the documentation.
    """

    prefix: str
    at_once: int
    waiting: int
    why: str


TURNS: tuple[Turns, ...] = (
    Turns("/api/v1/search", 3, 60, "全库查找"),
    Turns("/api/v1/features", 2, 20, "导出图层要素，一次最多 50,000 个"),
    Turns("/api/v1/analysis", 3, 60, "热点与选址分析"),
    Turns("/api/v1/imports", 2, 20, "上传、检查与导入文件"),
    Turns("/_dash-update-component", 4, 200, "页面回调：列表、画像、统计"),
    Turns("/api/v1/", 8, 200, "其他接口"),
)
"""The first that applies holds. Positions (``FREE``) and tiles take no turns."""

FREE = ("/api/v1/tracks", "/api/v1/session")


def turns_for(path: str) -> Turns | None:
    """Which turns a request takes; None where it takes none."""
    if path.startswith(FREE):
        return None
    return next((turns for turns in TURNS if path.startswith(turns.prefix)), None)


class Anonymous:
    """Requests without a session, by address; of one process."""

    def __init__(self, burst: float = ANONYMOUS_BURST, per_second: float = ANONYMOUS_PER_S) -> None:
        self._buckets = Buckets(burst, per_second)

    def refusal(self, scope: Scope, *, counted: bool = True) -> TooMany | None:
        """Why a request is not worked on, if so.

        Args:
            counted: take the request into account; otherwise only look.
        """
        peer = scope.get("client")
        key = address_key(peer[0] if peer else None)
        wait = self._buckets.take(key) if counted else self._buckets.wait(key)
        return TooMany("没有登录的请求太多。", wait=wait) if wait else None


class _Line:
    """Who is at work, and who waits, of one account and one kind of request."""

    __slots__ = ("at_work", "waiting")

    def __init__(self) -> None:
        self.at_work = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class TurnsMiddleware:
    """ASGI middleware: lets the requests of an account that cost much take turns. Stands within the session's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._lines: dict[tuple[int, str], _Line] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        turns = turns_for(scope["path"]) if scope["type"] == "http" else None
        if turns is None:
            await self.app(scope, receive, send)
            return
        reader: Reader = scope.get("state", {}).get("reader", NOBODY)
        if not reader.scope:
            await self.app(scope, receive, send)
            return
        key = (reader.user_id, turns.prefix)
        line = self._lines.setdefault(key, _Line())
        if line.at_work >= turns.at_once:
            if len(line.waiting) >= turns.waiting:
                await answer_of(TooMany("您的请求太多，服务器来不及处理。", wait=2))(scope, receive, send)
                return
            await self._wait(key, line)
        else:
            line.at_work += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._pass_on(key, line)

    async def _wait(self, key: tuple[int, str], line: _Line) -> None:
        """Wait for a turn; whoever wakes us has counted us among those at work."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                line.waiting.remove(turn)
            else:
                self._pass_on(key, line)  # given the turn at the moment of leaving
            raise

    def _pass_on(self, key: tuple[int, str], line: _Line) -> None:
        """Leave work; the one that has waited longest takes the place."""
        if line.waiting:
            line.waiting.popleft().set_result(None)
            return
        line.at_work -= 1
        if not line.at_work:
            self._lines.pop(key, None)

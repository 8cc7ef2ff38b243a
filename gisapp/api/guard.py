"""The outermost layer: what every answer carries, where a request comes from, how much it brings and how fast.

Stands around the whole application, also around what answers when something fails, so no answer leaves without its headers
and no body is read beyond its limit. What the parts decide stands in ``headers``, ``origin`` and ``limits``.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gisapp.api import limits
from gisapp.api.answers import answer_of
from gisapp.api.headers import Kind, kind_of
from gisapp.api.limits import BodyLimit, limit_for, size_text
from gisapp.api.origin import SAFE_METHODS, is_foreign
from gisapp.errors import Forbidden, OnemapError, TooLarge, TooSlow, Unavailable

FOREIGN_SOCKET: Final = 4403
"""Close code of a socket that a page of another origin opens."""
MESSAGE_TOO_BIG: Final = 1009
LINGER_S: Final = 3.0
"""Seconds in which the rest of a refused body is still taken from the line, unread, so that the sender sees the answer."""

_GONE: Message = {"type": "http.disconnect"}


class Room:
    """Bytes of bodies that are held at the same moment.

    Args:
        most: how many at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    def take(self, size: int) -> bool:
        """Hold some more; False, and nothing is taken, where there is no room."""
        if self.held + size > self.most:
            return False
        self.held += size
        return True

    def give_back(self, size: int) -> None:
        """Hold less."""
        self.held -= size


class Guard:
    """ASGI middleware around everything.

    Args:
        memory: bytes of bodies that may be held in memory at the same moment.
        disk: bytes of files that may arrive at the same moment.
    """

    def __init__(
        self, app: ASGIApp, *, memory: int = limits.HELD_IN_MEMORY, disk: int = limits.ON_DISK
    ) -> None:
        self.app = app
        self.memory = Room(memory)
        self.disk = Room(disk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exchange = Exchange(self, scope, receive, send)
            scope.setdefault("state", {})["exchange"] = exchange
            await exchange.run()
        elif scope["type"] == "websocket":
            if is_foreign(scope["scheme"], scope["headers"]):
                await send({"type": "websocket.close", "code": FOREIGN_SOCKET})
                return
            await self.app(scope, _bounded(receive, send), send)
        else:
            await self.app(scope, receive, send)


class Exchange:
    """One request and its answer."""

    __slots__ = (
        *("_begun", "_ended", "_got", "_guard", "_kind", "_limit", "_receive", "_room"),
        *("_scope", "_send", "_started", "refusal"),
    )

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send) -> None:
        self._guard = guard
        self._scope = scope
        self._receive = receive
        self._send = send
        self._kind: Kind = kind_of(scope["path"], scope.get("query_string", b""))
        self._limit: BodyLimit | None = None  # looked up when a body is read
        self._room: Room | None = None
        self._got = 0
        self._begun = 0.0
        self._ended = False
        self._started = False
        self.refusal: OnemapError | None = None

    async def run(self) -> None:
        """Let the application answer, or refuse."""
        scope = self._scope
        if scope["method"] not in SAFE_METHODS:
            if is_foreign(scope["scheme"], scope["headers"]):
                self.refusal = Forbidden(
                    "这个请求来自别的网站，没有执行。", remedy="请在本系统的页面上操作。"
                )
            else:
                self._look_at_length()
        if self.refusal is None:
            try:
                await self._guard.app(scope, self.receive, self.send)
            except Exception:
                if self.refusal is None or self._started:
                    raise
            finally:
                if self._room is not None:
                    self._room.give_back(self._got)
                    self._room = None
        if self.refusal is not None and not self._started:
            await self._refuse(self.refusal)

    def narrow(self, most: int) -> None:
        """Let this request bring no more than so many bytes, where its address takes more."""
        limit = self._limit or limit_for(self._scope["path"])
        self._limit = BodyLimit(limit.prefix, min(most, limit.most), limit.why)
        self._look_at_length()

    async def receive(self) -> Message:
        """The next piece of the body, counted and timed; ``http.disconnect`` where it is refused."""
        if self.refusal is not None:
            return _GONE
        if self._ended:
            return await self._receive()
        loop = asyncio.get_running_loop()
        if self._limit is None:
            self._limit = limit_for(self._scope["path"])
        if self._room is None:
            self._room = self._guard.disk if self._limit.on_disk else self._guard.memory
            self._begun = loop.time()
        try:
            async with asyncio.timeout_at(self._begun + limits.BODY_S + self._got / limits.SLOWEST):
                message = await self._receive()
        except TimeoutError:
            self.refusal = TooSlow("请求的内容没有按时传完。", remedy="请检查网络后重新发送。")
            return _GONE
        if message["type"] != "http.request":
            self._ended = True
            return message
        self._ended = not message.get("more_body", False)
        size = len(message.get("body", b""))
        if self._got + size > self._limit.most:
            self.refusal = _too_large(self._limit)
        elif not self._room.take(size):
            self.refusal = Unavailable("服务器正在接收的内容太多。", remedy="请稍后再试。")
        if self.refusal is not None:
            return _GONE
        self._got += size
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on with its headers; an answer to a request that was refused meanwhile is dropped."""
        if message["type"] == "http.response.start":
            if self.refusal is not None:
                return
            self._started = True
            message["headers"] = self._kind.complete(message["status"], message.get("headers", ()))
        elif not self._started:
            return
        await self._send(message)

    def _look_at_length(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length":
                if self._limit is None:
                    self._limit = limit_for(self._scope["path"])
                if not value.isdigit() or int(value[:20]) > self._limit.most:
                    self.refusal = _too_large(self._limit)
                return

    async def _refuse(self, error: OnemapError) -> None:
        """Answer with an error and close the line; what still comes is let run out for a moment."""
        answer = answer_of(error)
        headers = self._kind.complete(error.status, [*answer.raw_headers, (b"connection", b"close")])
        self._started = True
        await self._send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": bytes(answer.body), "more_body": True})
        try:
            async with asyncio.timeout(LINGER_S):
                while not self._ended:
                    message = await self._receive()
                    self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        except TimeoutError:
            pass
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _too_large(limit: BodyLimit) -> TooLarge:
    return TooLarge(
        f"发送的内容超过上限 {size_text(limit.most)}。",
        remedy="请减少一次发送的内容，或分几次发送。",
        details={"limit": limit.most},
    )


def _bounded(receive: Receive, send: Send) -> Receive:
    """Messages of a socket, which is closed at one that is too big."""

    async def next_message() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive":
            content = message.get("text") or message.get("bytes") or ""
            if len(content) > limits.SOCKET_MESSAGE:
                await send({"type": "websocket.close", "code": MESSAGE_TOO_BIG})
                return {"type": "websocket.disconnect", "code": MESSAGE_TOO_BIG}
        return message

    return next_message

"""``/api/v1/live``: the one way in which the server pushes to a page.

A socket of its own for each page, so that it always carries the cookie of whoever is signed in there now; Dash's own
socket lives in a worker that outlasts a sign-out. Frames from the server, each one JSON object:

``state``      all that a screen needs; after connecting, and again whenever something may have been missed
``change``     ``moves`` (id, place, name, lon, lat, ms, speed, alerted), ``alerts``, ``events``, ``families`` that changed;
               for grid managers ``grids``: versions that could not take effect (title, message, remedy, place)
``situation``  counts of the place that is looked at, only with ``?situation=1``
``beat``       every 15 seconds, so that a page can tell a quiet street from a dead line
``problem``    what was asked for cannot be given: ``message``, ``remedy``

From the page: ``{"look": "330103001"}`` narrows the situation to a place, ``{"look": ""}`` widens it again. A text that is
nothing of the kind is answered with a ``problem``; a binary frame, which nothing here can be, ends the line with code 1003.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from gisapp.api.session import COOKIE
from gisapp.domain import clock, incoming
from gisapp.domain.access import NOBODY, Reader, Role
from gisapp.errors import InputError, OnemapError
from gisapp.services import situation, tracks
from gisapp.services.live import Batch, Fanout, Subscription

router = APIRouter()

BEAT_S = 15.0
#: situation is counted again so often though nothing was heard: workers go off duty and cases overdue by themselves
RECOUNT_S = 30.0
#: at most so often though much is heard
CALM_S = 3.0
SIGNED_OUT = 4401
NO_TEXT = 1003
LONGEST_FRAME = 1000
"""Characters of a frame from a page; a place key has fifteen."""


@router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    """Push to one page until it leaves or its session ends."""
    reader: Reader = getattr(socket.state, "reader", NOBODY)
    await socket.accept()
    if not reader.scope:
        await socket.close(SIGNED_OUT)
        return
    page = _Page(socket, reader, counts=socket.query_params.get("situation") == "1")
    tasks = [asyncio.create_task(work) for work in page.work()]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # Not gather(): cancelled once more, it would forget by whom.
        await asyncio.wait(tasks)
    ended = [task.exception() for task in tasks if not task.cancelled()]
    for end in ended:
        if isinstance(end, _Ended):
            with suppress(RuntimeError):
                await socket.close(end.code)
    for end in ended:
        if isinstance(end, Exception) and not isinstance(end, (_Ended, WebSocketDisconnect, RuntimeError)):
            raise end


class _Ended(Exception):
    """The line is to be closed, and says why by its code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Page:
    """One connected page."""

    def __init__(self, socket: WebSocket, reader: Reader, *, counts: bool) -> None:
        self.socket = socket
        self.reader = reader
        self.counts = counts
        self.watches = tracks.may_watch(reader)
        self.draws = reader.role in (Role.MANAGER, Role.ADMIN)
        self.prefix = ""
        self.due = asyncio.Event()  # the situation is to be sent
        self.due.set()
        state = socket.app.state
        self.fanout: Fanout = state.fanout
        self.board: situation.Board = state.board
        self.openings: situation.Openings = state.openings
        self.sessions = state.sessions

    def work(self) -> list[Any]:
        """What goes on side by side until one of it ends."""
        jobs = [self.receive(), self.push(), self.beat()]
        if self.counts:
            jobs.append(self.count())
        return jobs

    async def send(self, frame: dict[str, Any]) -> None:
        await self.socket.send_text(_json(frame))

    async def receive(self) -> None:
        """Hear what the page asks for; ends when it leaves, or with a frame that is no text."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            text = message.get("text")
            if text is None:
                raise _Ended(NO_TEXT)
            try:
                self.prefix = _look(text)
            except InputError as error:
                await self.send({"type": "problem", **error.as_json()})
            else:
                self.due.set()

    async def push(self) -> None:
        """Send the state, then every change."""
        # Subscribed before the state is read: what happens meanwhile comes twice rather than never.
        with self.fanout.subscribe(self.reader.scope) as subscription:
            await self.send_state()
            await self._push_changes(subscription)

    async def _push_changes(self, subscription: Subscription) -> None:
        while True:
            batch = await subscription.next()
            if batch.anew:
                await self.send_state()
            if _counts(batch):
                self.due.set()
            moves = batch.moves if self.watches else []
            alerts = [notice for notice in batch.notices if notice.get("kind") == "alert" and self.watches]
            events = [notice for notice in batch.notices if notice.get("kind") == "event"]
            grids = [notice for notice in batch.notices if notice.get("kind") == "grids" and self.draws]
            if moves or alerts or events or grids or batch.families:
                frame = {
                    "type": "change",
                    "moment": clock.now().isoformat(),
                    "alerts": alerts,
                    "events": events,
                    "grids": grids,
                    "families": batch.families,
                }
                # Positions of a city every second: put together from texts that all screens share.
                texts = ",".join(move.text for move in moves)
                await self.socket.send_text(f'{_json(frame)[:-1]},"moves":[{texts}]}}')

    async def send_state(self) -> None:
        try:
            frame = await self.openings.frame(self.reader)
        except OnemapError as error:
            await self.send({"type": "problem", **error.as_json()})
            return
        await self.socket.send_text(frame)

    async def count(self) -> None:
        """Send the situation when it may have changed, neither too often nor too seldom."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.due.wait(), RECOUNT_S)
            self.due.clear()
            asked = self.prefix
            try:
                found = await self.board.get(self.reader, asked)
            except OnemapError as error:
                self.prefix = asked = ""
                await self.send({"type": "problem", **error.as_json()})
            else:
                await self.socket.send_text(found.frame)
            await self._rest(asked)

    async def _rest(self, place: str) -> None:
        """A calm moment, shortened when the page looks elsewhere."""
        until = asyncio.get_running_loop().time() + CALM_S
        while asyncio.get_running_loop().time() < until and self.prefix == place:
            await asyncio.sleep(0.1)

    async def beat(self) -> None:
        """Prove that the line lives, and that the session does."""
        while True:
            await asyncio.sleep(BEAT_S)
            token = self.socket.cookies.get(COOKIE, "")
            with suppress(OnemapError):
                if await self.sessions.reader(token) is None:
                    raise _Ended(SIGNED_OUT)
            await self.send(
                {"type": "beat", "moment": clock.now().isoformat(), "listening": self.fanout.listening}
            )


def _look(text: str) -> str:
    """The place that a page asks to look at.

    Raises:
        InputError: the text asks for something else.
    """
    try:
        asked = json.loads(text) if len(text) <= LONGEST_FRAME else None
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or not isinstance(asked.get("look"), str):
        raise InputError(
            "没有听懂页面发来的消息。",
            remedy='请发送 {"look": "地点编码"}，编码为空表示全部。',
            details={"field": "look"},
        )
    return incoming.place(asked["look"], "look")


def _json(frame: dict[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"), default=str)


def _counts(batch: Batch) -> bool:
    return bool(batch.notices or batch.anew or not situation.COUNTED.isdisjoint(batch.families))

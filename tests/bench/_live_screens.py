"""Screens of ``tests.bench.live``: sockets that note when each alert arrives, and connect again as a page does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

#: seconds until a page tries again; see dash_app/modules/feed.mjs
RETRY_S = 0.3


@dataclass(frozen=True, slots=True)
class Screen:
    """Who looks: a session, whether with counts, and which alerts it may see."""

    name: str
    token: str
    counts: bool
    scope: str
    watches: bool = True


@dataclass(slots=True)
class Seen:
    """What one screen was told.

    Attributes:
        raised: alert id → monotonic seconds of its first arrival, in a change or a state.
        told: alert id → how often a change said that it was raised.
        moves, frames, bytes: how much came.
        connected: how often the line was opened.
    """

    raised: dict[int, float] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    moves: int = 0
    frames: int = 0
    bytes: int = 0
    connected: int = 0
    positions: dict[int, tuple[float, float, int]] = field(default_factory=dict)


async def _watch(screen: Screen, port: int, seen: Seen, stop: asyncio.Event) -> None:
    url = f"ws://127.0.0.1:{port}/api/v1/live" + ("?situation=1" if screen.counts else "")
    headers = {"Cookie": f"onemap_session={screen.token}"}
    while not stop.is_set():
        with contextlib.suppress(OSError, WebSocketException, TimeoutError):
            async with connect(
                url, additional_headers=headers, max_size=None, compression="deflate"
            ) as socket:
                seen.connected += 1
                async for text in socket:
                    _take(seen, str(text), time.monotonic())
        if not stop.is_set():
            await asyncio.sleep(RETRY_S)


def _take(seen: Seen, text: str, now: float) -> None:
    frame = json.loads(text)
    seen.frames += 1
    seen.bytes += len(text)
    for alert in frame.get("alerts", ()):
        if frame["type"] == "change" and alert["what"] == "raised":
            seen.told[alert["id"]] = seen.told.get(alert["id"], 0) + 1
        seen.raised.setdefault(alert["id"], now)
    if frame["type"] == "change":
        seen.moves += len(frame["moves"])
    for move in frame.get("moves", ()) or frame.get("workers", ()):
        seen.positions[move[0]] = (move[3], move[4], move[5])


async def _all(screens: list[Screen], port: int, end: Path) -> list[Seen]:
    stop = asyncio.Event()
    seen = [Seen() for _ in screens]
    tasks = [
        asyncio.create_task(_watch(screen, port, one, stop))
        for screen, one in zip(screens, seen, strict=True)
    ]
    while not end.exists():
        await asyncio.sleep(0.1)
    stop.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


def watch_screens(screens: list[Screen], port: int, end: Path, out: Path) -> None:
    """Body of the process: look until a file appears, leave what was seen.

    The file names nothing: its being there says that the run is over.
    """
    with contextlib.suppress(KeyboardInterrupt):
        found = asyncio.run(_all(screens, port, end))
        out.write_bytes(pickle.dumps(found))

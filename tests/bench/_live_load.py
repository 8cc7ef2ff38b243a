"""Terminals and gateways of ``tests.bench.live``: a process that posts its share of the plan and writes down what was
acknowledged.

Gateways collect the positions of their workers and post batches of 50 to 200; other workers' phones post each position by
itself over a connection of their own. Whatever is not acknowledged is posted again until it is. Posts begin when they
are due, however long those before them take (an open loop): a server that is slow finds them piling up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench._live_plan import ACCURACY_M, EVERY_S, Plan, instant

#: seconds until what was not acknowledged is posted again; then longer
RETRY_S, MOST_RETRY_S = 0.25, 4.0
ANSWER_S = 20.0
_KEPT_OPEN = 8


@dataclass(frozen=True, slots=True)
class Share:
    """What one process posts.

    Attributes:
        gateways: rows of the plan for each gateway; phones: rows that post by themselves.
        tokens: of the sessions: one a gateway, then one a phone.
        ticks: how many.
    """

    plan: Plan
    port: int
    gateways: list[list[int]]
    phones: list[int]
    tokens: list[str]
    ticks: int
    seed: int


@dataclass(slots=True)
class Log:
    """What became of it.

    Attributes:
        posts: begun, answered (monotonic seconds), positions, tries of every post.
        fixes: row of the plan, tick and number of the post of every acknowledged position.
        stored, doubled: as the server counted; refused: positions that it refused, with the reason.
        late_s: how long after it was due a post began, at worst.
    """

    posts: list[tuple[float, float, int, int]] = field(default_factory=list)
    fixes: list[tuple[int, int, int]] = field(default_factory=list)
    stored: int = 0
    doubled: int = 0
    refused: list[Any] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)
    late_s: float = 0.0


class Refused(Exception):
    """The server answers, but not that it has stored the positions."""


class Line:
    """One sender's way to the server: connections that are kept open between posts, and its posts in order.

    Posts begin when they are due. Once one fails, it and all after it wait for those before them, as the outbox of a
    terminal does.
    """

    def __init__(self, port: int, kept: int) -> None:
        self.port, self.kept = port, kept
        self.begun = 0
        self.waiting: dict[int, asyncio.Event] = {}
        self.broken = False
        self.free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, token: str, body: bytes) -> dict[str, Any]:
        """Post once.

        Raises:
            OSError, EOFError, TimeoutError: no answer.
            Refused: an answer other than 200.
        """
        reader, writer = (
            self.free.pop() if self.free else await asyncio.open_connection("127.0.0.1", self.port)
        )
        kept = False
        try:
            writer.write(
                b"POST /api/v1/tracks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + f"Cookie: onemap_session={token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            async with asyncio.timeout(ANSWER_S):
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").lower().split("\r\n")
                length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
                answer = await reader.readexactly(length)
            if not lines[0].startswith("http/1.1 200"):
                raise Refused(f"{lines[0]} {answer[:300].decode(errors='replace')}")
            kept = "connection: close" not in lines and len(self.free) < self.kept
            found: dict[str, Any] = json.loads(answer)
            return found
        finally:
            if kept:
                self.free.append((reader, writer))
            else:
                writer.close()

    def enter(self) -> int:
        """A new post; its number."""
        self.begun += 1
        self.waiting[self.begun] = asyncio.Event()
        return self.begun

    def leave(self, number: int) -> None:
        """A post is acknowledged."""
        self.waiting.pop(number).set()
        if not self.waiting:
            self.broken = False

    def fail(self) -> None:
        """A post has failed: close what is kept, nothing of it can be trusted."""
        self.broken = True
        for _, writer in self.free:
            writer.close()
        self.free.clear()

    async def turn(self, number: int) -> None:
        """Wait for the posts before this one, if something is amiss."""
        while self.broken and (first := min(self.waiting)) < number:
            await self.waiting[first].wait()


class Poster:
    """One process's posts.

    Args:
        start: monotonic seconds of tick 0; wall: the same instant as seconds since 1970.
    """

    def __init__(self, share: Share, start: float, wall: float) -> None:
        self.share, self.start, self.wall = share, start, wall
        self.log = Log()
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> Log:
        """Post everything, and wait until all of it is acknowledged."""
        share = self.share
        jobs = [
            self._gateway(rows, share.tokens[i], random.Random(share.seed * 1000 + i))
            for i, rows in enumerate(share.gateways)
        ]
        phones = share.tokens[len(share.gateways) :]
        jobs.append(self._phones(dict(zip(share.phones, phones, strict=True))))
        await asyncio.gather(*jobs)
        while self.tasks:
            await asyncio.gather(*self.tasks)
        return self.log

    async def _gateway(self, rows: list[int], token: str, dice: random.Random) -> None:
        plan, line = self.share.plan, Line(self.share.port, _KEPT_OPEN)
        before = [(row, tick) for row in rows for tick in range(plan.first_tick(row), 0)]
        for i in range(0, len(before), 200):
            await self._send(line, token, before[i : i + 200])
        order = sorted(rows, key=lambda row: float(plan.offset[row]))
        batch: list[tuple[int, int]] = []
        size = dice.randint(50, 200)
        for tick in range(self.share.ticks):
            for row in order:
                batch.append((row, tick))
                if len(batch) >= size:
                    await self._due(tick * EVERY_S + float(plan.offset[row]))
                    self._begin(line, token, batch)
                    batch, size = [], dice.randint(50, 200)
        if batch:
            await self._due(self.share.ticks * EVERY_S)
            self._begin(line, token, batch)

    async def _phones(self, tokens: dict[int, str]) -> None:
        plan = self.share.plan
        # A phone's connection is long closed when its next position is due.
        lines = {row: Line(self.share.port, 0) for row in tokens}
        for row, token in tokens.items():
            if before := [(row, tick) for tick in range(plan.first_tick(row), 0)]:
                self._begin(lines[row], token, before)
        order = sorted(tokens, key=lambda row: float(plan.offset[row]))
        for tick in range(self.share.ticks):
            for row in order:
                await self._due(tick * EVERY_S + float(plan.offset[row]))
                self._begin(lines[row], tokens[row], [(row, tick)])

    async def _due(self, seconds: float) -> None:
        left = self.start + seconds - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        else:
            self.log.late_s = max(self.log.late_s, -left)

    def _begin(self, line: Line, token: str, batch: list[tuple[int, int]]) -> None:
        task = asyncio.create_task(self._send(line, token, batch))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _send(self, line: Line, token: str, batch: list[tuple[int, int]]) -> None:
        body = self._body(batch)
        place = line.enter()
        begun, tries = time.monotonic(), 0
        while True:
            await line.turn(place)
            tries += 1
            try:
                receipt = await line.post(token, body)
                break
            except (OSError, EOFError, TimeoutError, Refused) as error:
                if isinstance(error, Refused) and not str(error).startswith("http/1.1 5"):
                    raise
                line.fail()
                await asyncio.sleep(min(MOST_RETRY_S, RETRY_S * 2 ** (tries - 1)) * random.uniform(0.6, 1.4))
        line.leave(place)
        number = len(self.log.posts)
        self.log.posts.append((begun, time.monotonic(), len(batch), tries))
        refused = {entry["index"] for entry in receipt["refused"]}
        self.log.fixes += [(row, tick, number) for i, (row, tick) in enumerate(batch) if i not in refused]
        self.log.refused += receipt["refused"]
        self.log.stored += receipt["stored"]
        self.log.doubled += receipt["doubled"]
        self.log.alerts += receipt["alerts"]

    def _body(self, batch: list[tuple[int, int]]) -> bytes:
        share = self.share
        lon, lat = share.plan.positions([row for row, _ in batch], [tick for _, tick in batch])
        fixes = [
            {
                "worker": int(share.plan.worker[row]),
                "at": instant(self.wall, tick, float(share.plan.offset[row])).isoformat(
                    timespec="milliseconds"
                ),
                "lon": x,
                "lat": y,
                "accuracy": ACCURACY_M,
                "speed": 1.2,
                "id": f"{row}-{tick}",
            }
            for (row, tick), x, y in zip(batch, lon.tolist(), lat.tolist(), strict=True)
        ]
        return json.dumps({"fixes": fixes}).encode()


def post_share(path: Path, go: Path, out: Path) -> None:
    """Body of the process: read the share, say so by removing it, wait for the word to begin, post, leave the log."""
    share: Share = pickle.loads(path.read_bytes())
    path.unlink()
    while not go.exists():
        time.sleep(0.05)
    start, wall = pickle.loads(go.read_bytes())
    with contextlib.suppress(KeyboardInterrupt):
        log = asyncio.run(Poster(share, start, wall).run())
        out.write_bytes(pickle.dumps(log))

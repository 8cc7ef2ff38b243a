"""Whether the database answers and has this program's schema: asked by whoever watches the server, many times a minute."""

from __future__ import annotations

import asyncio
import re
import time
from functools import lru_cache
from pathlib import Path

from gisapp.errors import OnemapError, Unavailable
from gisapp.store.database import Database
from gisapp.store.tile_connections import TileConnections

LONGEST_S = 2.0
"""How long the database has to answer."""
REMEMBERED_S = 0.5
"""How long an answer holds: a flood of questions costs the database two statements a second."""

_VERSION = "SELECT version_num FROM onemap.alembic_version"


_REVISION = re.compile(r'^(down_)?revision\b[^=\n]*= "(\w+)"', re.MULTILINE)


@lru_cache(maxsize=1)
def newest_version() -> str:
    """Version of the schema that this program needs: the migration that no other follows.

    Read from the files: Alembic alone would cost every start of the server a third of a second.
    """
    known: set[str] = set()
    followed: set[str] = set()
    for path in (Path(__file__).parent / "migrations" / "versions").glob("*.py"):
        for down, name in _REVISION.findall(path.read_text(encoding="utf-8")):
            (followed if down else known).add(name)
    (newest,) = known - followed
    return newest


class Readiness:
    """The state of the database, asked on a connection of its own and without a thread.

    A busy pool of threads or connections so never makes a server look dead. Used on the event loop only.
    """

    def __init__(self, database: Database) -> None:
        self._connections = TileConnections(database, 1)
        self._expected = newest_version()
        self._asking: asyncio.Task[OnemapError | None] | None = None
        self._known: OnemapError | None = None
        self._until = float("-inf")

    async def check(self) -> None:
        """Return where the database answers and has the program's schema.

        Raises:
            Unavailable: says what is missing; ``details.missing`` is ``database`` or ``schema``.
        """
        if time.monotonic() >= self._until:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            # It belongs to all who wait: one who leaves must not take it along.
            await asyncio.shield(self._asking)
        if self._known is not None:
            raise self._known

    async def _ask(self) -> OnemapError | None:
        try:
            self._known = await self._find()
            self._until = time.monotonic() + REMEMBERED_S
            return self._known
        finally:
            self._asking = None

    async def _find(self) -> OnemapError | None:
        try:
            (here,) = await asyncio.wait_for(self._connections.fetch(_VERSION), LONGEST_S)
        except (OnemapError, TimeoutError):
            return Unavailable(
                "数据库没有应答。",
                remedy="请稍后再试；若一直如此，请运行 ./onemap doctor 查看。",
                details={"missing": "database"},
            )
        except Exception:
            # It answers, but has no such table, or none that the application's role may read.
            here = ""
        if here == self._expected:
            return None
        return Unavailable(
            f"数据库结构的版本是 {here or '无'}，本程序需要 {self._expected}。",
            remedy="请在服务器上运行 ./onemap up。",
            details={"missing": "schema", "found": here, "expected": self._expected},
        )

    def close(self) -> None:
        """Close the connection."""
        self._connections.close()

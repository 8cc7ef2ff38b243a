"""Work that goes on for as long as the server runs: an error ends one round of it, never the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from gisapp.store.database import Database

log = logging.getLogger("onemap.chores")

Chore = Callable[[Database], Awaitable[None]]
"""Runs until it is cancelled."""

#: seconds before a chore that failed is begun again, the last for every further time
PAUSES_S = (1.0, 5.0, 30.0, 120.0)
#: a chore that went on for so many seconds before it failed begins with the first pause again
LASTED_S = 600.0


async def unending(chore: Chore, database: Database, pauses: Sequence[float] = PAUSES_S) -> None:
    """Do a chore, and begin it again whenever it ends; runs until it is cancelled."""
    failures = 0
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await chore(database)
        except Exception as error:
            log.error("%s failed and is begun again: %s", _name(chore), type(error).__name__, exc_info=error)
        if loop.time() - began >= LASTED_S:
            failures = 0
        await asyncio.sleep(pauses[min(failures, len(pauses) - 1)])
        failures += 1


def _name(chore: Chore) -> str:
    return getattr(chore, "__name__", type(chore).__name__)

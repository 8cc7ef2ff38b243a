"""What grows by itself is kept small while the server runs."""

from __future__ import annotations

import asyncio
import logging

from gisapp.domain.access import SYSTEM
from gisapp.errors import OnemapError
from gisapp.store import changes
from gisapp.store.database import Database

log = logging.getLogger("onemap.upkeep")

#: seconds between two rounds; each changing statement leaves one row, and every new tile sums them
_EVERY_S = 3600.0
#: seconds until the next try after one that failed
_AFTER_FAILURE_S = 10.0


def fold_changes(database: Database) -> None:
    """Fold the record of changes; several servers may do it at once."""
    with database.begin(SYSTEM) as connection:
        changes.fold(connection)


async def keep_small(database: Database) -> None:
    """Fold the record of changes now and every hour; runs until it is cancelled."""
    while True:
        wait = _EVERY_S
        try:
            await asyncio.to_thread(fold_changes, database)
        except OnemapError as error:
            log.warning("the record of changes could not be folded: %s", error.code)
            wait = _AFTER_FAILURE_S
        except Exception:
            log.exception("the record of changes could not be folded")
            wait = _AFTER_FAILURE_S
        await asyncio.sleep(wait)

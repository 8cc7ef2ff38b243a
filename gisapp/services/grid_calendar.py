"""Versions of grids whose day comes while the server runs take effect by themselves."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from gisapp.domain import clock
from gisapp.errors import OnemapError
from gisapp.services.grid_publishing import activate_due
from gisapp.store.database import Database

log = logging.getLogger("onemap.grids")

#: seconds between two looks at most; a server that slept through midnight catches up within this time
_LONGEST_S = 900.0
#: seconds until the next try after one that failed, for instance because the database did not answer
_AFTER_FAILURE_S = 10.0


async def keep_current(database: Database) -> None:
    """Bring due versions into force now and after every midnight; runs until it is cancelled.

    Several servers on one database may run it: each version is brought into force by one of them.
    """
    while True:
        longest = _LONGEST_S
        try:
            for done in await asyncio.to_thread(activate_due, database):
                log.info("grids of %s: version %s in force", done["community"], done["version"])
        except OnemapError as error:
            log.warning("grids due could not be brought into force: %s", error.code)
            longest = _AFTER_FAILURE_S
        except Exception:
            # Whatever it is, the next day's versions must not wait for a restart.
            log.exception("grids due could not be brought into force")
            longest = _AFTER_FAILURE_S
        _, midnight = clock.day_bounds(clock.today())
        wait = (midnight + timedelta(seconds=1) - clock.now()).total_seconds()
        await asyncio.sleep(min(max(wait, 1.0), longest))

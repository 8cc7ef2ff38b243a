"""Versions of grids whose day comes while the server runs take effect by themselves."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from gisapp.domain import clock
from gisapp.services.grid_activation import activate_due
from gisapp.store.database import Database

log = logging.getLogger("onemap.grids")

#: seconds between two looks at most; a server that slept through midnight catches up within this time
_LONGEST_S = 900.0
#: seconds until the next look after one that failed; growing up to the last
_AFTER_FAILURE_S = (1.0, 2.0, 5.0, 15.0, 60.0)


async def keep_current(database: Database) -> None:
    """Bring due versions into force now and after every midnight; runs until it is cancelled, whatever fails.

    Several servers on one database may run it: each version is brought into force by one of them.
    """
    failures = 0
    while True:
        try:
            found = await asyncio.to_thread(activate_due, database)
        except Exception as error:
            log.warning("due grids could not be looked for: %s", type(error).__name__)
            await asyncio.sleep(_AFTER_FAILURE_S[min(failures, len(_AFTER_FAILURE_S) - 1)])
            failures += 1
            continue
        failures = 0
        for done in found.done:
            log.info("grids of %s: version %s in force", done["community"], done["version"])
        _, midnight = clock.day_bounds(clock.today())
        wait = (midnight + timedelta(seconds=1) - clock.now()).total_seconds()
        await asyncio.sleep(min(max(wait, 1.0), _LONGEST_S))

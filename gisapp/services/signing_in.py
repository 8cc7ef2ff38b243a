"""Signing in, away from everything else: checking a password costs a tenth of a second and 64 MB on purpose.

One thread of its own does it, one try after the other and after whatever else the machine has to do; a burst of sign-ins fills
its queue and no other. What does not find a place in the queue is told to come again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from gisapp.errors import TooMany
from gisapp.services import accounts
from gisapp.services.accounts import Session
from gisapp.services.tries import Tries
from gisapp.store.database import Database

MOST_WAITING = 50
"""Sign-ins that wait for the thread at most."""
SECONDS_EACH = 0.1
"""About how long one takes: what a refused one is told to wait follows from it."""
NICENESS = 10
"""The thread yields the processor to those that answer requests."""


class SignIns:
    """The sign-ins of one process; used on the event loop.

    Args:
        most_waiting: sign-ins that wait at most.
    """

    def __init__(self, database: Database, *, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._most_waiting = most_waiting
        self._tries = Tries()
        self._waiting = 0
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="onemap-sign-in", initializer=_yield_to_others
        )

    async def sign_in(self, login: str, password: str, address: str, *, hours: int, at_page: bool) -> Session:
        """Open a session.

        Args:
            address: of the client.

        Raises:
            NotSignedIn, Forbidden: as ``accounts.sign_in``.
            TooMany: too many failures of this address, or too many sign-ins at this moment.
        """
        if self._waiting >= self._most_waiting:
            raise TooMany("此刻登录的人太多。", wait=self._waiting * SECONDS_EACH)
        self._waiting += 1
        job = asyncio.get_running_loop().run_in_executor(
            self._thread, self._perform, login, password, address, hours, at_page
        )
        # Counted until the thread is done with it, even where whoever asked has left.
        job.add_done_callback(self._done)
        return await asyncio.shield(job)

    def close(self) -> None:
        """End the thread; what waits is given up."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, job: asyncio.Future[Session]) -> None:
        self._waiting -= 1
        if not job.cancelled():
            job.exception()  # seen, even where nobody waits for it any more

    def _perform(self, login: str, password: str, address: str, hours: int, at_page: bool) -> Session:
        return accounts.sign_in(
            self._database,
            login,
            password,
            hours=hours,
            at_page=at_page,
            address=address,
            tries=self._tries,
        )


def _yield_to_others() -> None:
    with suppress(OSError):  # where the system does not allow it, it is only a courtesy that is missing
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

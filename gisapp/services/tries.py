"""Failed sign-ins: who has to wait before the next try.

Counted by login and address, so that a stranger who guesses keeps himself out and not the owner of the account. Guesses at one
account from very many addresses are slowed as a whole, except from addresses that the owner has signed in from before.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gisapp.domain.buckets import Buckets, address_key
from gisapp.errors import TooMany

FREE_TRIES = 5
"""Wrong passwords of one address for one login before it has to wait."""
FIRST_PAUSE_S = 60.0
"""The first wait; each further failure doubles it."""
LONGEST_PAUSE_S = 3600.0
FORGOTTEN_S = 24 * 3600.0
"""A failure counts for so long after the last one."""

ADDRESS_BURST = 60
ADDRESS_PER_S = 0.1
"""Wrong passwords of one address for whatever logins: a burst, then so many a second."""

LOGIN_BURST = 60
LOGIN_PER_S = 0.2
"""Wrong passwords for one login from addresses that it has never been signed in from."""

MOST_REMEMBERED = 20_000
_KNOWN_ADDRESSES = 8


T = TypeVar("T")


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Tries:
    """Failed sign-ins of one process; used by one thread at a time, so that a try is counted before the next is looked at.

    Args:
        now: seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failed: OrderedDict[bytes, _Failures] = OrderedDict()
        self._addresses = Buckets(ADDRESS_BURST, ADDRESS_PER_S, most=MOST_REMEMBERED, now=now)
        self._logins = Buckets(LOGIN_BURST, LOGIN_PER_S, most=MOST_REMEMBERED, now=now)
        self._known: OrderedDict[bytes, list[str]] = OrderedDict()

    def check(self, login: str, address: str) -> None:
        """Look whether a try may be made now.

        Raises:
            TooMany: naming the seconds to wait.
        """
        address = address_key(address)
        waits = [self._pause(login, address), self._addresses.wait(address)]
        if address not in self._known.get(_key(login), ()):
            waits.append(self._logins.wait(_key(login)))
        if (wait := max(waits)) > 0:
            raise TooMany("登录失败次数过多。", wait=wait)

    def failed(self, login: str, address: str) -> None:
        """Note a wrong name or password."""
        address = address_key(address)
        self._addresses.take(address)
        if address not in self._known.get(_key(login), ()):
            self._logins.take(_key(login))
        key = _key(login, address)
        known = self._failed.pop(key, None)
        fresh = known is None or self._now() - known.last > FORGOTTEN_S
        self._failed[key] = _Failures(1 if known is None or fresh else known.count + 1, self._now())
        _shorten(self._failed)

    def succeeded(self, login: str, address: str) -> None:
        """Note a sign-in: failures of this address are forgotten, and it is known as one of the owner's."""
        address = address_key(address)
        self._failed.pop(_key(login, address), None)
        key = _key(login)
        others = [one for one in self._known.pop(key, []) if one != address]
        self._known[key] = [*others, address][-_KNOWN_ADDRESSES:]
        _shorten(self._known)

    def _pause(self, login: str, address: str) -> float:
        known = self._failed.get(_key(login, address))
        if known is None or known.count < FREE_TRIES:
            return 0.0
        # The exponent is bounded: two to the power of a million failures is no number to wait for.
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(known.count - FREE_TRIES, 16))
        return max(0.0, known.last + pause - self._now())


def _key(*words: str) -> bytes:
    """A short key of the same length whatever was typed."""
    text = "\0".join(words).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def _shorten(table: OrderedDict[bytes, T]) -> None:
    while len(table) > MOST_REMEMBERED:
        table.popitem(last=False)

"""How often something may happen, by whom: buckets of tokens that fill up again with time."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_KNOWN = 20_000


class Buckets:
    """A bucket of tokens for each key; a full bucket is not remembered.

    Args:
        burst: tokens of a full bucket.
        per_second: tokens that come back in a second.
        most: keys that are remembered; beyond, the one that was seen least recently is forgotten.
        now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        burst: float,
        per_second: float,
        *,
        most: int = MOST_KNOWN,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.burst = burst
        self.per_second = per_second
        self._most = most
        self._now = now
        # When the bucket of a key will be full again: that and the clock say how many tokens it holds.
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Seconds until a key has a token; 0 where it has one now."""
        missing = max(0.0, self._full_at.get(key, 0.0) - self._now())
        return max(0.0, missing - (self.burst - 1) / self.per_second)

    def take(self, key: Hashable) -> float:
        """Take a token; returns 0, or the seconds to wait where there is none (and takes nothing)."""
        waiting = self.wait(key)
        if waiting > 0:
            return waiting
        now = self._now()
        self._full_at[key] = max(now, self._full_at.get(key, 0.0)) + 1 / self.per_second
        self._full_at.move_to_end(key)
        while len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return 0.0

    def give_back(self, key: Hashable) -> None:
        """Give a token back that was taken."""
        if key in self._full_at:
            self._full_at[key] -= 1 / self.per_second
            if self._full_at[key] <= self._now():
                del self._full_at[key]

    def __len__(self) -> int:
        return len(self._full_at)


def address_key(host: str | None) -> str:
    """What counts as one sender: an IPv4 address, or the /64 network of an IPv6 one, of which a sender has all.

    Args:
        host: address of the client; anything else counts as it stands.
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return (host or "")[:100]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)

"""A phone's outbox: out of coverage now and then, then all at once; some messages go twice. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

Message = dict[str, Any]


class Outbox:
    """Messages of all phones until the server has taken them.

    Args:
        capacity: messages kept while the server does not answer; the oldest are dropped and counted.
    """

    def __init__(self, rng: np.random.Generator, capacity: int = 50_000) -> None:
        self.dropped = 0
        self._rng = rng
        self._ready: deque[Message] = deque()
        self._held: dict[int, list[Message]] = {}
        self._until: dict[int, float] = {}
        self._recent: deque[Message] = deque(maxlen=200)
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._ready) + sum(len(held) for held in self._held.values())

    def put(self, message: Message, now: float) -> None:
        """A phone has a position at a moment (seconds); it may be out of coverage."""
        worker = int(message["worker"])
        if worker not in self._until and self._rng.random() < 0.002:
            self._until[worker] = now + float(self._rng.uniform(20, 150))
        if worker in self._until:
            self._held.setdefault(worker, []).append(message)
            if now >= self._until[worker]:
                del self._until[worker]
                self._ready.extend(self._held.pop(worker))
        else:
            self._ready.append(message)
            if self._recent and self._rng.random() < 0.01:
                self._ready.append(self._recent[int(self._rng.integers(len(self._recent)))])
            self._recent.append(message)
        while len(self._ready) > self._capacity:
            self._ready.popleft()
            self.dropped += 1

    def take(self, most: int) -> list[Message]:
        """The oldest messages that can go now; ``put_back`` what did not arrive."""
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def put_back(self, messages: Iterable[Message]) -> None:
        """Messages that did not arrive, in their order, before all others."""
        self._ready.extendleft(reversed(list(messages)))

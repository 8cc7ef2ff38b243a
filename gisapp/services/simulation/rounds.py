"""Cases that workers come upon on their rounds: reported through the API, then handled step by step."""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from gisapp.services.demo.matters import CHANNEL_SHARES, CHANNELS, MATTERS, Matter
from gisapp.services.simulation.gateway import Gateway, Unreachable

_STEPS: tuple[tuple[str, float, Callable[[Matter], dict[str, str]]], ...] = (
    ("assign", 60.0, lambda m: {"assignee": m.unit, "note": f"请{m.unit}处置"}),
    ("handle", 150.0, lambda _: {"note": "已到现场"}),
    ("close", 300.0, lambda _: {"note": "现场已处置完毕，恢复原状"}),
)
_MOST_OPEN = 200
#: seconds until a step that failed is tried again
_AGAIN_S = 30.0


class Rounds:
    """Reports a case now and then and takes its steps later.

    Args:
        every: mean seconds between two cases; 0 for none.
    """

    def __init__(self, gateway: Gateway, rng: np.random.Generator, every: float) -> None:
        self.reported = 0
        self.steps = 0
        self._gateway = gateway
        self._rng = rng
        self._every = every
        self._next = float(rng.exponential(every)) if every else float("inf")
        self._due: list[tuple[float, int, int, Matter]] = []
        self._unanswered: tuple[Matter, dict[str, Any]] | None = None

    def tick(self, now: float, where: Callable[[], tuple[float, float]]) -> None:
        """Do what is due at a moment (seconds since the start).

        Args:
            where: gives the longitude and latitude of some worker, in degrees.

        Raises:
            Unreachable: the server does not answer; what was due is tried again later.
        """
        while self._due and self._due[0][0] <= now:
            _, event, step, matter = heapq.heappop(self._due)
            try:
                self._act(event, step, matter)
            except Unreachable:
                # Later, not first again: one case that the server fails on must not hold up all others.
                heapq.heappush(self._due, (now + _AGAIN_S, event, step, matter))
                raise
            if step + 1 < len(_STEPS):
                self._plan(now, event, step + 1, matter)
        if now >= self._next and len(self._due) < _MOST_OPEN:
            if self._unanswered is None:
                self._report(now, *where())
            else:
                self._send_report(now)
            self._next = now + float(self._rng.exponential(self._every))

    def _plan(self, now: float, event: int, step: int, matter: Matter) -> None:
        wait = _STEPS[step][1] * float(self._rng.lognormal(0, 0.5))
        heapq.heappush(self._due, (now + wait, event, step, matter))

    def _report(self, now: float, lon: float, lat: float) -> None:
        weights = np.array([m.weight for m in MATTERS])
        matter = MATTERS[int(self._rng.choice(len(MATTERS), p=weights / weights.sum()))]
        body: dict[str, Any] = {
            "lon": round(lon, 7),
            "lat": round(lat, 7),
            "matter_code": matter.code,
            "description": matter.words[int(self._rng.integers(len(matter.words)))],
            "channel": CHANNELS[int(self._rng.choice(len(CHANNELS), p=CHANNEL_SHARES))],
            "source_key": str(uuid.uuid4()),
        }
        # Kept until it is answered: the same message again makes no second case where only the answer was lost.
        self._unanswered = (matter, body)
        self._send_report(now)

    def _send_report(self, now: float) -> None:
        assert self._unanswered is not None
        matter, body = self._unanswered
        status, answer = self._gateway.post("/api/v1/events", body)
        self._unanswered = None
        if status in (200, 201) and "id" in answer:
            self.reported += 1
            self._plan(now, int(answer["id"]), 0, matter)

    def _act(self, event: int, step: int, matter: Matter) -> None:
        """Take one step; where somebody else was quicker, the case is left to them."""
        name, _, words = _STEPS[step]
        status, _ = self._gateway.post(f"/api/v1/events/{event}/steps", {"action": name, **words(matter)})
        if status < 300:
            self.steps += 1

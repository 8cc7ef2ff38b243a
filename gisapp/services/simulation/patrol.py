"""One worker's round: patrol in the own grid, and, when told, out of it and back."""

from __future__ import annotations

from enum import Enum

import numpy as np
import shapely

from gisapp.analytics.walking import Walker
from gisapp.services.simulation.duty import Duty

FAR_M = 130.0
"""Beyond the reach of any error of position, so that the fence cannot but notice."""
STAY_S = 200.0


class Mood(Enum):
    """What a worker is about."""

    PATROL = "patrol"
    LEAVING = "leaving"
    AWAY = "away"
    RETURNING = "returning"


class Patrol:
    """A worker who walks; ``step`` moves on and gives the next position."""

    def __init__(self, duty: Duty, rng: np.random.Generator) -> None:
        self.duty = duty
        self.mood = Mood.PATROL
        self._rng = rng
        self._walker = Walker(duty.paths, rng, duty.keep_to)
        self._left = 0.0

    def step(self, seconds: float) -> tuple[float, float, float, float]:
        """Walk on: x, y in metres of the zone, stated accuracy in metres, speed in metres per second."""
        speed = self._walker.walk(seconds)
        self._next_mood(seconds)
        x, y, accuracy = self._walker.fix(seconds)
        return x, y, accuracy, round(speed, 2)

    def way_out(self) -> tuple[float, list[int]]:
        """Length in metres and edges of the shortest way to a place well outside; no edges where there is none."""
        nodes = sorted(self.duty.paths.places)
        away = shapely.distance(shapely.points([self.duty.paths.places[n] for n in nodes]), self.duty.ground)
        return self._shortest([n for n, d in zip(nodes, away.tolist(), strict=True) if d > FAR_M])

    def _way_home(self) -> list[int]:
        paths = self.duty.paths
        return self._shortest(sorted({n for e, own in enumerate(paths.own) if own for n in paths.ends[e]}))[1]

    def _shortest(self, goals: list[int]) -> tuple[float, list[int]]:
        paths = self.duty.paths
        ways = [way for goal in goals if (way := paths.route(self._walker.ahead, goal))]
        return min(((sum(paths.lengths[e] for e in way), way) for way in ways), default=(float("inf"), []))

    def stray(self) -> bool:
        """Set out to a place well outside the grid; False where no street leads to one, or when not on patrol."""
        if self.mood is not Mood.PATROL:
            return False
        _, way = self.way_out()
        if not way:
            return False
        self._set_out(way, Mood.LEAVING)
        self._walker.keep_to = None
        return True

    def _set_out(self, way: list[int], mood: Mood) -> None:
        self._walker.follow(way)
        self.mood = mood

    def _next_mood(self, seconds: float) -> None:
        if self.mood is Mood.LEAVING and not self._walker.under_way:
            self.mood, self._left = Mood.AWAY, STAY_S
            self._walker.rest = STAY_S + 60
        elif self.mood is Mood.AWAY:
            self._left -= seconds
            if self._left <= 0:
                self._set_out(self._way_home(), Mood.RETURNING)
        elif self.mood is Mood.RETURNING and not self._walker.under_way:
            self.mood = Mood.PATROL
            self._walker.keep_to = self.duty.keep_to

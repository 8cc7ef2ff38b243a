"""Who walks where, and when: the plan that ``tests.bench.live`` posts, and what the fence must make of it.

Every worker sends a position every ``EVERY_S`` seconds at an offset of its own. Most stay around one place in their
grid; a share walks out, stays out until the fence fires, and walks back. Positions are a pure function of worker and
tick, so that a process posts its part and the judge reads the same afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.analytics.crs import points_from_metric, points_to_metric, to_metric, zone_for
from gisapp.checks import engine
from gisapp.checks.registry import rules
from gisapp.domain.clock import ZONE
from gisapp.domain.workers import Fix

EVERY_S = 10.0
#: ticks from the first position outside to the one that proves it: 120 s
PROOF = 12
#: ticks that a worker stays outside after that
STAYS = 6
WOBBLES, WOBBLE_M = 12, 40.0
STEP_M, REACH_M, CLEAR_M = 200.0, 4000.0, 80.0
ACCURACY_M = 8.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Positions of all workers; arrays have one row a worker, in metres of one Gauss–Krüger zone.

    Attributes:
        worker, place: id and grid.
        offset: seconds after the full tick at which the worker sends.
        spot: n × WOBBLES × 2, places inside the grid around one spot.
        leaves: tick at which the worker sets out; far in the future for who stays.
        away: n × 2, metres from the spot to where it stands outside; ``steps`` ticks to get there.
    """

    worker: NDArray[np.int64]
    place: list[str]
    zone: int
    offset: Floats
    spot: Floats
    leaves: NDArray[np.int64]
    away: Floats
    steps: NDArray[np.int64]

    def metric(self, row: int, tick: int) -> tuple[float, float]:
        """Where a worker is at a tick."""
        wobble = self.spot[row, (tick * 5 + row) % WOBBLES]
        since = tick - int(self.leaves[row])
        if since < 0:
            return float(wobble[0]), float(wobble[1])
        steps = int(self.steps[row])
        back = since - (steps + PROOF + STAYS)
        walked = max(0, steps - back) if back > 0 else min(since + 1, steps)
        if walked == 0:
            return float(wobble[0]), float(wobble[1])
        share = walked / steps
        x, y = self.spot[row, 0] + share * self.away[row]
        return float(x), float(y)

    def positions(self, rows: Iterable[int], ticks: Iterable[int]) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of pairs of worker and tick, rounded as a terminal sends them."""
        metric = np.array([self.metric(row, tick) for row, tick in zip(rows, ticks, strict=True)])
        lon, lat = points_from_metric(metric[:, 0], metric[:, 1], self.zone)
        return np.round(lon, 7), np.round(lat, 7)

    def first_tick(self, row: int) -> int:
        """The tick of a worker's first position: before the start for who is already out by then."""
        return min(0, int(self.leaves[row]))


def make_plan(
    workers: list[tuple[int, str]],
    grids: dict[str, shapely.Geometry],
    *,
    ticks: int,
    strays: float,
    seed: int,
) -> Plan:
    """A plan for workers of grids.

    Args:
        workers: id and grid of each.
        grids: polygons in EPSG:4490 degrees.
        ticks: length of the run; strays prove their absence at ticks spread over all of it.
        strays: share of the workers who walk out.
    """
    rng = np.random.default_rng(seed)
    zone = zone_for(float(next(iter(grids.values())).centroid.x))
    metric = {code: to_metric(polygon, 3.0 * zone) for code, polygon in grids.items()}
    ground = np.empty(len(workers), dtype=object)
    ground[:] = [metric[place] for _, place in workers]
    middle = _inside(ground, rng)
    spot = middle[:, None, :] + rng.uniform(-WOBBLE_M, WOBBLE_M, (len(workers), WOBBLES, 2))
    spot[:, 0] = middle
    # Within by a hand's breadth, so that seven decimals do not put a position on the border.
    inside = shapely.contains_xy(shapely.buffer(ground, -0.5)[:, None], spot[..., 0], spot[..., 1])
    spot[~inside] = np.repeat(middle[:, None, :], WOBBLES, axis=1)[~inside]
    leaves = np.full(len(workers), 1 << 40, dtype=np.int64)
    away, steps = np.zeros((len(workers), 2)), np.ones(len(workers), dtype=np.int64)
    chosen = rng.permutation(len(workers))[: round(strays * len(workers))]
    vector = _way_out(ground[chosen], middle[chosen], rng)
    found = np.hypot(*vector.T) > 0
    chosen, vector = chosen[found], vector[found]
    away[chosen] = vector
    steps[chosen] = np.maximum(1, np.ceil(np.hypot(*vector.T) / STEP_M)).astype(np.int64)
    proven = rng.integers(1, max(2, ticks - 1), len(chosen))
    leaves[chosen] = proven - PROOF - steps[chosen] + 1
    return Plan(
        np.array([worker for worker, _ in workers], dtype=np.int64),
        [place for _, place in workers],
        zone,
        rng.uniform(0, EVERY_S, len(workers)).round(3),
        spot,
        leaves,
        away,
        steps,
    )


def _inside(ground: NDArray[np.object_], rng: np.random.Generator) -> Floats:
    """A point of each polygon, a few metres off its border where there is room."""
    inner = shapely.buffer(ground, -5.0)
    inner[shapely.is_empty(inner)] = ground[shapely.is_empty(inner)]
    bounds = shapely.bounds(inner)
    points = shapely.get_coordinates(shapely.point_on_surface(inner))
    open_ = np.arange(len(ground))
    for _ in range(20):
        tried = rng.uniform(bounds[open_, :2], bounds[open_, 2:])
        hit = shapely.contains_xy(inner[open_], tried[:, 0], tried[:, 1])
        points[open_[hit]] = tried[hit]
        open_ = open_[~hit]
    return points


def _way_out(ground: NDArray[np.object_], start: Floats, rng: np.random.Generator) -> Floats:
    """From each point a straight way to where it is clear of its polygon; zero where there is none within reach."""
    angle = rng.uniform(0, 2 * np.pi, len(start))
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    vector = np.zeros_like(start)
    open_ = np.arange(len(start))
    for metres in np.arange(20.0, REACH_M, 20.0):
        at = start[open_] + metres * unit[open_]
        clear = shapely.distance(ground[open_], shapely.points(at)) >= CLEAR_M
        vector[open_[clear]] = metres * unit[open_[clear]]
        open_ = open_[~clear]
        if not len(open_):
            break
    return vector


Acknowledged = dict[int, list[tuple[datetime, float, float]]]
"""Positions that the server said it stored: by worker, instant and degrees."""


def proven(
    acknowledged: Acknowledged, place_of: dict[int, str], grids: dict[str, Any]
) -> set[tuple[Any, ...]]:
    """Worker, opening, proof and return of every alert that positions prove: the plain rule, with the exact library."""
    polygons = {}
    alerts: set[tuple[Any, ...]] = set()
    for worker, found in acknowledged.items():
        found = sorted(found)
        place = place_of[worker]
        zone = zone_for(found[0][1])
        if place not in polygons:
            polygons[place] = to_metric(grids[place], 3.0 * zone)
        x, y = points_to_metric([f[1] for f in found], [f[2] for f in found], zone)
        metres = shapely.distance(polygons[place], shapely.points(x, y))
        fixes = [Fix(worker, at, lon, lat, ACCURACY_M) for at, lon, lat in found]
        outside: list[float | None] = [0.0 if m < 0.01 else float(m) for m in metres]
        run = engine.run(rules(), engine.Memory.fresh(rules()), fixes, outside)
        for rule, episodes in run.episodes.items():
            for episode in episodes:
                assert episode.raised is not None
                alerts.add(
                    (worker, rule, episode.raised.opened_at, episode.raised.raised_at, episode.returned_at)
                )
    return alerts


def instant(wall: float, tick: int, offset: float) -> datetime:
    """Instant of a position, in whole milliseconds as terminals send it."""
    return datetime.fromtimestamp(0, ZONE) + timedelta(
        milliseconds=round((wall + tick * EVERY_S + offset) * 1000)
    )

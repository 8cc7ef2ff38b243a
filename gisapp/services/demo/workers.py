"""Grid workers, who is responsible for what, and some workers' tracks of the last days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.analytics.walking import Walker, paths_within, pavement
from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Ground, Ints
from gisapp.services.demo.grids import Grids
from gisapp.services.demo.names import given_names, surnames
from gisapp.services.demo.roads import Roads

Words = NDArray[np.object_]
Instants = NDArray[np.datetime64]

TRACK_DAYS = 3
_SHIFTS = ((8.6, 11.4), (14.0, 17.0))
_STEP = 15.0
_PHONE_BASE = 154_9000_0000


@dataclass(slots=True)
class Workers:
    """One worker per grid (row = row of the grid), and the people responsible above them."""

    code: Words
    name: Words
    phone: Words
    team: Words
    community_head: list[str]
    street_head: list[str]


@dataclass(slots=True)
class Tracks:
    """Fixes of some workers in order of time; instants are UTC."""

    worker: Ints
    at: Instants
    point: Floats
    lot: Ints
    accuracy: Floats
    speed: Floats


def staff_names(count: int, rng: np.random.Generator) -> list[str]:
    """Names of people on duty."""
    female = rng.random(count) < 0.5
    return [str(n) for n in surnames(count, rng) + given_names(female, rng.integers(1972, 2001, count), rng)]


def employ(ground: Ground, grids: Grids, rng: np.random.Generator, district: int) -> Workers:
    """Workers for all grids; two in three are full-time grid leaders, the others come from the other two teams."""
    count = len(grids.code)
    team = np.array(["网格长", "下沉人员", "群众工作队"], dtype=object)[
        rng.choice(3, size=count, p=[0.68, 0.2, 0.12])
    ]
    phone = (_PHONE_BASE + district * 100_000 + np.arange(count) * 37 % 100_000).astype(str).astype(object)
    return Workers(
        np.array([f"W{code}" for code in grids.code], dtype=object),
        np.array(staff_names(count, rng), dtype=object),
        phone,
        team,
        staff_names(len(ground.communities), rng),
        staff_names(len(ground.streets), rng),
    )


def track(
    ground: Ground, roads: Roads, grids: Grids, now: datetime, rng: np.random.Generator, count: int
) -> Tracks:
    """Tracks of some workers on the last days, a fix every 15 s on duty.

    Args:
        now: with zone, Asia/Shanghai; nothing lies after it.
        count: how many workers.
    """
    chosen = np.sort(rng.choice(len(grids.code), size=min(count, len(grids.code)), replace=False))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows: list[tuple[int, float, float, float, float, float]] = []
    for worker in chosen.tolist():
        shape = grids.shape[worker]
        walker = Walker(paths_within(roads.edges, shape), rng, pavement(shape))
        for back in range(TRACK_DAYS - 1, -1, -1):
            day = midnight - timedelta(days=back)
            for low, high in _SHIFTS:
                at = day.timestamp() + (low + float(rng.uniform(-0.2, 0.2))) * 3600
                end = min(
                    day.timestamp() + (high + float(rng.uniform(-0.2, 0.2))) * 3600, now.timestamp() - 30
                )
                while at < end:
                    seconds = _STEP + float(rng.uniform(-1, 1))
                    at += seconds
                    if rng.random() < 0.004:
                        # A tunnel, a lift, a flat battery: nothing for some minutes.
                        seconds = float(rng.uniform(120, 420))
                        at += seconds
                    speed = walker.walk(seconds)
                    x, y, accuracy = walker.fix(seconds)
                    if at < end:
                        rows.append((worker, round(at), x, y, accuracy, round(speed, 2)))
    table = np.array(rows) if rows else np.zeros((0, 6))
    point = table[:, 2:4]
    found, lot = shapely.STRtree(ground.lots).query(shapely.points(point), predicate="within")
    lots = np.full(len(point), -1, dtype=np.int64)
    lots[found] = lot
    return Tracks(
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64).astype("datetime64[s]"),
        point,
        lots,
        table[:, 4],
        table[:, 5],
    )

"""The ground of an instant: which grid holds a position, and how far it is from a worker's own.

Kept in memory for as long as neither grids nor regions change; a batch of positions then costs no query for it.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping
from sqlalchemy import Connection

from gisapp.analytics.crs import points_to_metric, to_metric, zone_for
from gisapp.analytics.fencing import Fence
from gisapp.domain.keys import Level
from gisapp.store import grounds as store
from gisapp.store.database import Database

log = logging.getLogger("onemap.grounds")

Floats = NDArray[np.float64]
#: from so many grids on, building a raster pays
MANY_GRIDS = 300
_TOUCHING_M = 0.01
"""Metres; projecting moves a point on a border off it by less than this."""
_MOST_SETS = 32
"""Grounds of the past that are kept beside that of now; they share their polygons."""


class Ground:
    """Grids that hold for some time, and the regions around them.

    Args:
        grids: fence of the grids.
        regions: fence of each level's regions, the deepest first.
        busy: much will be looked up in it, so that a raster pays where there are many grids.
    """

    def __init__(self, grids: Fence, regions: Sequence[Fence], *, busy: bool = True) -> None:
        self._grids = grids
        self._regions = regions
        self._own: dict[str, tuple[Any, int]] = {}
        if busy and len(grids) >= MANY_GRIDS:
            threading.Thread(target=self._sharpen, name="onemap-fence", daemon=True).start()

    def _sharpen(self) -> None:
        """Put the raster in place of the plain fence; both give the same answers, so nobody waits for it."""
        from gisapp.analytics.raster_fence import RasterFence  # compiles, which a street never needs

        try:
            self._grids = RasterFence(self._grids.codes, list(self._grids.polygons))
        except Exception:
            log.exception("the raster fence could not be built; the plain one goes on")

    def places(self, lon: Floats, lat: Floats) -> list[str | None]:
        """The grid of each position (EPSG:4490, degrees), else the deepest region, else None."""
        found = self._grids.codes_at(lon, lat)
        for fence in self._regions:
            missing = np.array([i for i, code in enumerate(found) if code is None], dtype=np.int64)
            if not len(missing):
                break
            for i, code in zip(missing.tolist(), fence.codes_at(lon[missing], lat[missing]), strict=True):
                found[i] = code
        return found

    def outside(self, own: Sequence[str], lon: Floats, lat: Floats) -> list[float | None]:
        """Metres of each position from the ground of its worker, 0 inside; None where that ground is not known.

        Args:
            own: place key of each position's worker: a grid, or a region whose ground is all of it.
        """
        # In the zone of the ground, not of the position: what others report at the same time must not alter a metre.
        grounds = [self._shape(place) for place in own]
        zones = np.array([zone for _, zone in grounds], dtype=np.int64)
        shapes = np.empty(len(own), dtype=object)
        shapes[:] = [shape for shape, _ in grounds]
        metres = np.full(len(own), np.nan)
        for zone in np.unique(zones[zones > 0]).tolist():
            which = zones == zone
            x, y = points_to_metric(lon[which], lat[which], zone)
            metres[which] = shapely.distance(shapes[which], shapely.points(x, y))
        # On the other side of the globe there are no metres of this zone.
        return [None if not isfinite(m) else (0.0 if m < _TOUCHING_M else m) for m in metres.tolist()]

    def outline(self, place: str) -> dict[str, Any] | None:
        """The ground of a place key as a GeoJSON geometry (EPSG:4490); None where it is not known."""
        drawn = [p for fence in self._regions if (p := fence.polygon(place)) is not None]
        whole = drawn[0] if drawn else self._whole(place)
        return None if whole is None else dict(mapping(whole))

    def _whole(self, place: str) -> Any:
        """All grids of a place as one polygon; the region's own where it has no grids."""
        parts = self._grids.below(place)
        if not parts:
            parts = [p for fence in self._regions if (p := fence.polygon(place)) is not None]
        return parts[0] if len(parts) == 1 else shapely.union_all(parts) if parts else None

    def _shape(self, place: str) -> tuple[Any, int]:
        """The ground of a place in metres, and the zone that they are measured in; None, 0 where it is not known."""
        known = self._own.get(place)
        if known is None:
            whole = self._whole(place)
            zone = 0 if whole is None else zone_for(float(whole.centroid.x))
            known = self._own[place] = (None if whole is None else to_metric(whole, 3.0 * zone), zone)
        return known


class Grounds:
    """The grounds of a database; one for each process and database, safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept = _Kept(-1, [])

    def timeline(self, connection: Connection) -> Timeline:
        """The grounds by instant as a transaction sees them that sees everything."""
        revision = store.revision(connection)
        with self._lock:
            if revision != self._kept.revision:
                self._kept = _Kept(revision, store.changes(connection))
            return Timeline(self, connection, self._kept)

    def of(self, timeline: Timeline, span: int) -> Ground:
        """The ground of a span of time of a timeline."""
        with self._lock:
            return timeline.kept.ground(timeline.connection, span)


class _Kept:
    """What is kept of one revision of grids and regions; read as it is asked for.

    Attributes:
        revision: of grids and regions.
        changes: instants at which some grid begins or ceases to hold, in order.
    """

    def __init__(self, revision: int, changes: list[datetime]) -> None:
        self.revision = revision
        self.changes = changes
        self._regions: list[Fence] | None = None
        self._history: store.History | None = None
        self._now: Ground | None = None
        self._past: dict[int, Ground] = {}

    def ground(self, connection: Connection, span: int) -> Ground:
        """The ground of a span; of those that are past the last ones asked for are kept."""
        if self._regions is None:
            self._regions = _regions(connection)
        if span == len(self.changes):
            if self._now is None:
                codes, polygons = store.grids_now(connection)
                self._now = Ground(Fence(codes, list(polygons)), self._regions)
            return self._now
        if span not in self._past:
            if self._history is None:
                self._history = store.history(connection)
            if len(self._past) >= _MOST_SETS:
                self._past.pop(next(iter(self._past)))
            held = (
                self._history.at(self.changes[span - 1]) if span else (list[str](), np.empty(0, dtype=object))
            )
            self._past[span] = Ground(Fence(held[0], list(held[1])), self._regions, busy=False)
        return self._past[span]


def _regions(connection: Connection) -> list[Fence]:
    by_level: dict[int, tuple[list[str], list[Any]]] = {}
    for level, code, polygon in store.regions(connection):
        if level >= Level.CITY:
            found = by_level.setdefault(level, ([], []))
            found[0].append(code)
            found[1].append(polygon)
    return [Fence(*by_level[level]) for level in sorted(by_level, reverse=True)]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The grounds by instant, as one transaction sees them."""

    grounds: Grounds
    connection: Connection
    kept: _Kept

    def span(self, at: datetime) -> int:
        """Number of the span of time between two changes that an instant lies in; a change begins one."""
        return bisect_right(self.kept.changes, at)

    def ground(self, span: int) -> Ground:
        """The ground of a span."""
        return self.grounds.of(self, span)

    def at(self, at: datetime) -> Ground:
        """The ground of an instant."""
        return self.ground(self.span(at))

    def now(self) -> Ground:
        """The ground in force."""
        return self.ground(len(self.kept.changes))


_known: WeakKeyDictionary[Database, Grounds] = WeakKeyDictionary()
_known_lock = threading.Lock()


def grounds_of(database: Database) -> Grounds:
    """The grounds of a database."""
    with _known_lock:
        return _known.setdefault(database, Grounds())

"""Tracks of workers on duty: order, doubled messages, impossible jumps, gaps, lines and lengths.

A track is judged as a whole, in the order of its instants, so what comes late or twice leads to the same result. The
classifier is a step function with a small state, so that it also runs on a stream.

Positions are (lon, lat) degrees in EPSG:4490; lengths are metres in the 3° Gauss–Krüger zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from gisapp.analytics.crs import points_to_metric, zone_for
from gisapp.domain.workers import Fix

#: metres per second; a worker on foot, by e-bike or in a car does not move faster within a city (162 km/h)
JUMP_SPEED_MS = 45.0
#: metres that two positions may differ beyond what speed and accuracy explain
JUMP_SLACK_M = 30.0
#: so many positions in a row that agree with each other but not with the one before them are where the worker is
JUMP_SETTLES = 3
#: seconds; longer silence between two positions is a gap: nothing is claimed about the time in it
GAP_S = 180.0
#: seconds; after such a silence a new span begins, and nothing of the old one is needed to judge it
SPAN_GAP_S = 1800.0
#: metres; a position with a wider radius (cell towers) says nothing about streets or grids
COARSE_M = 100.0
#: metres; radius taken where a terminal states none
USUAL_ACCURACY_M = 30.0

_EARTH_A = 6378137.0
_EARTH_E2 = 0.00669438002290


class Verdict(StrEnum):
    """What a position is worth; the value is what ``fix.flag`` stores."""

    GOOD = ""
    JUMP = "jump"
    COARSE = "coarse"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the classifier remembers of a position: seconds since the epoch, degrees, metres."""

    at: float
    lon: float
    lat: float
    accuracy: float

    def as_json(self) -> list[float]:
        return [self.at, self.lon, self.lat, self.accuracy]


@dataclass(frozen=True, slots=True)
class TrackState:
    """State of the classifier between two positions.

    Attributes:
        newest: seconds of the newest position of any kind; None before the first.
        last: the last good position.
        suspects: positions since then that cannot have been reached from it, but from one another.
    """

    newest: float | None = None
    last: Seen | None = None
    suspects: tuple[Seen, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "newest": self.newest,
            "last": self.last.as_json() if self.last else None,
            "suspects": [s.as_json() for s in self.suspects],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrackState:
        last = value.get("last")
        return cls(
            value.get("newest"),
            Seen(*last) if last else None,
            tuple(Seen(*s) for s in value.get("suspects", ())),
        )


def rough_metres(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Distance of two near positions in metres (within 0.1 % up to 50 km): for judging, not for reporting."""
    sin = math.sin(math.radians((lat_a + lat_b) / 2))
    w2 = 1.0 - _EARTH_E2 * sin * sin
    east = math.radians(lon_b - lon_a) * _EARTH_A / math.sqrt(w2) * math.sqrt(1.0 - sin * sin)
    north = math.radians(lat_b - lat_a) * _EARTH_A * (1.0 - _EARTH_E2) / (w2 * math.sqrt(w2))
    return math.hypot(east, north)


def reachable(a: Seen, b: Seen) -> bool:
    """Whether a worker can have gone from one position to the other in the time between them."""
    metres = rough_metres(a.lon, a.lat, b.lon, b.lat)
    return metres <= JUMP_SPEED_MS * abs(b.at - a.at) + a.accuracy + b.accuracy + JUMP_SLACK_M


def classify(state: TrackState, fix: Fix) -> tuple[TrackState, Verdict]:
    """Judge the next position of a track.

    A coarse position is set aside. One that cannot have been reached is a jump; the third in a row that can be
    reached from the one before it is accepted, because then the old position was the wrong one (or the terminal was
    carried while it was silent). After a silence of ``SPAN_GAP_S`` anything is reachable.

    Args:
        state: after the position before; its instant must be earlier.
        fix: the next position.
    """
    at = fix.at.timestamp()
    if state.newest is not None and at - state.newest > SPAN_GAP_S:
        state = TrackState()
    accuracy = USUAL_ACCURACY_M if fix.accuracy is None else fix.accuracy
    if accuracy > COARSE_M:
        return TrackState(at, state.last, state.suspects), Verdict.COARSE
    seen = Seen(at, fix.lon, fix.lat, accuracy)
    if state.last is None or reachable(state.last, seen):
        return TrackState(at, seen), Verdict.GOOD
    suspects = state.suspects if state.suspects and reachable(state.suspects[-1], seen) else ()
    if len(suspects) + 1 >= JUMP_SETTLES:
        return TrackState(at, seen), Verdict.GOOD
    return TrackState(at, state.last, (*suspects, seen)), Verdict.JUMP


def in_order(fixes: Iterable[Fix]) -> list[Fix]:
    """The positions of one worker by instant, each instant once.

    Of two messages with the same instant the more accurate stands, then the more western, then the more southern one:
    the choice must not depend on which came first.
    """

    def key(fix: Fix) -> tuple[datetime, float, float, float]:
        return fix.at, math.inf if fix.accuracy is None else fix.accuracy, fix.lon, fix.lat

    ordered: list[Fix] = []
    for fix in sorted(fixes, key=key):
        if not ordered or ordered[-1].at != fix.at:
            ordered.append(fix)
    return ordered


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence between two positions."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Track:
    """A worker's judged track.

    Attributes:
        fixes: all positions in order, each instant once.
        verdicts: one for each.
        pieces: good positions between gaps.
        gaps: silences longer than ``GAP_S`` between good positions.
    """

    fixes: list[Fix]
    verdicts: list[Verdict]
    pieces: list[list[Fix]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def jumps(self) -> list[Fix]:
        """Positions that cannot be true."""
        return [
            fix for fix, verdict in zip(self.fixes, self.verdicts, strict=True) if verdict is Verdict.JUMP
        ]

    @property
    def metres(self) -> float:
        """Length of all pieces in metres."""
        return sum(length_m(piece) for piece in self.pieces)


def judge(fixes: Iterable[Fix]) -> Track:
    """Judge all positions of one worker, whatever their order and however often they came."""
    ordered = in_order(fixes)
    state, verdicts = TrackState(), []
    for fix in ordered:
        state, verdict = classify(state, fix)
        verdicts.append(verdict)
    good = [fix for fix, verdict in zip(ordered, verdicts, strict=True) if verdict is Verdict.GOOD]
    pieces: list[list[Fix]] = []
    gaps: list[Gap] = []
    for fix in good:
        if pieces and (fix.at - pieces[-1][-1].at).total_seconds() <= GAP_S:
            pieces[-1].append(fix)
            continue
        if pieces:
            gaps.append(Gap(pieces[-1][-1].at, fix.at))
        pieces.append([fix])
    return Track(ordered, verdicts, pieces, gaps)


def length_m(fixes: Sequence[Fix]) -> float:
    """Length of the line through positions, in metres of the 3° Gauss–Krüger zone of the first."""
    if len(fixes) < 2:
        return 0.0
    lon, lat = np.array([f.lon for f in fixes]), np.array([f.lat for f in fixes])
    x, y = points_to_metric(lon, lat, zone_for(float(lon[0])))
    return float(np.hypot(np.diff(x), np.diff(y)).sum())


def as_geojson(track: Track) -> dict[str, Any]:
    """A feature collection: one line a piece with the instant of each corner, and the jumps as points.

    Instants are milliseconds since the epoch, as scripts in a browser want them.
    """
    features: list[dict[str, Any]] = []
    for piece in track.pieces:
        points = [[fix.lon, fix.lat] for fix in piece]
        if len(points) == 1:
            points = points * 2
        times = [int(fix.at.timestamp() * 1000) for fix in piece]
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": points},
                "properties": {"kind": "piece", "times": times, "metres": round(length_m(piece), 1)},
            }
        )
    for fix in track.jumps:
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [fix.lon, fix.lat]},
                "properties": {"kind": "jump", "time": int(fix.at.timestamp() * 1000)},
            }
        )
    return {"type": "FeatureCollection", "features": features}

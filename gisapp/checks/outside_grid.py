"""A worker on duty is outside the own grid for longer than the stated time (电子围栏).

A position counts as outside only beyond the reach of its own error, so that standing near an edge raises nothing; one
inside ends the count; one in between proves neither. Time counts only between positions that follow each other closely:
what happened in a silence is not claimed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from gisapp.analytics.tracks import USUAL_ACCURACY_M, Verdict
from gisapp.checks.definition import Context, Raised, Rule, State, Step
from gisapp.domain.clock import local
from gisapp.domain.workers import Fix

#: seconds outside until the alert
OUTSIDE_S = 120.0
#: positions outside that it takes at least
OUTSIDE_FIXES = 3
#: seconds between two positions outside, beyond which the count begins anew
SILENCE_S = 180.0
#: the 68 % radius that a terminal states, times this, holds about 99 % of its positions
MARGIN_FACTOR = 2.0
#: metres; terminals overstate their accuracy between tall buildings
MARGIN_LEAST_M = 30.0
#: positions kept as evidence: the first and the last ones
KEPT_FIRST, KEPT_LAST = 12, 24


def margin_m(fix: Fix) -> float:
    """Metres from the grid within which a position may well be an error of one inside."""
    accuracy = USUAL_ACCURACY_M if fix.accuracy is None else fix.accuracy
    return max(MARGIN_LEAST_M, MARGIN_FACTOR * accuracy)


def start(open_alert: bool) -> State:
    """Nothing counted yet; an alert that is open stays so until a position inside."""
    return {"open": open_alert, "outside": []}


def step(state: State, fix: Fix, context: Context) -> Step:
    """Take in the next position."""
    if context.verdict is not Verdict.GOOD or context.outside_m is None:
        return Step(state)
    if context.outside_m == 0.0:
        return Step(start(False), returned=fix.at if state["open"] else None)
    if state["open"] or context.outside_m <= margin_m(fix):
        return Step(state)
    outside: list[list[Any]] = list(state["outside"])
    at = fix.at.timestamp()
    if outside and at - outside[-1][0] > SILENCE_S:
        outside = []
    outside.append([at, fix.lon, fix.lat, fix.accuracy, round(context.outside_m, 1)])
    if at - outside[0][0] < OUTSIDE_S or len(outside) < OUTSIDE_FIXES:
        if len(outside) > KEPT_FIRST + KEPT_LAST:
            del outside[KEPT_FIRST]
        return Step({"open": False, "outside": outside})
    return Step({"open": True, "outside": []}, raised=_raised(outside))


def _raised(outside: list[list[Any]]) -> Raised:
    first, last = outside[0], outside[-1]
    return Raised(
        opened_at=_instant(first[0]),
        raised_at=_instant(last[0]),
        lon=last[1],
        lat=last[2],
        evidence={
            "fixes": [
                {
                    "at": _instant(at).isoformat(),
                    "lon": lon,
                    "lat": lat,
                    "accuracy": accuracy,
                    "outside_m": metres,
                }
                for at, lon, lat, accuracy, metres in outside
            ],
            "seconds": round(last[0] - first[0]),
            "furthest_m": max(row[4] for row in outside),
        },
    )


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _instant(seconds: float) -> datetime:
    # Whole microseconds, as the database stores them: a float of seconds is off by one in some years.
    return local(_EPOCH + timedelta(microseconds=round(seconds * 1e6)))


RULE = Rule(
    id="outside_grid",
    title="geofence",
    unit="秒",
    source="S0 9.2",
    summary=f"当班网格员离开本网格连续 {OUTSIDE_S:.0f} 秒以上（超出定位误差范围，至少 {OUTSIDE_FIXES} 个定位点）即告警，回到网格后解除",
    start=start,
    step=step,
    sentence=lambda name: f"{name}离开本网格超过 {OUTSIDE_S / 60:.0f} 分钟",
)

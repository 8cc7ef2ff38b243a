"""Assessment: the values of an indicator by place, each with the way to the records behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gisapp.analytics import scales
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader
from gisapp.domain.keys import Level, PlaceKey
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError
from gisapp.indicators import Indicator, indicator, indicators
from gisapp.store import scopes
from gisapp.store.database import Database
from gisapp.store.events import Filter
from gisapp.store.measures import MEASURES

FEW = 5
"""A share of fewer records than this is shown, and said to be one of few."""


def catalogue() -> list[dict[str, Any]]:
    """All indicators with title, unit, source, target and the words of their counts."""
    return [
        {
            "id": i.id,
            "title": label(i.id),
            "unit": i.unit,
            "source": i.source,
            "target": i.target,
            "counts": dict(i.counts),
        }
        for i in indicators().values()
    ]


def scores(
    database: Database,
    reader: Reader,
    indicator_id: str,
    *,
    place: str = "",
    level: Level = Level.GRID,
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Values of an indicator for the places of a level below a place.

    Args:
        place: prefix to narrow to; empty for all of the reader's scope.
        level: level of the rows.
        since: first instant of reporting, included.
        until: last instant of reporting, not included.

    Returns:
        ``indicator``, ``target``, ``counts`` (words of the counts), ``moment``, ``total``; ``rows``, each with ``place``,
        ``name``, ``counts``, ``value``, ``reached``, ``few``, ``class`` (its number in ``classes``) and ``records``;
        ``classes`` of the map from the lowest on, each with ``low``, ``high`` and ``side`` (−1 next below the target, 1 from
        it on); ``bounds`` (west, south, east, north in degrees, EPSG:4490) of where the rows lie; ``within``, the prefixes
        that they were looked for in.

    Raises:
        NotFound: no such indicator.
        InputError: level above the place, or an empty span of time.
    """
    chosen = indicator(indicator_id)
    place = incoming.place(place)
    since = None if since is None else incoming.instant(since, "since")
    until = None if until is None else incoming.instant(until, "until")
    if place and PlaceKey(place).level > level:
        raise InputError(
            "统计层级高于所选地点。",
            remedy=f"请选择{label(PlaceKey(place).level.term)}或其下级。",
            details={"field": "level"},
        )
    if since is not None and until is not None and since >= until:
        raise InputError("起始时间不早于截止时间。", remedy="请调整统计时段。", details={"field": "since"})
    now = clock.now()
    wanted = Filter(place=place or None, since=since, until=until, moment=now)
    with database.begin(reader) as connection:
        counted = MEASURES[chosen.measure](connection, wanted, int(level))
        keys = [row["place"] for row in counted]
        names = (scopes.grid_names_of if level is Level.GRID else scopes.names_of)(connection, keys)
        bounds = scopes.extent_of(connection, *keys) if keys else None
    rows = [
        _score(chosen, row["place"], names, {name: row[name] for name in chosen.counts}) for row in counted
    ]
    classes = _classify(chosen, rows)
    total = {name: sum(row["counts"][name] for row in rows) for name in chosen.counts}
    return {
        "indicator": {
            "id": chosen.id,
            "title": label(chosen.id),
            "unit": chosen.unit,
            "source": chosen.source,
        },
        "target": chosen.target,
        "counts": dict(chosen.counts),
        "moment": now.isoformat(),
        "total": {"counts": total, "value": chosen.value(total) if rows else None},
        "rows": rows,
        "classes": classes,
        "bounds": bounds,
        "within": [place] if place else list(reader.scope.prefixes),
    }


def _score(chosen: Indicator, place: str, names: dict[str, str], counts: dict[str, int]) -> dict[str, Any]:
    value = chosen.value(counts)
    return {
        "place": place,
        "name": names.get(place, place),
        "counts": counts,
        "value": value,
        "reached": None if value is None else value >= chosen.target,
        "few": bool(chosen.base) and value is not None and counts[chosen.base] < FEW,
        "records": {name: {"place": place, **narrow} for name, narrow in chosen.records.items()},
    }


def _classify(chosen: Indicator, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Classes around the target; each row is told its own. Shares of few do not stretch the scale of the others."""
    valued = [row for row in rows if row["value"] is not None]
    sound = [row["value"] for row in valued if not row["few"]]
    bounds = scales.around(sound or [row["value"] for row in valued], chosen.target)
    for row in rows:
        row["class"] = None if row["value"] is None else scales.class_of(row["value"], bounds)
    lows, highs = [None, *bounds], [*bounds, None]
    return [
        {"low": low, "high": high, "side": scales.side_of(number, bounds, chosen.target)}
        for number, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]

"""Service demand (服务需求): which kinds there are, where it lies, and the counts behind the demand layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from gisapp.analytics.hexes import Cells, cell_polygons, point_cell, point_cells
from gisapp.domain import clock, codes, incoming
from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label, term
from gisapp.errors import InputError, NotFound
from gisapp.services.analysis_runs import check_place
from gisapp.store import analysis, demand, scopes
from gisapp.store.analysis import PEOPLE, Points
from gisapp.store.database import Database

CASES = "event"
#: kinds of demand: vocabulary identifiers
_TERMS = {
    CASES: CASES,
    "people": "person",
    "elders": "elders",
    "children": "children",
    "floating": "floating",
}

KINDS = tuple(_TERMS)
"""Kinds of demand, in the order of lists."""

LAYER_RESOLUTIONS = (8, 9, 10)
"""Resolutions of the demand layer, from far to near."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What counts as demand.

    Attributes:
        place: prefix of the place key.
        kind: ``event`` for cases, else residents: ``people``, ``elders``, ``children``, ``floating``.
        since: first local day, cases only.
        until: last local day, included, cases only.
        matter_class: first two digits of the matter code, cases only.
    """

    place: str
    kind: str = CASES
    since: date | None = None
    until: date | None = None
    matter_class: str | None = None

    def what(self) -> str:
        """What is counted, in Chinese."""
        return matter_classes()[self.matter_class] if self.matter_class else title_of(self.kind)

    def words(self) -> str:
        """What is counted and when, in Chinese."""
        if self.kind != CASES or (self.since is None and self.until is None):
            return self.what()
        return f"{self.what()}（{self.since or '最早'} 至 {self.until or '今'}）"

    def as_json(self) -> dict[str, Any]:
        """For the record of a run."""
        return {
            "place": self.place,
            "kind": self.kind,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "matter_class": self.matter_class,
        }


def title_of(kind: str) -> str:
    """Chinese name of a kind of demand."""
    return label(_TERMS[kind])


def unit_of(kind: str) -> str:
    """What is counted."""
    return "件" if kind == CASES else (term(_TERMS[kind]).unit or "人")


def matter_classes() -> dict[str, str]:
    """First two digits of the matter codes and their names."""
    return {entry.class_code: entry.class_name for entry in codes.matter_types().values()}


def checked(reader: Reader, wanted: Demand) -> Demand:
    """The demand, if the reader may ask for it.

    Raises:
        InputError: an unknown kind or class, or days in the wrong order.
        Forbidden: the place lies outside the scope, or the role does not analyse.
    """
    check_place(reader, wanted.place)
    if wanted.kind not in _TERMS:
        raise InputError(
            f"没有“{wanted.kind}”这种需求。",
            remedy=f"可选：{'、'.join(title_of(k) for k in _TERMS)}。",
            details={"field": "kind"},
        )
    if wanted.matter_class and wanted.matter_class not in matter_classes():
        raise InputError(
            f"没有事项大类“{wanted.matter_class}”。",
            remedy="请从列表中选择大类。",
            details={"field": "matter_class"},
        )
    for field, given in (("since", wanted.since), ("until", wanted.until)):
        if given is not None:
            incoming.day(given, field)
    if wanted.since and wanted.until and wanted.since > wanted.until:
        raise InputError(
            f"起始日期 {wanted.since} 晚于截止日期 {wanted.until}。",
            remedy="请对调两个日期。",
            details={"field": "since"},
        )
    return wanted


def require_known_place(database: Database, reader: Reader, place: str) -> None:
    """Refuse a place that is no region and no grid before anything is begun for it.

    Raises:
        NotFound: naming the place.
    """
    with database.begin(reader) as connection:
        known = scopes.names_of(connection, [place]) | scopes.grid_names_of(connection, [place])
    if place not in known:
        raise NotFound(
            f"没有编码为 {place} 的地点。", remedy="请从列表中选择地点。", details={"field": "place"}
        )


def points_of(database: Database, reader: Reader, wanted: Demand) -> Points:
    """Where the demand lies, each point with its weight; under the reader's row security."""
    with database.begin(reader) as connection:
        if wanted.kind in PEOPLE:
            return analysis.people_points(connection, wanted.place, wanted.kind)
        since = clock.day_bounds(wanted.since)[0] if wanted.since else None
        until = clock.day_bounds(wanted.until)[1] if wanted.until else None
        return analysis.case_points(connection, wanted.place, since, until, wanted.matter_class)


def options(database: Database, reader: Reader) -> dict[str, Any]:
    """What a form can offer: kinds of demand, classes of matters, the days that there are cases of."""
    with database.begin(reader) as connection:
        first, last = demand.days_of_cases(connection)
    return {
        "kinds": [{"id": kind, "title": title_of(kind), "unit": unit_of(kind)} for kind in _TERMS],
        "classes": [{"id": code, "title": name} for code, name in sorted(matter_classes().items())],
        "first_day": first,
        "last_day": last,
    }


def recount(connection: Connection, prefixes: Sequence[str]) -> int:
    """Count the cases within prefixes by H3 cell, day and grid anew, after they changed in bulk.

    Returns:
        the number of cases counted.
    """
    demand.hold(connection, prefixes)
    found = demand.case_places(connection, prefixes)
    parts = []
    for resolution in LAYER_RESOLUTIONS:
        cells = point_cells(found.lon, found.lat, resolution)
        parts.append(demand.counted(found, cells, resolution))
        _store_outlines(connection, cells, resolution)
    demand.replace_counts(connection, parts, prefixes)
    return len(found.lon)


def count_case(connection: Connection, place: str, lon: float, lat: float, reported_at: datetime) -> None:
    """Count one new case, so that the demand layer shows it at once."""
    demand.hold(connection, [place], for_one=True)
    cells = []
    for resolution in LAYER_RESOLUTIONS:
        cell = point_cell(lon, lat, resolution)
        _store_outlines(connection, np.array([cell]), resolution)
        cells.append((resolution, cell))
    demand.count_one(connection, place, clock.local(reported_at).date(), cells)


def _store_outlines(connection: Connection, cells: Cells, resolution: int) -> None:
    fresh = demand.unknown_hexagons(connection, np.unique(cells))
    demand.add_hexagons(connection, fresh, resolution, cell_polygons(fresh))


def last_days(days: int) -> tuple[date, date]:
    """The last so many local days, today included."""
    today = clock.today()
    return today - timedelta(days=days - 1), today

"""Cases and positions without a pause while grids are published, and the count of what came to stand in a wrong grid.

Used by ``tests.bench.publications`` with processes, and by a test with threads.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import shapely
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.domain.events import Action
from gisapp.errors import InputError, OnemapError
from gisapp.services import events, grid_activation, grid_drafts, grid_publishing, grids, tracks
from gisapp.store.database import Database

#: positions in one post, and the share of them that come late, by up to so many seconds
POST, LATE_SHARE, LATE_S = 20, 0.2, 900.0
#: share of cases that are brought to their end at once
CLOSED_SHARE = 0.3
#: share of publications that are planned for a later day, which then comes
PLANNED_SHARE = 0.2


class Flag(Protocol):
    """What tells the load to end: an event of threads or of processes."""

    def is_set(self) -> bool: ...


@dataclass
class Told:
    """What one source of load was told is done.

    Attributes:
        cases: id by source key. closed: ids of those that were closed.
        positions: worker and instant of each that was stored.
        late: how many of them lay back in time. seconds: of each request. errors: what was refused or failed.
    """

    cases: dict[str, int] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    positions: set[tuple[int, datetime]] = field(default_factory=set)
    late: int = 0
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def communities_of(database: Database) -> dict[str, bytes]:
    """Communities with grids: border as WKB by code."""
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "SELECT place, ST_AsBinary(geom) AS wkb FROM onemap.region WHERE level = 12 AND geom IS NOT NULL "
                "AND EXISTS (SELECT 1 FROM onemap.grid WHERE community = region.place) ORDER BY place"
            )
        )
        return {row.place: bytes(row.wkb) for row in rows}


def workers_of(database: Database) -> list[tuple[int, str]]:
    """Active workers: id and community."""
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(text("SELECT id, left(place, 12) FROM onemap.grid_worker WHERE active"))
        return [(row[0], row[1]) for row in rows]


class _Ground:
    """Places inside of communities."""

    def __init__(self, communities: dict[str, bytes], rng: random.Random) -> None:
        self.shapes = {code: shapely.from_wkb(wkb) for code, wkb in communities.items()}
        self.codes = sorted(self.shapes)
        self.rng = rng
        for shape in self.shapes.values():
            shapely.prepare(shape)

    def somewhere(self, community: str) -> tuple[float, float]:
        shape = self.shapes[community]
        west, south, east, north = shape.bounds
        while True:
            lon, lat = self.rng.uniform(west, east), self.rng.uniform(south, north)
            if shapely.contains_xy(shape, lon, lat):
                return lon, lat


def report_cases(url: str, communities: dict[str, bytes], seed: int, stop: Flag) -> Told:
    """Report cases one after the other until it is told to stop; some are handled and closed."""
    database, rng, told = Database(url, connections=2), random.Random(seed), Told()
    ground = _Ground(communities, rng)
    try:
        while not stop.is_set():
            lon, lat = ground.somewhere(rng.choice(ground.codes))
            key = secrets.token_hex(8)
            begun = time.monotonic()
            try:
                what = events.Report(lon=lon, lat=lat, matter_code="06010", source_key=key)
                told.cases[key] = identifier = int(events.report(database, SYSTEM, what)["id"])
                told.seconds.append(time.monotonic() - begun)
                if rng.random() < CLOSED_SHARE:
                    events.act(database, SYSTEM, identifier, Action.ASSIGN, assignee="环卫所")
                    events.act(database, SYSTEM, identifier, Action.HANDLE)
                    events.act(database, SYSTEM, identifier, Action.CLOSE, note="已清理")
                    told.closed.append(identifier)
            except OnemapError as error:
                told.errors.append(error.message)
    finally:
        database.close()
    return told


def send_positions(
    url: str, communities: dict[str, bytes], workers: Sequence[tuple[int, str]], seed: int, stop: Flag
) -> Told:
    """Post positions of some workers one batch after the other until it is told to stop."""
    database, rng, told = Database(url, connections=2), random.Random(seed), Told()
    ground = _Ground(communities, rng)
    try:
        while not stop.is_set():
            sent: list[tuple[int, datetime]] = []
            messages = []
            for worker, community in rng.sample(list(workers), min(POST, len(workers))):
                late = rng.random() < LATE_SHARE
                at = clock.now() - timedelta(seconds=rng.uniform(1, LATE_S) if late else 0)
                lon, lat = ground.somewhere(community)
                told.late += late
                sent.append((worker, at))
                messages.append(
                    {"worker": worker, "at": at.isoformat(), "lon": lon, "lat": lat, "accuracy": 8.0}
                )
            begun = time.monotonic()
            try:
                receipt = tracks.take_in(database, SYSTEM, messages)
                told.seconds.append(time.monotonic() - begun)
                told.positions.update(sent)
                if receipt.refused or receipt.stored != len(sent):
                    told.errors.append(
                        f"{receipt.stored} of {len(sent)} stored, {len(receipt.refused)} refused"
                    )
            except OnemapError as error:
                told.errors.append(error.message)
    finally:
        database.close()
    return told


def publish_some(
    database: Database, communities: Sequence[str], count: int, rng: random.Random
) -> list[float]:
    """So many publications in communities by chance, splits and merges; seconds of each."""
    seconds = []
    while len(seconds) < count:
        community = rng.choice(list(communities))
        draft = _drawn(database, community, rng)
        planned = rng.random() < PLANNED_SHARE
        day = clock.today() + timedelta(days=1) if planned else None
        begun = time.monotonic()
        grid_publishing.publish(database, SYSTEM, community, draft["revision"], valid_from=day)
        if planned:
            with database.begin(SYSTEM) as connection:
                connection.execute(
                    text("UPDATE onemap.grid_version SET planned_for = :d WHERE status = 'scheduled'"),
                    {"d": clock.today()},
                )
            begun = time.monotonic()
            found = grid_activation.activate_due(database)
            assert (len(found.done), found.failed) == (1, []), found
        seconds.append(time.monotonic() - begun)
    return seconds


def _drawn(database: Database, community: str, rng: random.Random) -> dict[str, Any]:
    """A draft with one more or one less grid."""
    draft = grid_drafts.open_draft(database, SYSTEM, community)
    for _ in range(200):
        shapes = {
            f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in draft["grids"]["features"]
        }
        codes = sorted(shapes)
        if len(codes) > 1 and rng.random() < (0.2 if len(codes) < 5 else 0.7):
            operation: dict[str, Any] = {"kind": "merge", "codes": rng.sample(codes, 2)}
        else:
            code = rng.choice(codes)
            west, south, east, north = shapes[code].bounds
            x, y = rng.uniform(west, east), rng.uniform(south, north)
            line = [[west - 0.001, y], [east + 0.001, y + 0.0001]]
            if rng.random() < 0.5:
                line = [[x, south - 0.001], [x + 0.0001, north + 0.001]]
            operation = {"kind": "split", "code": code, "line": line}
        try:
            return grid_drafts.apply(database, SYSTEM, community, draft["revision"], operation)
        except InputError:
            continue
    raise AssertionError(f"nothing could be drawn in {community}")


def verdict(database: Database, told: Sequence[Told]) -> dict[str, Any]:
    """What stands in a wrong grid, was lost or doubled; all of it must be 0."""
    cases = {key: identifier for one in told for key, identifier in one.cases.items()}
    positions = {position for one in told for position in one.positions}
    closed = [identifier for one in told for identifier in one.closed]
    with database.begin(SYSTEM) as connection:
        stored = connection.execute(
            text("SELECT source_key, id FROM onemap.event WHERE source_key = ANY(:keys)"),
            {"keys": list(cases)},
        ).all()
        fixes = connection.execute(text("SELECT worker_id, at FROM onemap.fix")).all()
        wrong_closed = connection.execute(
            # The case was closed in the grid that was in force then; the publication may have been waiting for it.
            text(
                "SELECT count(*) FROM onemap.event e WHERE e.id = ANY(:ids) AND NOT EXISTS (SELECT 1 FROM onemap.grid g "
                "WHERE g.place = e.place AND ST_DWithin(g.geom, e.geom, 2e-9) "
                "AND g.valid_from <= e.closed_at + interval '15 s' "
                "AND (g.valid_to IS NULL OR g.valid_to > e.closed_at))"
            ),
            {"ids": closed},
        ).scalar_one()
        open_alerts = connection.execute(
            text("SELECT count(*) FROM onemap.alert WHERE raised_at > now() - interval '1 hour'")
        ).scalar_one()
    kept = {(row.worker_id, row.at) for row in fixes}
    misplaced = grids.check_rows(database, SYSTEM, all_positions=True)
    return {
        "cases": len(cases),
        "cases_closed": len(closed),
        "positions": len(positions),
        "positions_late": sum(one.late for one in told),
        "alerts": int(open_alerts),
        "errors": sum(len(one.errors) for one in told),
        "lost": len(set(cases.items()) - {(row.source_key, row.id) for row in stored})
        + len(positions - kept),
        "doubled": len(stored) - len({row.source_key for row in stored}),
        "wrong_grid": len(misplaced) + int(wrong_closed),
        "untiled": sum(bool(one.problems) for one in grids.check(database, SYSTEM)),
        "examples": [str(row) for row in misplaced[:5]] + [error for one in told for error in one.errors[:2]],
    }


GOOD = ("errors", "lost", "doubled", "wrong_grid", "untiled")
"""Figures of the verdict that must be 0."""

"""Taking in positions on a real database: nothing lost, nothing twice, and the same alerts in whatever order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.clock import ZONE
from gisapp.domain.keys import Scope
from gisapp.errors import Conflict, Forbidden, NotFound
from gisapp.services import alerting, alerts, grounds, judging, situation, tracks
from gisapp.store.database import Database

NOW = datetime(2025, 3, 5, 18, 0, tzinfo=ZONE)
MORNING = datetime(2025, 3, 5, 9, 0, tzinfo=ZONE)
WEST, EAST = "330103001001001", "330103001001002"
DEVICE = Reader(1, "device", "终端网关", Role.ADMIN, Scope.everything())
LEADER = Reader(2, "leader", "街道领导", Role.LEADER, Scope(["330103001"]))
ELSEWHERE = Reader(3, "other", "别的领导", Role.LEADER, Scope(["330103002"]))

# Two grids side by side, each about 384 m × 444 m; their border is at 120.104° E.
SQUARES = {WEST: (120.100, 120.104), EAST: (120.104, 120.108)}
SOUTH, NORTH = 30.300, 30.304


@pytest.fixture(scope="module", autouse=True)
def ground(database: Database) -> None:
    with database.begin(SYSTEM) as connection:
        for place, (west, east) in SQUARES.items():
            connection.execute(
                text(
                    "INSERT INTO onemap.grid (place, version, community, name, valid_from, geom) VALUES "
                    "(:place, 1, left(:place, 12), '第' || right(:place, 1) || '网格', '2025-01-01', "
                    "ST_MakeEnvelope(:west, :south, :east, :north, 4490))"
                ),
                {"place": place, "west": west, "east": east, "south": SOUTH, "north": NORTH},
            )


@pytest.fixture
def worker(database: Database) -> Iterator[int]:
    """A new worker of the western grid."""
    with database.begin(SYSTEM) as connection:
        made = connection.execute(
            text(
                "INSERT INTO onemap.grid_worker (place, code, name) "
                "VALUES (:place, 'W' || (random() * 1e9)::bigint, '王芳') RETURNING id"
            ),
            {"place": WEST},
        ).scalar_one()
    yield int(made)


def message(worker: int, seconds: float, lon: float, lat: float = 30.302, **more: Any) -> dict[str, Any]:
    at = MORNING + timedelta(seconds=seconds)
    return {"worker": worker, "at": at.isoformat(), "lon": lon, "lat": lat, "accuracy": 8.0, **more}


def stay(worker: int, start: float, end: float, lon: float, every: float = 10.0) -> list[dict[str, Any]]:
    return [message(worker, start + i * every, lon) for i in range(int((end - start) / every) + 1)]


INSIDE, OUTSIDE = 120.102, 120.106


def day_of(worker: int) -> list[dict[str, Any]]:
    """Inside, out for five minutes, back, a jump, a silence, out again and not back."""
    return [
        *stay(worker, 0, 100, INSIDE),
        *stay(worker, 130, 430, OUTSIDE),
        *stay(worker, 460, 600, INSIDE),
        message(worker, 605, 121.5),
        *stay(worker, 610, 700, INSIDE),
        *stay(worker, 4000, 4100, INSIDE),
        *stay(worker, 4130, 4400, OUTSIDE),
    ]


def alerts_of(database: Database, worker: int) -> list[tuple[Any, ...]]:
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "SELECT rule, opened_at, raised_at, returned_at, evidence FROM onemap.alert "
                "WHERE worker_id = :worker AND withdrawn_at IS NULL ORDER BY opened_at"
            ),
            {"worker": worker},
        ).all()
    return [(r.rule, r.opened_at, r.raised_at, r.returned_at, r.evidence) for r in rows]


def seen(worker_alerts: list[tuple[Any, ...]]) -> list[tuple[float, float, float | None]]:
    def seconds(at: datetime | None) -> float | None:
        return None if at is None else (at - MORNING).total_seconds()

    return [(seconds(a[1]), seconds(a[2]), seconds(a[3])) for a in worker_alerts]  # type: ignore[misc]


def test_a_day_in_order_raises_two_alerts(database: Database, worker: int) -> None:
    batch = day_of(worker)
    receipt = tracks.take_in(database, DEVICE, batch, NOW)
    assert (receipt.stored, receipt.doubled, receipt.refused) == (len(batch), 0, [])
    assert seen(alerts_of(database, worker)) == [(130.0, 250.0, 460.0), (4130.0, 4250.0, None)]
    again = tracks.take_in(database, DEVICE, batch, NOW)
    assert (again.stored, again.doubled) == (0, len(batch))
    assert len(alerts_of(database, worker)) == 2


@pytest.mark.parametrize("seed", range(12))
def test_any_order_and_doubles_lead_to_the_same_alerts(database: Database, worker: int, seed: int) -> None:
    dice = random.Random(seed)
    batch = day_of(worker)
    messages = batch + dice.choices(batch, k=30)
    dice.shuffle(messages)
    stored = 0
    while messages:
        count = dice.choice([1, 3, 10, 40])
        stored += tracks.take_in(database, DEVICE, messages[:count], NOW).stored
        del messages[:count]
    assert stored == len(batch)
    assert seen(alerts_of(database, worker)) == [(130.0, 250.0, 460.0), (4130.0, 4250.0, None)]
    with database.begin(SYSTEM) as connection:
        flagged = connection.execute(
            text("SELECT count(*) FROM onemap.fix WHERE worker_id = :w AND flag = 'jump'"), {"w": worker}
        ).scalar_one()
    assert flagged == 1


def test_late_positions_withdraw_what_they_disprove(database: Database, worker: int) -> None:
    tracks.take_in(database, DEVICE, [*stay(worker, 0, 60, INSIDE), *stay(worker, 90, 300, OUTSIDE, 30)], NOW)
    assert len(alerts_of(database, worker)) == 1
    # The terminal had sent only the worst of its positions: in between the worker was inside.
    tracks.take_in(database, DEVICE, stay(worker, 105, 300, INSIDE, 30), NOW)
    assert alerts_of(database, worker) == []
    with database.begin(SYSTEM) as connection:
        kept = connection.execute(
            text("SELECT count(*) FROM onemap.alert WHERE worker_id = :w AND withdrawn_at IS NOT NULL"),
            {"w": worker},
        ).scalar_one()
    assert kept == 1


def test_an_acknowledged_alert_stays_itself_when_its_opening_shifts(database: Database, worker: int) -> None:
    tracks.take_in(database, DEVICE, [*stay(worker, 0, 60, INSIDE), *stay(worker, 150, 400, OUTSIDE)], NOW)
    found = alerts.find(database, LEADER)["alerts"]
    mine = next(a for a in found if a["worker"] == worker)
    alerts.acknowledge(database, LEADER, mine["id"])
    tracks.take_in(database, DEVICE, stay(worker, 90, 140, OUTSIDE), NOW)
    same = alerts.get(database, LEADER, mine["id"])
    assert same["state"] == "acknowledged"
    assert datetime.fromisoformat(same["opened_at"]) == MORNING + timedelta(seconds=90)
    with pytest.raises(Conflict):
        alerts.acknowledge(database, LEADER, mine["id"])


def test_places_are_the_grids_of_the_day_and_the_border_is_the_lower_codes(
    database: Database, worker: int
) -> None:
    batch = [
        message(worker, 0, INSIDE),
        message(worker, 10, 120.104),
        message(worker, 20, OUTSIDE),
        message(worker, 30, 120.12),
    ]
    tracks.take_in(database, DEVICE, batch, NOW)
    with database.begin(SYSTEM) as connection:
        places = connection.execute(
            text("SELECT place FROM onemap.fix WHERE worker_id = :w ORDER BY at"), {"w": worker}
        ).scalars()
        assert list(places) == [WEST, WEST, EAST, "330103"]


def test_who_may_report_for_whom(database: Database, worker: int) -> None:
    own = Reader(9, "worker", "王芳", Role.WORKER, Scope([WEST]), worker)
    assert tracks.take_in(database, own, [message(worker, 0, INSIDE)], NOW).stored == 1
    other = Reader(9, "worker", "李四", Role.WORKER, Scope([WEST]), worker + 1)
    refused = tracks.take_in(database, other, [message(worker, 10, INSIDE)], NOW).refused
    assert [r.field for r in refused] == ["worker"]
    away = Reader(9, "device2", "别处", Role.ADMIN, Scope(["330103002"]))
    assert tracks.take_in(database, away, [message(worker, 10, INSIDE)], NOW).stored == 0
    with pytest.raises(Forbidden):
        tracks.take_in(database, LEADER, [message(worker, 10, INSIDE)], NOW)


def test_one_bad_message_does_not_hold_up_the_others(database: Database, worker: int) -> None:
    batch = [
        message(worker, 0, INSIDE),
        message(worker, 10, 999.0),
        message(10**9, 20, INSIDE),
        message(worker, 30, INSIDE),
    ]
    receipt = tracks.take_in(database, DEVICE, batch, NOW)
    assert receipt.stored == 2
    assert [(r.index, r.field) for r in receipt.refused] == [(1, "lon"), (2, "worker")]


def test_the_live_position_is_the_newest_good_one(database: Database, worker: int) -> None:
    tracks.take_in(database, DEVICE, [*stay(worker, 0, 60, INSIDE), message(worker, 65, 121.9)], NOW)
    tracks.take_in(database, DEVICE, [message(worker, 30.5, OUTSIDE)], NOW)
    mine = next(w for w in tracks.live(database, LEADER)["workers"] if w["id"] == worker)
    assert (mine["last_at"], round(mine["lon"], 6)) == (MORNING + timedelta(seconds=60), INSIDE)
    assert all(w["id"] != worker for w in tracks.live(database, ELSEWHERE)["workers"])


def test_track_and_evidence_open_within_scope_only(database: Database, worker: int) -> None:
    tracks.take_in(database, DEVICE, day_of(worker), NOW)
    day = tracks.track_of_day(database, LEADER, worker, MORNING.date())
    assert len(day["jumps"]) == 1 and len(day["gaps"]) == 1 and day["metres"] > 1000
    found = next(a for a in alerts.find(database, LEADER)["alerts"] if a["worker"] == worker)
    shown = alerts.evidence_track(database, LEADER, found["id"])
    kinds = {feature["properties"]["kind"] for feature in shown["features"]}
    assert {"ground", "piece", "proof"} <= kinds
    for reader in (ELSEWHERE, Reader(4, "x", "x", Role.LEADER, Scope())):
        with pytest.raises(NotFound):
            tracks.track_of_day(database, reader, worker, MORNING.date())
        with pytest.raises(NotFound):
            alerts.get(database, reader, found["id"])


def test_planners_do_not_watch_workers(database: Database, worker: int) -> None:
    planner = Reader(5, "planner", "规划", Role.PLANNER, Scope.everything())
    for ask in (
        lambda: tracks.live(database, planner),
        lambda: tracks.track_of_day(database, planner, worker, MORNING.date()),
        lambda: alerts.find(database, planner),
        lambda: alerts.get(database, planner, 1),
    ):
        with pytest.raises(Forbidden):
            ask()
    seen_at_opening = situation.opening(database, planner)
    assert (seen_at_opening["workers"], seen_at_opening["alerts"]) == ([], [])


def test_nothing_is_half_stored(database: Database, worker: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(judging, "notify_items", fail)
    with pytest.raises(RuntimeError):
        tracks.take_in(database, DEVICE, day_of(worker), NOW)
    with database.begin(SYSTEM) as connection:
        stored = connection.execute(
            text("SELECT count(*) FROM onemap.fix WHERE worker_id = :w"), {"w": worker}
        ).scalar_one()
    assert stored == 0 and alerts_of(database, worker) == []


def test_two_gateways_at_once_do_not_disturb_each_other(database: Database, worker: int) -> None:
    batch = day_of(worker)
    halves = [batch[0::2], batch[1::2]]
    failed: list[BaseException] = []

    def report(messages: list[dict[str, Any]]) -> None:
        try:
            for i in range(0, len(messages), 5):
                tracks.take_in(database, DEVICE, messages[i : i + 5], NOW)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=report, args=(half,)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert seen(alerts_of(database, worker)) == [(130.0, 250.0, 460.0), (4130.0, 4250.0, None)]


def test_a_worker_who_changes_grids_is_judged_by_the_new_one_from_then_on(
    database: Database, worker: int
) -> None:
    tracks.take_in(database, DEVICE, stay(worker, 0, 300, INSIDE), NOW)
    with database.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE onemap.grid_worker SET place = :place WHERE id = :w"), {"place": EAST, "w": worker}
        )
    tracks.take_in(database, DEVICE, stay(worker, 400, 700, OUTSIDE), NOW)
    assert alerts_of(database, worker) == []
    tracks.take_in(database, DEVICE, stay(worker, 5, 295, INSIDE), NOW)
    assert alerts_of(database, worker) == []
    tracks.take_in(database, DEVICE, stay(worker, 710, 900, INSIDE), NOW)
    assert len(alerts_of(database, worker)) == 1


def test_an_alert_is_announced_once_and_corrected_quietly(
    database: Database, worker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def hear(_: Any, __: str, notices: Any) -> None:
        said.extend(payload["what"] for _, payload in notices)

    monkeypatch.setattr(alerting, "notify_each", hear)
    tracks.take_in(database, DEVICE, [*stay(worker, 0, 60, INSIDE), *stay(worker, 150, 400, OUTSIDE)], NOW)
    assert said == ["raised"]
    tracks.take_in(database, DEVICE, stay(worker, 90, 140, OUTSIDE), NOW)
    assert said == ["raised", "corrected"]
    tracks.take_in(database, DEVICE, stay(worker, 430, 450, INSIDE), NOW)
    assert said == ["raised", "corrected", "returned"]


def test_metres_do_not_depend_on_who_reports_at_the_same_moment(database: Database, worker: int) -> None:
    with database.begin(SYSTEM) as connection:
        ground = grounds.grounds_of(database).timeline(connection).at(MORNING)
    lon, lat = np.array([OUTSIDE]), np.array([30.302])
    (alone,) = ground.outside([WEST], lon, lat)
    far = [np.append([121.6, -70.0], lon), np.append([30.302, -30.0], lat)]
    among = ground.outside([WEST, WEST, WEST], *far)
    assert among[2] == alone and alone is not None and 190 < alone < 195
    # A place whose ground is not known has no outside, and does not trouble its neighbours.
    assert ground.outside(["999999", WEST], np.append(lon, lon), np.append(lat, lat)) == [None, alone]
    assert ground.outside([], np.array([]), np.array([])) == []


def test_an_alert_can_be_raised_again_after_one_was_withdrawn(database: Database, worker: int) -> None:
    tracks.take_in(database, DEVICE, [*stay(worker, 0, 60, INSIDE), *stay(worker, 90, 300, OUTSIDE, 30)], NOW)
    tracks.take_in(database, DEVICE, stay(worker, 105, 300, INSIDE, 30), NOW)
    assert alerts_of(database, worker) == []
    tracks.take_in(database, DEVICE, stay(worker, 330, 600, OUTSIDE), NOW)
    # The last position of before, outside at 300 s, was true: the new alert begins with it.
    assert seen(alerts_of(database, worker)) == [(300.0, 420.0, None)]

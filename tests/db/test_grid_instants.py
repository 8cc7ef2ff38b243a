"""Grids hold from an instant: what happened before is judged by the grids of before, whatever comes when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import create_engine, text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader
from gisapp.domain.clock import ZONE
from gisapp.services import alerts, grid_publishing, grids, tracks
from gisapp.store.database import Database, engine_url
from gisapp.store.migrate import upgrade
from gisapp.store.state import _head
from tests.db.grid_world import LAT, LON, NORTH, SIZE, SOUTH, SPLIT, WEST, draw, fabric_now, insert, rows
from tests.db.import_world import load, numbers, sheet

NEW = f"{WEST}003"
MERGE = {"kind": "merge", "codes": [SOUTH, NORTH]}
#: a place in the middle of the southern grid, and one in the middle of the northern one
IN_SOUTH, IN_NORTH = (LON + SIZE / 2, LAT + SIZE * 0.3), (LON + SIZE / 2, LAT + SIZE * 0.8)


def publish(world: Database, manager: Reader, *operations: dict[str, Any]) -> datetime:
    """Draw and publish for today; the instant of effect."""
    draft = draw(world, manager, *operations)
    done = grid_publishing.publish(world, manager, WEST, draft["revision"])
    return datetime.fromisoformat(done["valid_from"])


def worker_of(world: Database, place: str, name: str = "王芳") -> int:
    with world.begin(SYSTEM) as connection:
        return insert(connection, "grid_worker", place=place, code=f"T{name}", name=name)


def stand(
    worker: int, begin: datetime, point: tuple[float, float], seconds: Sequence[float]
) -> list[dict[str, Any]]:
    """Positions at a place, so many seconds after an instant."""
    return [
        {
            "worker": worker,
            "at": (begin + timedelta(seconds=s)).isoformat(),
            "lon": point[0],
            "lat": point[1],
            "accuracy": 8.0,
        }
        for s in seconds
    ]


def report(world: Database, messages: Sequence[dict[str, Any]]) -> None:
    receipt = tracks.take_in(world, SYSTEM, messages)
    assert (receipt.stored, receipt.refused) == (len(messages), [])


def alerts_of(world: Database, worker: int) -> list[Any]:
    return rows(
        world,
        "SELECT id, place, opened_at, withdrawn_at, returned_at FROM alert WHERE worker_id = :w ORDER BY id",
        w=worker,
    )


def middle_of(world: Database, code: str) -> tuple[float, float]:
    point = fabric_now(world).grids[code].centroid
    return point.x, point.y


def test_a_version_holds_from_the_instant_of_its_publication(world: Database, manager: Reader) -> None:
    before = clock.now()
    at = publish(world, manager, SPLIT)
    assert before < at < clock.now()
    ended = rows(world, "SELECT DISTINCT valid_to FROM grid WHERE community = :c AND version = 1", c=WEST)
    begun = rows(world, "SELECT DISTINCT valid_from FROM grid WHERE community = :c AND version = 2", c=WEST)
    assert [r.valid_to for r in ended] == [at] == [r.valid_from for r in begun]
    listed = grids.versions(world, manager, WEST)
    assert [(v["version"], v["valid_from"], v["planned_for"]) for v in listed] == [
        (2, at.isoformat(), None),
        (1, "2026-01-01T00:00:00+08:00", None),
    ]
    assert grids.show(world, manager, WEST)["valid_from"] == at.isoformat()


def test_versions_follow_each_other_though_the_clock_was_set_back(world: Database, manager: Reader) -> None:
    ahead = clock.now() + timedelta(hours=1)
    with world.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE grid SET valid_from = :at WHERE community = :c"), {"at": ahead, "c": WEST}
        )
    assert publish(world, manager, SPLIT) == ahead + timedelta(microseconds=1)


def test_a_late_position_is_judged_by_the_grids_of_its_instant(world: Database, manager: Reader) -> None:
    """The worker stood in the own grid in the morning; in the evening that ground became another grid."""
    worker = worker_of(world, SOUTH)
    morning = clock.now() - timedelta(minutes=50)
    at = publish(world, manager, SPLIT)
    taken_off = middle_of(world, NEW)
    report(world, stand(worker, morning, taken_off, range(0, 301, 30)))
    assert alerts_of(world, worker) == []
    assert {r.place for r in rows(world, "SELECT place FROM fix WHERE worker_id = :w", w=worker)} == {SOUTH}
    # From the publication on the same ground is another's; the count begins with it, and 119 seconds are not enough.
    report(world, stand(worker, at, taken_off, [0, 60, 119]))
    assert alerts_of(world, worker) == []
    states = rows(world, "SELECT state FROM rule_state WHERE worker_id = :w", w=worker)
    counted = states[0].state["rules"]["outside_grid"]["outside"]
    assert [round(entry[0] - at.timestamp()) for entry in counted] == [0, 60, 119]


def test_a_true_alert_is_not_withdrawn_by_grids_of_later(world: Database, manager: Reader) -> None:
    """Outside the own grid in the morning; in the evening the own grid is joined with the one that the worker stood in."""
    worker = worker_of(world, NORTH)
    morning = clock.now() - timedelta(minutes=50)
    report(
        world, [*stand(worker, morning, IN_NORTH, [0, 30]), *stand(worker, morning, IN_SOUTH, [60, 120, 185])]
    )
    (alert,) = alerts_of(world, worker)
    assert (alert.place, alert.opened_at) == (NORTH, morning + timedelta(seconds=60))
    publish(world, manager, MERGE)
    assert rows(world, "SELECT place FROM grid_worker WHERE id = :w", w=worker)[0].place == SOUTH
    # A late position has the whole span judged again.
    report(world, stand(worker, morning, IN_SOUTH, [90]))
    (after,) = alerts_of(world, worker)
    assert (after.id, after.opened_at, after.withdrawn_at, after.returned_at) == (
        alert.id,
        alert.opened_at,
        None,
        None,
    )
    # It is still open, so whoever sees the worker's new grid sees it.
    assert after.place == SOUTH
    shown = alerts.evidence_track(world, SYSTEM, alert.id)["features"][0]
    assert shown["properties"]["kind"] == "ground"
    ground = shapely.geometry.shape(shown["geometry"])
    assert ground.contains(shapely.Point(IN_NORTH)) and not ground.contains(shapely.Point(IN_SOUTH))


def test_being_back_is_judged_by_the_grids_of_then_and_now(world: Database, manager: Reader) -> None:
    """An alert stays open until a position that is inside by the grids of its own instant."""
    worker = worker_of(world, NORTH)
    morning = clock.now() - timedelta(minutes=50)
    report(world, stand(worker, morning, IN_SOUTH, [0, 60, 130]))
    at = publish(world, manager, MERGE)
    report(world, stand(worker, morning, IN_SOUTH, [160]))
    assert [a.returned_at for a in alerts_of(world, worker)] == [None]
    report(world, stand(worker, at, IN_SOUTH, [0]))
    assert [a.returned_at for a in alerts_of(world, worker)] == [at]


def test_a_late_batch_over_a_publication_is_judged_partly_by_the_old_and_partly_by_the_new(
    world: Database, manager: Reader
) -> None:
    worker = worker_of(world, SOUTH)
    at = publish(world, manager, SPLIT)
    taken_off = middle_of(world, NEW)
    moment = timedelta(microseconds=1)
    seconds = [-200.0, -100.0, -moment.total_seconds(), 0.0, moment.total_seconds(), 1.0]
    report(world, stand(worker, at, taken_off, seconds))
    found = rows(world, "SELECT at, place FROM fix WHERE worker_id = :w ORDER BY at", w=worker)
    assert [r.place for r in found] == [SOUTH, SOUTH, SOUTH, NEW, NEW, NEW]
    assert found[3].at == at and found[2].at == at - moment


def test_an_alert_that_is_over_belongs_to_the_grid_that_it_was_about(
    world: Database, manager: Reader
) -> None:
    """All of it comes late: it was raised and over before the own grid vanished."""
    worker = worker_of(world, NORTH)
    morning = clock.now() - timedelta(minutes=50)
    publish(world, manager, MERGE)
    report(world, [*stand(worker, morning, IN_SOUTH, [0, 60, 130]), *stand(worker, morning, IN_NORTH, [160])])
    (alert,) = alerts_of(world, worker)
    assert (alert.place, alert.returned_at) == (NORTH, morning + timedelta(seconds=160))


def test_the_own_grid_is_known_through_several_publications(world: Database, manager: Reader) -> None:
    worker = worker_of(world, NORTH)
    morning = clock.now() - timedelta(minutes=50)
    first = publish(world, manager, MERGE)  # north goes to south
    split = {
        "kind": "split",
        "code": SOUTH,
        "line": [[LON - 0.001, LAT + SIZE / 2], [LON + SIZE * 1.3, LAT + SIZE / 2]],
    }
    publish(world, manager, split)
    again = next(code for code in fabric_now(world).grids if code != SOUTH)
    other = worker_of(world, again, "李强")
    third = publish(world, manager, {"kind": "merge", "codes": [SOUTH, again]})
    former = rows(
        world,
        "SELECT worker_id, place, until FROM worker_former_grid WHERE worker_id >= :w ORDER BY 1",
        w=worker,
    )
    assert [tuple(r) for r in former] == [(worker, NORTH, first), (other, again, third)]
    report(world, stand(worker, morning, IN_NORTH, range(0, 200, 20)))
    report(world, stand(worker, morning, IN_SOUTH, range(220, 460, 20)))
    assert [a.opened_at for a in alerts_of(world, worker)] == [morning + timedelta(seconds=220)]


def test_a_day_is_answered_with_the_grids_at_its_end(world: Database, manager: Reader) -> None:
    """One version from 22:56 of 1 February, one from the first instant of 3 February."""
    with world.begin(SYSTEM) as connection:
        shape = fabric_now(world).grids[SOUTH]
        connection.execute(text("DELETE FROM grid WHERE community = :c"), {"c": WEST})
        spans = [
            (datetime(2026, 1, 1, tzinfo=ZONE), datetime(2026, 2, 1, 22, 56, tzinfo=ZONE)),
            (datetime(2026, 2, 1, 22, 56, tzinfo=ZONE), datetime(2026, 2, 3, tzinfo=ZONE)),
            (datetime(2026, 2, 3, tzinfo=ZONE), None),
        ]
        for version, (begin, end) in enumerate(spans, start=1):
            insert(
                connection,
                "grid",
                place=SOUTH,
                version=version,
                community=WEST,
                name="网格",
                valid_from=begin,
                valid_to=end,
                geom=shape,
            )

    def on(day: date | None) -> list[int]:
        return [f["properties"]["version"] for f in grids.grids_on(world, manager, WEST, day)["features"]]

    assert [on(date(2026, month, day)) for month, day in ((1, 31), (2, 1), (2, 2), (2, 3), (2, 4))] == [
        [1],
        [2],
        [2],
        [3],
        [3],
    ]
    assert on(date(2025, 12, 31)) == []
    assert on(None) == on(clock.today()) == on(clock.today() + timedelta(days=9)) == [3]


def test_today_is_answered_with_what_is_in_force_not_with_what_is_planned(
    world: Database, manager: Reader
) -> None:
    draft = draw(world, manager, SPLIT)
    tomorrow = clock.today() + timedelta(days=1)
    done = grid_publishing.publish(world, manager, WEST, draft["revision"], valid_from=tomorrow)
    assert (done["valid_from"], done["planned_for"], done["in_force"]) == (None, tomorrow.isoformat(), False)
    (planned, *_) = grids.grids_on(world, manager, WEST, tomorrow)["features"]
    assert planned["properties"]["planned_for"] == tomorrow.isoformat()
    assert planned["properties"]["valid_from"] is None
    with world.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE grid_version SET planned_for = :d WHERE version = 2"), {"d": clock.today()}
        )
    assert len(grids.grids_on(world, manager, WEST)["features"]) == 2
    assert len(grids.grids_on(world, manager, WEST, clock.today())["features"]) == 2
    assert len(grids.grids_on(world, manager, WEST, tomorrow)["features"]) == 3


def test_the_sixth_version_makes_midnights_of_days(
    older_database: Callable[[str], str], app_role: str
) -> None:
    url = older_database("0004")
    engine = create_engine(engine_url(url))
    square = "ST_MakeEnvelope(120.16, 30.27, 120.161, 30.271, 4490)"
    with engine.begin() as connection:
        connection.execute(text("SET search_path = onemap, public"))
        connection.execute(
            text(
                "INSERT INTO grid (place, version, community, name, valid_from, valid_to, geom) VALUES "
                f"('330103003051001', 1, '330103003051', '网格', '2026-03-01', '2026-05-02', {square}), "
                f"('330103003051001', 2, '330103003051', '网格', '2026-05-02', NULL, {square})"
            )
        )
        connection.execute(
            text(
                "INSERT INTO grid_version (place, version, valid_from, status, published_by, published_at, planned) VALUES "
                "('330103003051', 1, '2026-03-01', 'replaced', 1, '2026-03-01 10:00+08', NULL), "
                "('330103003051', 2, '2026-05-02', 'in_force', 1, '2026-04-20 23:30+08', NULL), "
                "('330103003051', 3, '2999-01-01', 'scheduled', 1, '2026-06-01 10:00+08', '{}')"
            )
        )
    assert upgrade(url, app_role) == _head()

    def midnight(month: int, day: int) -> datetime:
        return datetime(2026, month, day, tzinfo=ZONE)

    with engine.begin() as connection:
        held = connection.execute(text("SELECT valid_from, valid_to FROM onemap.grid ORDER BY version")).all()
        assert [tuple(r) for r in held] == [(midnight(3, 1), midnight(5, 2)), (midnight(5, 2), None)]
        listed = connection.execute(
            text("SELECT valid_from, planned_for, problem FROM onemap.grid_version ORDER BY version")
        ).all()
        assert [tuple(r) for r in listed] == [
            (midnight(3, 1), None, ""),
            (midnight(5, 2), date(2026, 5, 2), ""),
            (None, date(2999, 1, 1), ""),
        ]
    engine.dispose()


def test_imported_cases_and_positions_take_the_grids_of_their_instant(
    world: Database, manager: Reader, tmp_path: Path
) -> None:
    """An open case takes the grids in force, a closed one those of its closing; a second import moves nothing."""
    worker = worker_of(world, SOUTH)
    before = clock.now() - timedelta(hours=1)
    at = publish(world, manager, SPLIT)
    lon, lat = middle_of(world, NEW)
    head = ["案件编号", "事项小类", "上报时间", "办结时间", "经度", "纬度"]
    told = before.isoformat()
    cases = [
        head,
        ["open", "06010", told, "", lon, lat],
        ["closed before", "06010", told, (at - timedelta(seconds=1)).isoformat(), lon, lat],
        ["closed after", "06010", told, (at + timedelta(microseconds=1)).isoformat(), lon, lat],
    ]
    path = sheet(tmp_path / "cases.csv", cases)
    assert numbers(load(world, "cases", path)) == (3, 0, 0, 0)
    found = rows(world, "SELECT number, place FROM event WHERE source = 'cases' ORDER BY number")
    assert [tuple(r) for r in found] == [("closed after", NEW), ("closed before", SOUTH), ("open", NEW)]
    assert numbers(load(world, "cases", path)) == (0, 0, 3, 0)
    fixes = [
        ["网格员", "时间", "经度", "纬度"],
        ["T王芳", (at - timedelta(microseconds=1)).isoformat(), lon, lat],
        ["T王芳", at.isoformat(), lon, lat],
    ]
    assert load(world, "fixes", sheet(tmp_path / "fixes.csv", fixes)).added == 2
    stored = rows(world, "SELECT place FROM fix WHERE worker_id = :w ORDER BY at", w=worker)
    assert [r.place for r in stored] == [SOUTH, NEW]

"""What docs/cases.md promises of instants, assignments, channels and keys, on a real database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from dash_app.parts import case_view
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Role
from gisapp.domain.events import Action
from gisapp.errors import InputError
from gisapp.services import assessment, events
from gisapp.store.database import Database
from gisapp.store.events import Filter
from tests.db import case_world as world
from tests.db.case_world import BEYOND, COMMUNITY, EAST, NEIGHBOUR, STREET, WEST, person, report

MANAGER = person(1, "王芳")
LEADER = person(2, "李强", Role.LEADER, STREET)


@pytest.fixture(scope="module", autouse=True)
def workers(database: Database) -> dict[str, int]:
    return world.build(database)


def at(words: str) -> datetime:
    return clock.local(datetime.fromisoformat(words))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that sets the server's clock."""
    return lambda words: monkeypatch.setattr(clock, "now", lambda: at(words))


# --- instants ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "counts", "number"),
    [
        # reported half a minute after midnight of 1 December: due 24 h after the instant that counts
        (None, "2026-12-01T00:00:30", "20261201"),
        ("2026-11-30T23:59:59", "2026-11-30T23:59:59", "20261130"),
        ("2026-11-30T00:00:30", "2026-11-30T00:00:30", "20261130"),
        ("2026-11-30T00:00:29", "2026-12-01T00:00:30", "20261201"),
        ("2026-11-01T08:00:00", "2026-12-01T00:00:30", "20261201"),
        ("2026-12-01T00:02:30", "2026-12-01T00:00:30", "20261201"),
    ],
)
def test_a_stated_report_counts_a_day_back(
    database: Database, now: Any, stated: str | None, counts: str, number: str
) -> None:
    now("2026-12-01T00:00:30")
    case = report(database, MANAGER, at=None if stated is None else at(stated))
    assert case["reported_at"] == at(counts)
    assert case["due_at"] == at(counts) + timedelta(days=1)
    assert case["number"].startswith(number)
    assert case["reported_stated_at"] == (None if stated is None else at(stated))
    assert case["reported_recorded_at"] == at("2026-12-01T00:00:30")
    (first,) = events.get(database, MANAGER, case["id"])["steps"]
    assert (first["at"], first["stated_at"], first["recorded_at"], first["imported"]) == (
        at(counts),
        case["reported_stated_at"],
        at("2026-12-01T00:00:30"),
        False,
    )


def test_a_report_of_the_future_is_refused(database: Database, now: Any) -> None:
    now("2026-12-01T00:00:30")
    with pytest.raises(InputError) as refused:
        report(database, MANAGER, at=at("2026-12-01T00:02:31"))
    assert refused.value.details == {"field": "at"}


def _handled(database: Database, now: Any, reported: str) -> int:
    """A case that was reported at an instant, assigned one minute and handled two minutes later."""
    now(reported)
    case = int(report(database, MANAGER, EAST)["id"])
    for minutes, action in ((1, Action.ASSIGN), (2, Action.HANDLE)):
        now((at(reported) + timedelta(minutes=minutes)).isoformat())
        events.act(database, MANAGER, case, action, assignee="环卫所")
    return case


@pytest.mark.parametrize(
    ("stated", "counts", "in_time"),
    [
        # reported 30 November 20:00, handled 20:02, due 1 December 20:00, closed on the server 2 December 19:00
        (None, "2026-12-02T19:00:00", False),
        ("2026-12-01T20:00:00", "2026-12-01T20:00:00", True),
        ("2026-12-01T20:00:01", "2026-12-01T20:00:01", False),
        ("2026-12-01T19:00:00", "2026-12-01T19:00:00", True),
        # 24 h and one second back: the recorded instant counts, so it is late
        ("2026-12-01T18:59:59", "2026-12-02T19:00:00", False),
        ("2026-11-30T21:00:00", "2026-12-02T19:00:00", False),
        ("2026-11-01T09:00:00", "2026-12-02T19:00:00", False),
    ],
)
def test_nothing_is_closed_in_time_by_stating_an_earlier_day(
    database: Database, now: Any, stated: str | None, counts: str, in_time: bool
) -> None:
    case = _handled(database, now, "2026-11-30T20:00:00")
    now("2026-12-02T19:00:00")
    before = assessment.scores(database, MANAGER, "closed_on_time", place=EAST)["rows"]
    known = before[0]["counts"] if before else {"due": 0, "in_time": 0}
    given = None if stated is None else at(stated)
    closed = events.act(database, MANAGER, case, Action.CLOSE, note="已清理", at=given)
    assert (closed["closed_at"], closed["in_time"]) == (at(counts), in_time)
    assert (closed["closed_stated_at"], closed["closed_recorded_at"]) == (given, at("2026-12-02T19:00:00"))
    (row,) = assessment.scores(database, MANAGER, "closed_on_time", place=EAST)["rows"]
    assert row["counts"]["in_time"] == known["in_time"] + int(in_time)


@pytest.mark.parametrize(
    ("stated", "counts"),
    [
        # handled at 20:02, closed on the server at 20:30
        ("2026-11-30T20:02:00", "2026-11-30T20:02:00"),
        ("2026-11-30T20:01:59", "2026-11-30T20:30:00"),
        ("2026-11-30T20:32:00", "2026-11-30T20:30:00"),
    ],
)
def test_no_step_counts_before_the_one_before_it(
    database: Database, now: Any, stated: str, counts: str
) -> None:
    case = _handled(database, now, "2026-11-30T20:00:00")
    now("2026-11-30T20:30:00")
    closed = events.act(database, MANAGER, case, Action.CLOSE, note="已清理", at=at(stated))
    assert closed["closed_at"] == at(counts)
    last = events.get(database, MANAGER, case)["steps"][-1]
    assert (last["at"], last["stated_at"]) == (at(counts), at(stated))


def test_a_step_of_the_future_is_refused_and_changes_nothing(database: Database, now: Any) -> None:
    case = _handled(database, now, "2026-11-30T20:00:00")
    now("2026-11-30T20:30:00")
    with pytest.raises(InputError):
        events.act(database, MANAGER, case, Action.CLOSE, note="x", at=at("2026-11-30T20:32:01"))
    assert events.get(database, MANAGER, case)["state"] == "handling"


def test_a_clock_that_was_set_back_stops_nobody(database: Database, now: Any) -> None:
    case = _handled(database, now, "2026-11-30T20:00:00")
    now("2026-11-30T20:01:00")
    closed = events.act(database, MANAGER, case, Action.CLOSE, note="已清理")
    assert closed["closed_at"] == at("2026-11-30T20:02:00")
    assert closed["closed_recorded_at"] == at("2026-11-30T20:01:00")


def test_both_instants_are_shown_and_exported(database: Database, now: Any) -> None:
    now("2026-11-30T20:00:00")
    case = report(database, MANAGER, at=at("2026-11-30T08:15:00"))["id"]
    events.act(database, MANAGER, case, Action.ASSIGN, assignee="环卫所")
    now("2026-12-02T09:00:05")
    events.act(database, MANAGER, case, Action.HANDLE)
    events.act(database, MANAGER, case, Action.CLOSE, note="已清理", at=at("2026-11-30T21:00:00"))
    found = events.get(database, MANAGER, case)
    words = [case_view.stated_text(step) for step in found["steps"]]
    assert words == [
        "填报时间 2026-11-30 08:15:00（登记时间 2026-11-30 20:00:00）",
        "",
        "",
        "填报时间 2026-11-30 21:00:00（登记时间 2026-12-02 09:00:05，以登记时间为准）",
    ]
    (listed,) = [
        item
        for item in events.find(database, MANAGER, Filter(text=found["number"]))["items"]
        if item["id"] == case
    ]
    exported = case_view.row(listed, clock.now())
    assert {key: exported[key] for key in ("reported", "reported_stated", "reported_recorded")} == {
        "reported": "2026-11-30 08:15",
        "reported_stated": "2026-11-30 08:15:00",
        "reported_recorded": "2026-11-30 20:00:00",
    }
    assert {key: exported[key] for key in ("closed", "closed_stated", "closed_recorded", "origin")} == {
        "closed": "2026-12-02 09:00:05",
        "closed_stated": "2026-11-30 21:00:00",
        "closed_recorded": "2026-12-02 09:00:05",
        "origin": "平台登记",
    }


# --- assignments and channels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("worker", ["west", "east"])
def test_a_case_is_given_to_a_worker_of_its_community(
    database: Database, workers: dict[str, int], worker: str
) -> None:
    case = report(database, MANAGER)["id"]
    offered = {one["id"] for one in events.get(database, MANAGER, case)["workers"]}
    assert workers[worker] in offered
    given = events.act(database, MANAGER, case, Action.ASSIGN, assignee="网格员", worker_id=workers[worker])
    assert given["worker_id"] == workers[worker]


def test_a_leader_may_give_it_to_a_worker_of_the_whole_street(
    database: Database, workers: dict[str, int]
) -> None:
    case = report(database, MANAGER)["id"]
    found = {one["id"] for one in events.get(database, LEADER, case)["workers"]}
    assert found == {workers["west"], workers["east"], workers["street"]}
    given = events.act(database, LEADER, case, Action.ASSIGN, assignee="街道", worker_id=workers["street"])
    assert given["worker_id"] == workers["street"]


def test_nobody_elses_worker_is_given_a_case_nor_told_of(database: Database, workers: dict[str, int]) -> None:
    case = report(database, MANAGER)["id"]
    said = set()
    # foreign and out of sight, not on duty, above the manager's scope, and one that nobody has
    for worker in (workers["beyond"], workers["retired"], workers["street"], 10**9):
        with pytest.raises(InputError) as refused:
            events.act(database, MANAGER, case, Action.ASSIGN, assignee="网格员", worker_id=worker)
        assert refused.value.details["field"] == "worker_id" and refused.value.remedy
        said.add(refused.value.message.replace(str(worker), "N"))
    assert len(said) == 1
    # seen, but of another community
    with pytest.raises(InputError):
        events.act(database, LEADER, case, Action.ASSIGN, assignee="街道", worker_id=workers["beyond"])
    assert events.get(database, MANAGER, case)["state"] == "reported"


@pytest.mark.parametrize("unit", ["", "  ", "\u200b", "\u3000\ufeff"])
def test_a_unit_that_cannot_be_seen_is_none(database: Database, unit: str) -> None:
    case = report(database, MANAGER)["id"]
    with pytest.raises(InputError) as refused:
        events.act(database, MANAGER, case, Action.ASSIGN, assignee=unit)
    assert refused.value.details == {"field": "assignee"}


def test_a_worker_reports_as_a_worker(database: Database) -> None:
    worker = person(5, "网格员甲", Role.WORKER, WEST)
    assert report(database, worker)["channel"] == "grid_worker"
    assert report(database, worker, channel="patrol")["channel"] == "patrol"
    count = world.one(database, "SELECT count(*) FROM event")
    with pytest.raises(InputError) as refused:
        report(database, worker, channel="hotline")
    assert refused.value.details == {"field": "channel"} and "网格员" in refused.value.remedy
    assert world.one(database, "SELECT count(*) FROM event") == count
    assert report(database, LEADER, channel="hotline")["channel"] == "hotline"


# --- keys ----------------------------------------------------------------------------------------------------------


def test_one_key_is_one_case_of_one_account(database: Database) -> None:
    other = person(11, "赵敏")
    first = report(database, MANAGER, source_key="42", description="井盖破损")
    theirs = report(database, other, source_key="42", description="路灯不亮")
    assert (first["known"], theirs["known"]) == (False, False) and first["id"] != theirs["id"]
    again = report(database, MANAGER, EAST, source_key="42", description="别的内容")
    assert (again["id"], again["known"], again["description"]) == (first["id"], True, "井盖破损")
    assert report(database, other, source_key="42")["id"] == theirs["id"]
    # the channel makes no difference: the message is the account's
    assert report(database, MANAGER, channel="hotline", source_key="42")["id"] == first["id"]


@pytest.mark.parametrize("key", [None, "", " ", "\t\n", "\u200b", "\u3000\ufeff"])
def test_an_empty_key_is_none(database: Database, key: str | None) -> None:
    made = [report(database, MANAGER, source_key=key, description=str(i)) for i in range(2)]
    assert made[0]["id"] != made[1]["id"] and not made[0]["known"] and not made[1]["known"]
    assert [case["description"] for case in made] == ["0", "1"]
    assert world.one(database, "SELECT source_key FROM event WHERE id = :id", id=made[0]["id"]) is None


def test_the_same_key_elsewhere_is_a_case_of_its_own_and_tells_nothing(database: Database) -> None:
    neighbour = person(21, "孙莉", scope=NEIGHBOUR)
    here = report(database, MANAGER, source_key="elsewhere")
    there = report(database, neighbour, BEYOND, source_key="elsewhere")
    assert there["known"] is False and there["id"] != here["id"] and there["place"] == BEYOND


def test_an_account_that_has_moved_reports_anew(database: Database) -> None:
    before = report(database, person(31, "周涛"), source_key="k")
    moved = person(31, "周涛", scope=NEIGHBOUR)
    after = report(database, moved, BEYOND, source_key="k")
    assert after["known"] is False and after["id"] != before["id"]
    assert report(database, moved, BEYOND, source_key="k")["id"] == after["id"]


def test_a_case_that_a_border_took_out_of_sight_does_not_bar_its_key(database: Database) -> None:
    who = person(41, "吴军")
    gone = report(database, who, source_key="k")
    with database.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE event SET place = :p WHERE id = :id"), {"p": BEYOND, "id": gone["id"]}
        )
    fresh = report(database, who, source_key="k")
    assert fresh["known"] is False and fresh["id"] != gone["id"]
    again = report(database, who, source_key="k")
    assert (again["id"], again["known"]) == (fresh["id"], True)
    assert fresh["place"][:12] == COMMUNITY


def test_numbers_of_the_platform_are_given_once(database: Database) -> None:
    doubled = "SELECT count(*) - count(DISTINCT number) FROM event WHERE source = ''"
    assert world.one(database, doubled) == 0

"""Cases on a real database: from report to close, late and doubled messages, scopes, the indicator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.events import Action, Channel
from gisapp.errors import Conflict, Forbidden, InputError, NotFound
from gisapp.services import assessment, events
from gisapp.services.events import Report
from gisapp.store.database import Database
from gisapp.store.events import Filter

COMMUNITY = "330103003051"
WEST, EAST = COMMUNITY + "001", COMMUNITY + "002"


@pytest.fixture(scope="module", autouse=True)
def _two_grids(database: Database) -> None:
    """Two grids side by side; their shared border is the meridian 120.161."""
    with database.begin(SYSTEM) as connection:
        for place, west in ((WEST, 120.160), (EAST, 120.161)):
            connection.execute(
                text(
                    "INSERT INTO grid(place, version, community, name, valid_from, geom) VALUES (:p, 1, :c, :p, "
                    "'2026-01-01', ST_MakeEnvelope(:w, 30.270, :w + 0.001, 30.271, 4490))"
                ),
                {"p": place, "c": COMMUNITY, "w": west},
            )


@pytest.fixture
def manager(reader: Callable[..., Reader]) -> Reader:
    return reader(Role.MANAGER, COMMUNITY)


def _report(database: Database, who: Reader, lon: float = 120.1605, **more: Any) -> dict[str, Any]:
    return events.report(database, who, Report(lon=lon, lat=30.2705, matter_code="01001", **more))


def test_from_report_to_close(database: Database, manager: Reader) -> None:
    case = _report(database, manager, description="井盖破损")
    assert (case["state"], case["place"]) == ("reported", WEST)
    assert [a["id"] for a in case["actions"]] == ["assign"]
    events.act(database, manager, case["id"], Action.ASSIGN, assignee="市政养护所")
    events.act(database, manager, case["id"], Action.HANDLE)
    closed = events.act(database, manager, case["id"], Action.CLOSE, note="已更换井盖")
    assert closed["state"] == "closed" and closed["in_time"] is True and closed["actions"] == []
    log = events.get(database, manager, case["id"])["steps"]
    assert [(s["number"], s["action"]) for s in log] == [
        (1, "report"),
        (2, "assign"),
        (3, "handle"),
        (4, "close"),
    ]


def test_a_step_out_of_order_changes_nothing(database: Database, manager: Reader) -> None:
    case = _report(database, manager)
    with pytest.raises(Conflict):
        events.act(database, manager, case["id"], Action.CLOSE, note="x")
    after = events.get(database, manager, case["id"])
    assert after["state"] == "reported" and len(after["steps"]) == 1


def test_two_who_act_at_once_take_one_step(database: Database, manager: Reader) -> None:
    case = _report(database, manager)
    outcomes: list[str] = []

    def assign(unit: str) -> None:
        try:
            events.act(database, manager, case["id"], Action.ASSIGN, assignee=unit)
            outcomes.append("done")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=assign, args=(unit,)) for unit in ("甲单位", "乙单位", "丙单位")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused", "refused"]
    assert len(events.get(database, manager, case["id"])["steps"]) == 2


def test_a_doubled_message_is_one_case(database: Database, manager: Reader) -> None:
    found: list[int] = []

    def send() -> None:
        found.append(_report(database, manager, channel=Channel.PATROL, source_key="terminal-7/42")["id"])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1


def test_numbers_of_a_day_are_given_once(
    database: Database, manager: Reader, reader: Callable[..., Reader]
) -> None:
    east = reader(Role.WORKER, EAST)
    numbers = [_report(database, manager)["number"], _report(database, east, 120.1615)["number"]]
    numbers.append(_report(database, manager)["number"])
    assert len(set(numbers)) == 3
    assert [int(n) for n in numbers] == list(range(int(numbers[0]), int(numbers[0]) + 3))


def test_a_point_on_the_shared_border_belongs_to_the_lower_grid(database: Database, manager: Reader) -> None:
    assert _report(database, manager, 120.161)["place"] == WEST


def test_outside_the_scope(database: Database, manager: Reader, reader: Callable[..., Reader]) -> None:
    with pytest.raises(Forbidden):
        _report(database, manager, 121.0)
    east = reader(Role.WORKER, EAST)
    with pytest.raises(Forbidden):
        _report(database, east)
    case = _report(database, manager)
    with pytest.raises(NotFound):
        events.get(database, east, case["id"])
    with pytest.raises(NotFound):
        events.act(database, east, case["id"], Action.HANDLE)
    with pytest.raises(Forbidden):
        _report(database, reader(Role.PLANNER, ""))


def test_a_worker_takes_no_step_with_another_ones_case(
    database: Database, manager: Reader, reader: Callable[..., Reader]
) -> None:
    case = _report(database, manager)
    with database.begin(SYSTEM) as connection:
        made = text("INSERT INTO grid_worker(place, code, name) VALUES (:p, :c, :c) RETURNING id")
        first, second = (connection.execute(made, {"p": WEST, "c": c}).scalar_one() for c in "甲乙")
    events.act(database, manager, case["id"], Action.ASSIGN, assignee="网格员甲", worker_id=first)
    with pytest.raises(Forbidden):
        events.act(database, reader(Role.WORKER, WEST, worker_id=second), case["id"], Action.HANDLE)
    events.act(database, reader(Role.WORKER, WEST, worker_id=first), case["id"], Action.HANDLE)


def test_bad_reports_are_refused(database: Database, manager: Reader) -> None:
    for wrong in (
        Report(lon=120.1605, lat=30.2705, matter_code="99999"),
        Report(lon=999, lat=30.2705, matter_code="01001"),
        Report(lon=120.1605, lat=30.2705, matter_code="01001", at=clock.now() + timedelta(hours=1)),
    ):
        with pytest.raises(InputError) as refused:
            events.report(database, manager, wrong)
        assert refused.value.remedy


def test_closed_on_time_opens_to_its_records(database: Database, manager: Reader) -> None:
    late = _report(database, manager, 120.1615)
    with database.begin(SYSTEM) as connection:
        days = "UPDATE event SET reported_at = reported_at - interval '3 days', due_at = due_at - interval '3 days' "
        connection.execute(text(days + "WHERE id = :id"), {"id": late["id"]})
    done = _report(database, manager, 120.1615, at=clock.now() - timedelta(hours=1))
    events.act(database, manager, done["id"], Action.ASSIGN, assignee="环卫所")
    events.act(database, manager, done["id"], Action.HANDLE)
    events.act(database, manager, done["id"], Action.CLOSE, note="已清理")
    result = assessment.scores(database, manager, "closed_on_time", place=EAST)
    (row,) = result["rows"]
    assert row["counts"] == {"due": 2, "in_time": 1} and row["value"] == 50.0 and row["reached"] is False
    for name, count in row["counts"].items():
        assert events.find(database, manager, Filter(**row["records"][name]))["total"] == count
    # The map: 50 % lies in the lowest class below the target, is a share of few, and is looked for where it lies.
    assert row["few"] is True and result["classes"][row["class"]]["side"] < 0
    assert [one["high"] for one in result["classes"]][-2:] == [95.0, None]
    assert result["bounds"] == pytest.approx((120.161, 30.270, 120.162, 30.271)) and result["within"] == [
        EAST
    ]
    assert late["id"] in {
        item["id"] for item in events.find(database, manager, Filter(place=EAST, overdue=True))["items"]
    }


def test_nothing_to_judge_is_no_value(database: Database, reader: Callable[..., Reader]) -> None:
    result = assessment.scores(database, reader(Role.LEADER, "3302"), "closed_on_time")
    assert result["rows"] == [] and result["total"]["value"] is None
    assert result["bounds"] is None and [one["side"] for one in result["classes"]] == [-1, 1]

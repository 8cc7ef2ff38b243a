"""Two who act at one instant: whoever comes first wins, the other is told, and time is read when nobody else can act."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import Role
from gisapp.domain.events import Action
from gisapp.errors import Conflict, InputError
from gisapp.services import events
from gisapp.store.database import Database
from tests.db import case_world as world
from tests.db.case_world import COMMUNITY, WEST, person, report, together, wait_for_waiting

WANG, LI = person(1, "王芳"), person(2, "李强")
_LOCK = "SELECT 1 FROM event WHERE id = :id FOR UPDATE"


@pytest.fixture(scope="module", autouse=True)
def workers(database: Database) -> dict[str, int]:
    return world.build(database)


def _handled(database: Database) -> int:
    """A case that is being handled."""
    case = report(database, WANG)["id"]
    events.act(database, WANG, case, Action.ASSIGN, assignee="环卫所")
    events.act(database, WANG, case, Action.HANDLE)
    return int(case)


def test_whoever_waited_for_another_one_is_told_the_state_and_by_whom(database: Database) -> None:
    """A step that the state would still allow was meant for the state before; the server's own instant was older."""
    case = _handled(database)
    with together(1) as start, world.holding(database, _LOCK, id=case) as other:
        second = start(events.act, database, LI, case, Action.SEND_BACK, note="不属于本单位")
        wait_for_waiting(database, 1)
        other.execute(
            text(
                "INSERT INTO event_step(place, event_id, number, action, from_state, to_state, actor_id, actor, at) "
                "VALUES (:p, :id, 4, 'send_back', 'handling', 'assigned', 1, '王芳', clock_timestamp())"
            ),
            {"p": WEST, "id": case},
        )
        other.execute(text("UPDATE event SET state = 'assigned' WHERE id = :id"), {"id": case})
    with pytest.raises(Conflict) as late:
        second.result()
    assert "王芳已退回" in late.value.message and "待办理" in late.value.message
    assert "时间" not in late.value.message and late.value.status == 409
    assert len(events.get(database, LI, case)["steps"]) == 4


@pytest.mark.parametrize("action", [Action.SEND_BACK, Action.CLOSE])
def test_of_two_who_act_at_once_one_is_first(database: Database, action: Action) -> None:
    case = _handled(database)
    with together(2) as start:
        with world.holding(database, _LOCK, id=case):
            both = [start(events.act, database, who, case, action, note="已处置") for who in (WANG, LI)]
            wait_for_waiting(database, 2)
        failed = [one.exception() for one in both if one.exception() is not None]
        done = [one.result() for one in both if one.exception() is None]
    assert len(done) == 1 and len(failed) == 1 and isinstance(failed[0], Conflict)
    log = events.get(database, WANG, case)["steps"]
    assert len(log) == 4
    assert log[-1]["actor"] in failed[0].message and done[0]["state_label"] in failed[0].message


def test_a_step_on_what_was_seen_before_is_refused(database: Database) -> None:
    case = _handled(database)
    events.act(database, WANG, case, Action.SEND_BACK, note="请重新指派", after_step=3)
    with pytest.raises(Conflict, match="王芳已退回"):
        events.act(database, LI, case, Action.SEND_BACK, note="不归我们", after_step=3)
    assert events.get(database, WANG, case)["state"] == "assigned"
    events.act(database, LI, case, Action.SEND_BACK, note="不归我们", after_step=4)
    assert events.get(database, WANG, case)["state"] == "reported"


def test_steps_one_after_the_other_need_not_say_what_was_seen(database: Database) -> None:
    case = _handled(database)
    events.act(database, WANG, case, Action.SEND_BACK, note="一")
    events.act(database, LI, case, Action.SEND_BACK, note="二")
    log = events.get(database, WANG, case)["steps"]
    instants = [step["recorded_at"] for step in log]
    assert instants == sorted(instants) == [step["at"] for step in log]


def test_a_step_out_of_order_names_who_came_before(database: Database) -> None:
    case = report(database, WANG)["id"]
    events.act(database, WANG, case, Action.ASSIGN, assignee="环卫所")
    with pytest.raises(Conflict) as late:
        events.act(database, LI, case, Action.ASSIGN, assignee="派出所")
    assert "王芳已交办" in late.value.message and "待办理" in late.value.message


def test_a_report_is_timed_when_it_is_its_turn(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instants follow each other as numbers do, and the time limit does not run while others are waited for."""
    stop = world.Stop(events.count_case)
    monkeypatch.setattr(events, "count_case", stop)
    with together(2) as start:
        first = start(report, database, WANG)
        assert stop.reached.wait(30)
        second = start(report, database, LI)
        wait_for_waiting(database, 1)
        waited = clock.now()
        stop.go.set()
        one, two = first.result(), second.result()
    assert one["number"] < two["number"]
    assert one["reported_at"] < waited <= two["reported_at"]
    assert two["due_at"] == two["reported_at"] + timedelta(hours=24)


def test_a_worker_who_leaves_duty_at_the_same_instant_gets_no_case(
    database: Database, workers: dict[str, int]
) -> None:
    case, worker = report(database, WANG)["id"], workers["east"]
    retire = "UPDATE grid_worker SET active = false WHERE id = :id"
    with together(1) as start:
        with world.holding(database, retire, id=worker):
            given = start(events.act, database, WANG, case, Action.ASSIGN, assignee="网格", worker_id=worker)
            wait_for_waiting(database, 1)
        with pytest.raises(InputError) as refused:
            given.result()
    assert refused.value.details == {"field": "worker_id"}
    world.one(database, "UPDATE grid_worker SET active = true WHERE id = :id RETURNING id", id=worker)


def test_four_equal_messages_at_once_are_one_case(database: Database) -> None:
    terminal = person(7, "网格员甲", Role.WORKER, COMMUNITY)
    with together(4) as start:
        sent = [start(report, database, terminal, source_key="42") for _ in range(4)]
        answers = [one.result() for one in sent]
    assert len({answer["id"] for answer in answers}) == 1
    assert sorted(answer["known"] for answer in answers) == [False, True, True, True]

"""The transition table of cases: every state × action."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.domain import clock
from gisapp.domain.access import Role
from gisapp.domain.events import MAY, TRANSITIONS, Action, State, actions, due_time, on_time, step
from gisapp.errors import Conflict, InputError

NOW = clock.now()
EXPECTED = {
    ("reported", "assign"): "assigned",
    ("assigned", "handle"): "handling",
    ("assigned", "send_back"): "reported",
    ("handling", "close"): "closed",
    ("handling", "send_back"): "assigned",
}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("action", list(Action))
def test_every_state_and_action(state: State, action: Action) -> None:
    def take() -> State:
        return step(state, action, note="已处理", assignee="城管中队", at=NOW, last_at=NOW).to_state

    target = EXPECTED.get((state.value, action.value))
    if target is None:
        with pytest.raises(Conflict) as refused:
            take()
        assert refused.value.remedy
    else:
        assert take() == target


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("role", list(Role))
def test_offered_actions_are_those_that_state_and_role_allow(state: State, role: Role) -> None:
    for action in Action:
        allowed = (state, action) in TRANSITIONS and (role is Role.ADMIN or role in MAY[action])
        assert (action in actions(state, role)) is allowed


def test_a_planner_may_look_but_not_act() -> None:
    assert all(Role.PLANNER not in roles for roles in MAY.values())


@pytest.mark.parametrize(
    ("state", "action", "field"),
    [
        (State.HANDLING, Action.CLOSE, "note"),
        (State.HANDLING, Action.SEND_BACK, "note"),
        (State.REPORTED, Action.ASSIGN, "assignee"),
    ],
)
def test_what_an_action_needs_is_named(state: State, action: Action, field: str) -> None:
    with pytest.raises(InputError) as refused:
        step(state, action, note=" ", assignee=" ", at=NOW, last_at=NOW)
    assert refused.value.details["field"] == field


def test_no_step_lies_before_the_one_before_it() -> None:
    with pytest.raises(InputError):
        step(State.ASSIGNED, Action.HANDLE, note="", at=NOW - timedelta(seconds=1), last_at=NOW)


@given(st.lists(st.sampled_from(list(Action)), max_size=30))
def test_any_run_of_actions_stays_on_the_table(run: list[Action]) -> None:
    state = State.REPORTED
    for action in run:
        try:
            taken = step(state, action, note="x", assignee="x", at=NOW, last_at=NOW)
        except Conflict:
            continue
        assert TRANSITIONS[state, action] is taken.to_state
        state = taken.to_state
    if state is State.CLOSED:
        assert run.count(Action.CLOSE) >= 1


def test_in_time_is_judged_at_the_due_instant_itself() -> None:
    due = due_time("01001", NOW)
    assert on_time(due, due, NOW) is True
    assert on_time(due, due + timedelta(microseconds=1), NOW) is False
    assert on_time(due, None, due) is None
    assert on_time(due, None, due + timedelta(seconds=1)) is False

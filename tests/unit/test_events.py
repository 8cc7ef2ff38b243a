"""The transition table of cases: every state × action."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.domain import clock
from gisapp.domain.access import Role
from gisapp.domain.events import (
    CHANNELS,
    MAY,
    TRANSITIONS,
    Action,
    Channel,
    State,
    actions,
    channels,
    chosen_channel,
    due_time,
    on_time,
    overtaken,
    step,
)
from gisapp.domain.stated_instants import Instants
from gisapp.domain.vocabulary import label
from gisapp.errors import Conflict, InputError

NOW = clock.now()
WHEN = Instants(NOW, None, NOW)
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
        return step(state, action, note="已处理", assignee="城管中队", when=WHEN).to_state

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
        step(state, action, note=" ", assignee=" ", when=WHEN)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize("unseen", ["\u200b", "\u3000", "\ufeff \u2060"])
def test_what_cannot_be_seen_is_missing(unseen: str) -> None:
    for state, action in ((State.REPORTED, Action.ASSIGN), (State.HANDLING, Action.CLOSE)):
        with pytest.raises(InputError):
            step(state, action, note=unseen, assignee=unseen, when=WHEN)


def test_a_conflict_names_the_state_and_who_came_first() -> None:
    with pytest.raises(Conflict) as late:
        step(State.ASSIGNED, Action.ASSIGN, note="", assignee="甲", when=WHEN, before="王芳已交办")
    assert "待办理" in late.value.message and "王芳已交办" in late.value.message
    assert "办理、退回" in late.value.remedy
    said = overtaken(State.HANDLING, "李强已办理")
    assert "办理中" in said.message and "李强已办理" in said.message and said.remedy


ALLOWED = {
    Role.WORKER: {"grid_worker", "patrol"},
    Role.MANAGER: {"grid_worker", "patrol", "citizen", "hotline", "iot", "leader_order"},
    Role.LEADER: {"patrol", "citizen", "hotline", "leader_order"},
    Role.PLANNER: set(),
    Role.DEVICE: set(),
    Role.ADMIN: {"grid_worker", "patrol", "citizen", "hotline", "iot", "leader_order"},
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("channel", list(Channel))
def test_who_may_report_as_what(role: Role, channel: Channel) -> None:
    if channel.value in ALLOWED[role]:
        assert chosen_channel(role, channel.value) is channel
        return
    with pytest.raises(InputError) as refused:
        chosen_channel(role, channel.value)
    assert refused.value.details == {"field": "channel"}
    assert label(channel) in refused.value.message


def test_the_usual_channel_stands_for_none_and_an_unknown_one_is_refused() -> None:
    usual = {role: chosen_channel(role, None) for role in CHANNELS}
    assert usual == {
        Role.WORKER: Channel.GRID_WORKER,
        Role.MANAGER: Channel.PATROL,
        Role.LEADER: Channel.PATROL,
    }
    for role, wanted in ((Role.MANAGER, "telepathy"), (Role.MANAGER, ""), (Role.PLANNER, None)):
        with pytest.raises(InputError):
            chosen_channel(role, wanted)


def test_whoever_may_report_has_a_channel_and_nobody_else() -> None:
    assert {role for role in Role if channels(role)} == MAY[Action.REPORT] | {Role.ADMIN}


@given(st.lists(st.sampled_from(list(Action)), max_size=30))
def test_any_run_of_actions_stays_on_the_table(run: list[Action]) -> None:
    state = State.REPORTED
    for action in run:
        try:
            taken = step(state, action, note="x", assignee="x", when=WHEN)
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

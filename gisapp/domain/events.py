"""Cases (事件): the transition table, due times, and what a step must carry.

The closed loop of S2 二(二)1 in its first form: 上报 → 交办 → 办理 → 办结, with 退回 one step back. A state changes only
through :data:`TRANSITIONS`; every step is written down and never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gisapp.domain.access import Role
from gisapp.domain.incoming import is_blank
from gisapp.domain.stated_instants import Instants
from gisapp.domain.vocabulary import label
from gisapp.errors import Conflict, InputError


class State(StrEnum):
    """States of a case; the value is the vocabulary identifier."""

    REPORTED = "reported"
    ASSIGNED = "assigned"
    HANDLING = "handling"
    CLOSED = "closed"


class Action(StrEnum):
    """What can be done with a case; the value is the vocabulary identifier."""

    REPORT = "report"
    ASSIGN = "assign"
    HANDLE = "handle"
    CLOSE = "close"
    SEND_BACK = "send_back"


class Channel(StrEnum):
    """Where a case came from (来源); the value is the vocabulary identifier."""

    GRID_WORKER = "grid_worker"
    PATROL = "patrol"
    CITIZEN = "citizen"
    HOTLINE = "hotline"
    IOT = "iot"
    LEADER_ORDER = "leader_order"


TRANSITIONS: dict[tuple[State, Action], State] = {
    (State.REPORTED, Action.ASSIGN): State.ASSIGNED,
    (State.ASSIGNED, Action.HANDLE): State.HANDLING,
    (State.ASSIGNED, Action.SEND_BACK): State.REPORTED,
    (State.HANDLING, Action.CLOSE): State.CLOSED,
    (State.HANDLING, Action.SEND_BACK): State.ASSIGNED,
}
"""The only ways from state to state; reporting is how a case begins."""

MAY: dict[Action, frozenset[Role]] = {
    Action.REPORT: frozenset({Role.WORKER, Role.MANAGER, Role.LEADER}),
    Action.ASSIGN: frozenset({Role.MANAGER, Role.LEADER}),
    Action.HANDLE: frozenset({Role.WORKER, Role.MANAGER}),
    Action.CLOSE: frozenset({Role.WORKER, Role.MANAGER, Role.LEADER}),
    Action.SEND_BACK: frozenset({Role.WORKER, Role.MANAGER, Role.LEADER}),
}

CHANNELS: dict[Role, tuple[Channel, ...]] = {
    Role.WORKER: (Channel.GRID_WORKER, Channel.PATROL),
    Role.MANAGER: (
        Channel.PATROL,
        Channel.HOTLINE,
        Channel.CITIZEN,
        Channel.IOT,
        Channel.LEADER_ORDER,
        Channel.GRID_WORKER,
    ),
    Role.LEADER: (Channel.PATROL, Channel.LEADER_ORDER, Channel.HOTLINE, Channel.CITIZEN),
}
"""As what each role may report, what is usual first: workers what they found themselves, managers whatever reaches the
desk, leaders what they saw or were told. Whoever may not report at all is left out."""

_NEEDS_NOTE = {Action.CLOSE: "办理结果", Action.SEND_BACK: "退回理由"}

_TERMS = {"01": timedelta(hours=24), "02": timedelta(hours=12), "03": timedelta(hours=8)}
_TERM = timedelta(hours=24)
"""Time to close by class of matter where no rule of the place says otherwise (S0 9.2: the same day)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case, as it is written into the log."""

    action: Action
    from_state: State
    to_state: State
    note: str
    when: Instants


def due_time(matter_code: str, reported_at: datetime) -> datetime:
    """When a case must be closed.

    Args:
        matter_code: five digits of GB/T 47678.5; the first two are the class.
        reported_at: instant with a zone.
    """
    return reported_at + _TERMS.get(matter_code[:2], _TERM)


def actions(state: State, role: Role) -> list[Action]:
    """What a role can do with a case in a state, in the order of the table."""
    return [
        action
        for (here, action) in TRANSITIONS
        if here is state and (role is Role.ADMIN or role in MAY[action])
    ]


def channels(role: Role) -> tuple[Channel, ...]:
    """As what a role may report, what is usual first; administrators as everything."""
    return tuple(Channel) if role is Role.ADMIN else CHANNELS.get(role, ())


def chosen_channel(role: Role, wanted: str | None) -> Channel:
    """The channel of a report: the wanted one if the role may report as it, else what is usual for the role.

    Args:
        wanted: a ``Channel``; None where nothing was chosen.

    Raises:
        InputError: there is no such channel, or the role does not report as it.
    """
    offered = channels(role)
    if wanted is None and offered:
        return offered[0]
    for one in offered:
        if one == wanted:
            return one
    said = label(wanted) if wanted in set(Channel) else "未知来源"
    raise InputError(
        f"“{label(role)}”不能以“{said}”为来源上报。",
        remedy=f"可用的来源：{'、'.join(label(one) for one in offered) or '无'}。",
        details={"field": "channel"},
    )


def overtaken(state: State, before: str) -> Conflict:
    """What is said to somebody who acts on what has changed meanwhile.

    Args:
        state: the state of the case now.
        before: who did what last, in Chinese, such as ``王芳已交办``.
    """
    return Conflict(
        f"{before}，案件当前为“{label(state)}”，您的操作没有执行。",
        remedy="请刷新，按最新状态办理。",
        details={"state": state},
    )


def step(
    state: State, action: Action, *, note: str, when: Instants, assignee: str = "", before: str = ""
) -> Step:
    """The step that an action makes from a state.

    Args:
        note: what was done or why; required for closing and sending back.
        when: instants of the action.
        assignee: the responsible unit, required for assigning.
        before: who did what last, in Chinese, for the message.

    Raises:
        Conflict: the state does not allow the action.
        InputError: something that the action needs is missing.
    """
    target = TRANSITIONS.get((state, action))
    if target is None:
        possible = "、".join(label(a) for (here, a) in TRANSITIONS if here is state) or "无"
        since = f"（{before}）" if before else ""
        raise Conflict(
            f"案件当前为“{label(state)}”{since}，不能{label(action)}。",
            remedy=f"当前可进行的操作：{possible}。请刷新后再试。",
            details={"state": state, "action": action},
        )
    if action in _NEEDS_NOTE and is_blank(note):
        raise InputError(
            f"{label(action)}时必须填写{_NEEDS_NOTE[action]}。",
            remedy="请填写后再提交。",
            details={"field": "note"},
        )
    if action is Action.ASSIGN and is_blank(assignee):
        raise InputError(
            "交办时必须指定责任单位。", remedy="请选择或填写责任单位。", details={"field": "assignee"}
        )
    return Step(action, state, target, note.strip(), when)


def on_time(due_at: datetime, closed_at: datetime | None, now: datetime) -> bool | None:
    """Whether a case was closed in time; None while it is open and not yet due."""
    if closed_at is not None:
        return closed_at <= due_at
    return False if now > due_at else None

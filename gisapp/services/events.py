"""Running a case: report, assign, handle, close, send back; lists and the log behind each case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gisapp.domain import clock, codes, incoming
from gisapp.domain.access import Reader
from gisapp.domain.events import (
    MAY,
    Action,
    State,
    Step,
    actions,
    chosen_channel,
    due_time,
    on_time,
    overtaken,
    step,
)
from gisapp.domain.stated_instants import counting
from gisapp.domain.vocabulary import label
from gisapp.errors import Forbidden, InputError, NotFound
from gisapp.services.demand import count_case
from gisapp.store import case_density, events, scopes
from gisapp.store.database import Database
from gisapp.store.events import Filter
from gisapp.store.grid_locks import hold_grids
from gisapp.store.notices import notify

MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported: where, what and through which channel.

    Attributes:
        lon: longitude in degrees, EPSG:4490.
        lat: latitude in degrees, EPSG:4490.
        matter_code: five digits, GB/T 47678.5.
        channel: a ``Channel``; what is usual for the reader's role when None.
        at: stated instant of finding, see ``stated_instants``; now when None.
        source_key: identity given by the reporting terminal, so that a message sent twice is one case; an empty one is
            none.
    """

    lon: float
    lat: float
    matter_code: str
    title: str = ""
    description: str = ""
    address: str = ""
    channel: str | None = None
    at: datetime | None = None
    source_key: str | None = None


def _checked(what: Report) -> Report:
    """A report with its texts and coordinates as they may be stored; a key of which nothing can be seen is none."""
    return replace(
        what,
        lon=incoming.longitude(what.lon),
        lat=incoming.latitude(what.lat),
        matter_code=incoming.text(what.matter_code, incoming.CODE, "matter_code"),
        title=incoming.text(what.title, incoming.TITLE, "title"),
        description=incoming.text(what.description, incoming.DESCRIPTION, "description"),
        address=incoming.text(what.address, incoming.ADDRESS, "address"),
        source_key=incoming.text(what.source_key, incoming.SOURCE_KEY, "source_key") or None,
    )


def shown(row: Mapping[Any, Any], reader: Reader, now: datetime) -> dict[str, Any]:
    """A case as lists and pages show it: words for codes, whether it is late, what the reader may do."""
    state = State(row["state"])
    matter = codes.matter_types().get(row["matter_code"])
    return {
        **row,
        "state_label": label(state),
        "channel_label": label(row["channel"]),
        "matter": matter.name if matter else row["matter_code"],
        "matter_class": matter.class_name if matter else "",
        "in_time": on_time(row["due_at"], row["closed_at"], now),
        "actions": [{"id": str(action), "label": label(action)} for action in actions(state, reader.role)],
    }


def _described(
    connection: Connection, rows: Sequence[Mapping[Any, Any]], reader: Reader, now: datetime
) -> list[dict[str, Any]]:
    """Cases as ``shown``, with what was stated and recorded of their first step and of the one that closed them."""
    ends: dict[tuple[int, str], Mapping[Any, Any]] = {}
    for found in events.ends_of(connection, [row["id"] for row in rows]):
        ends[found["event_id"], "reported" if found["number"] == 1 else "closed"] = found
    described = []
    for row in rows:
        case = shown(row, reader, now)
        for end in ("reported", "closed"):
            at = ends.get((row["id"], end), {})
            case[f"{end}_stated_at"], case[f"{end}_recorded_at"] = at.get("stated_at"), at.get("recorded_at")
        case["imported"] = bool(ends.get((row["id"], "reported"), {}).get("imported"))
        described.append(case)
    return described


def report(database: Database, reader: Reader, what: Report) -> dict[str, Any]:
    """Report a case. The same ``source_key`` from the same account gives the case that exists already, if the account still
    sees it; ``known`` of the answer tells.

    Raises:
        Forbidden: the role may not report, or the point lies outside the reader's scope.
        InputError: unknown matter, a channel that is not the role's, coordinates out of range, time in the future.
    """
    reader.require(*MAY[Action.REPORT])
    what = _checked(what)
    matter = codes.matter_type(what.matter_code)
    channel = chosen_channel(reader.role, what.channel)
    with database.begin(reader) as connection:
        hold_grids(connection)
        if what.source_key is not None:
            known = events.find_by_key(connection, reader.user_id, what.source_key)
            if known is not None:
                return _described(connection, [known], reader, clock.now())[0] | {"known": True}
        place = events.grid_at(connection, what.lon, what.lat)
        if place is None or not reader.scope.covers(place):
            raise Forbidden(
                "该位置不在您的管辖范围内。", remedy="请核对位置；如属他人网格，请拨打值班电话转报。"
            )
        events.take_turns(connection)
        # Only now: the time limit does not run while others are waited for, and instants follow each other as numbers do.
        when = counting(what.at, clock.now())
        row = events.create(
            connection,
            place=place,
            lon=what.lon,
            lat=what.lat,
            values={
                "matter_code": what.matter_code,
                "class": what.matter_code[:2],
                "channel": str(channel),
                "title": what.title or matter.name,
                "description": what.description,
                "address": what.address,
                "state": str(State.REPORTED),
                "reported_at": when.at,
                "due_at": due_time(what.matter_code, when.at),
                "source_key": what.source_key,
                "source_account": reader.user_id,
                "source_scope": str(reader.scope),
            },
        )
        count_case(connection, place, what.lon, what.lat, row["reported_at"])
        first = Step(Action.REPORT, State.REPORTED, State.REPORTED, what.description, when)
        _write_step(connection, reader, row, first)
        return _described(connection, [row], reader, when.recorded_at)[0] | {"known": False}


def act(
    database: Database,
    reader: Reader,
    event_id: int,
    action: Action,
    *,
    note: str = "",
    assignee: str = "",
    worker_id: int | None = None,
    at: datetime | None = None,
    after_step: int | None = None,
) -> dict[str, Any]:
    """Take one step with a case.

    Args:
        at: stated instant, see ``stated_instants``.
        after_step: number of the newest step that the actor has seen; the newest when the request came, when None.

    Raises:
        NotFound: no such case within the reader's scope.
        Forbidden: the role may not take this step, or a worker takes one with another's case.
        Conflict: somebody was quicker, or a step was left out.
        InputError: the result, the reason or the responsible unit is missing, or the worker does not answer for the place.
    """
    reader.require(*MAY[action])
    note = incoming.text(note, incoming.NOTE, "note")
    assignee = incoming.text(assignee, incoming.ASSIGNEE, "assignee")
    worker_id = None if worker_id is None else incoming.identifier(worker_id, "worker_id", "网格员编号")
    with database.begin(reader) as connection:
        hold_grids(connection)
        seen = after_step if after_step is not None else _number(events.last_step(connection, event_id))
        row = events.find(connection, event_id, lock=True)
        if row is None:
            raise NotFound(f"没有编号为 {event_id} 的案件。", remedy="请核对编号，或确认它在您的管辖范围内。")
        # From here on nobody else acts on the case: its state, its newest step and the instant are read now.
        last = events.last_step(connection, event_id)
        when = counting(at, clock.now(), row["reported_at"] if last is None else last["at"])
        before = f"{last['actor']}已{label(last['action'])}" if last is not None else ""
        if _number(last) > seen:
            raise overtaken(State(row["state"]), before)
        if reader.worker_id is not None and row["worker_id"] not in (None, reader.worker_id):
            raise Forbidden("该案件已交办给其他网格员。", remedy="请联系网格管理员改派。")
        taken = step(State(row["state"]), action, note=note, when=when, assignee=assignee, before=before)
        values: dict[str, Any] = {"state": str(taken.to_state)}
        if action is Action.ASSIGN:
            _require_worker(connection, row["place"], worker_id)
            values |= {"assignee": assignee, "worker_id": worker_id}
        if taken.to_state is State.CLOSED:
            values["closed_at"] = when.at
        if taken.to_state is State.REPORTED:
            values |= {"assignee": "", "worker_id": None}
        events.move(connection, event_id, row["place"], values)
        if taken.to_state is State.CLOSED:
            case_density.count_one(connection, row["place"], row["lon"], row["lat"], row["reported_at"])
        _write_step(connection, reader, {**row, **values}, taken)
        after = events.find(connection, event_id)
        assert after is not None
        return _described(connection, [after], reader, when.recorded_at)[0]


def _number(step_row: Mapping[Any, Any] | None) -> int:
    return 0 if step_row is None else int(step_row["number"])


def _require_worker(connection: Connection, place: str, worker_id: int | None) -> None:
    """Refuse whom a case of a place cannot be given to; what is wrong with a worker elsewhere is not told.

    Raises:
        InputError: no such worker here.
    """
    if worker_id is None:
        return
    if not 0 < worker_id < 2**63 or not events.may_be_given(connection, place, worker_id):
        raise InputError(
            f"案件所在社区没有编号为 {worker_id} 的在岗网格员。",
            remedy="请从该社区的网格员中选择，或只填写责任单位。",
            details={"field": "worker_id"},
        )


def _write_step(connection: Connection, reader: Reader, row: Mapping[Any, Any], taken: Step) -> None:
    events.add_step(
        connection,
        event_id=row["id"],
        place=row["place"],
        taken=taken,
        actor_id=reader.user_id,
        actor=reader.name,
    )
    notify(
        connection,
        "event",
        row["place"],
        id=row["id"],
        number=row["number"],
        title=row["title"][: incoming.TITLE.most],  # stored before there was a limit
        action=str(taken.action),
        state=str(taken.to_state),
        lon=row["lon"],
        lat=row["lat"],
        at=taken.when.at.isoformat(),
    )


def get(database: Database, reader: Reader, event_id: int) -> dict[str, Any]:
    """A case with its steps and what may be done next.

    Raises:
        NotFound: no such case within the reader's scope.
    """
    with database.begin(reader) as connection:
        row = events.find(connection, event_id)
        if row is None:
            raise NotFound(f"没有编号为 {event_id} 的案件。", remedy="请核对编号，或确认它在您的管辖范围内。")
        log = events.steps(connection, event_id)
        (case,) = _described(connection, [row], reader, clock.now())
        workers = events.workers_for(connection, row["place"])
        names = scopes.grid_names_of(connection, [row["place"]]) or scopes.names_of(
            connection, [row["place"]]
        )
    taken = [
        {**entry, "action_label": label(entry["action"]), "to_label": label(entry["to_state"])}
        for entry in log
    ]
    return {
        **case,
        "place_name": names.get(row["place"], row["place"]),
        "steps": taken,
        "workers": [dict(w) for w in workers],
    }


def narrowed(wanted: Filter) -> Filter:
    """A filter with what its fields may hold.

    Raises:
        InputError: a field holds something else.
    """
    return replace(
        wanted,
        place=incoming.place(wanted.place) or None,
        since=None if wanted.since is None else incoming.instant(wanted.since, "since"),
        until=None if wanted.until is None else incoming.instant(wanted.until, "until"),
        text=incoming.text(wanted.text, incoming.FILTER, "text") or None,
    )


def find(
    database: Database, reader: Reader, wanted: Filter, *, offset: int = 0, limit: int = 100
) -> dict[str, Any]:
    """Cases that match, the newest first, with how many there are and the moment of the answer."""
    offset = incoming.whole(offset, "offset", "offset", 0, incoming.MOST_ROWS)
    limit = incoming.whole(limit, "limit", "limit", 1, MAX_PAGE)
    now = clock.now()
    wanted = narrowed(wanted)
    with database.begin(reader) as connection:
        total, rows = events.page(connection, wanted, offset=offset, limit=limit)
        items = _described(connection, rows, reader, now)
    return {"total": total, "moment": now.isoformat(), "items": items}

"""Cases and their step logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoalchemy2 import functions as geo
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from gisapp.domain.events import Action, State, Step
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables.base import SRID
from gisapp.store.tables.work import event, event_step, grid_worker

_SHOWN = (
    event.c.id,
    event.c.place,
    event.c.number,
    event.c.matter_code,
    event.c.channel,
    event.c.title,
    event.c.description,
    event.c.address,
    event.c.state,
    event.c.assignee,
    event.c.worker_id,
    event.c.reported_at,
    event.c.due_at,
    event.c.closed_at,
    geo.ST_X(event.c.geom).label("lon"),
    geo.ST_Y(event.c.geom).label("lat"),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are asked for; what is None does not narrow.

    Attributes:
        place: prefix of the place key.
        since: first instant of reporting, included.
        until: last instant of reporting, not included.
        states: any of these states.
        judged: closed, or its time has run out at ``moment`` (True): what "closed in time" is counted of.
        overdue: at ``moment``, open after the due time or closed after it (True), or not (False).
        text: part of the number, the title or the address.
        moment: the instant that "overdue" is judged at; now when None.
    """

    place: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    states: Sequence[State] = ()
    matter_class: str | None = None
    judged: bool = False
    overdue: bool | None = None
    text: str | None = None
    moment: datetime | None = None


def _judged(wanted: Filter) -> ColumnElement[bool]:
    return or_(event.c.closed_at.is_not(None), event.c.due_at < (wanted.moment or func.now()))


def _narrow(statement: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.place:
        statement = statement.where(event.c.place.startswith(wanted.place, autoescape=True))
    if wanted.since is not None:
        statement = statement.where(event.c.reported_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(event.c.reported_at < wanted.until)
    if wanted.states:
        statement = statement.where(event.c.state.in_([str(state) for state in wanted.states]))
    if wanted.matter_class:
        statement = statement.where(event.c["class"] == wanted.matter_class)
    if wanted.judged:
        statement = statement.where(_judged(wanted))
    if wanted.overdue is not None:
        late = func.coalesce(event.c.closed_at, wanted.moment or func.now()) > event.c.due_at
        statement = statement.where(late if wanted.overdue else ~late)
    if wanted.text:
        part = wanted.text.strip()
        statement = statement.where(
            or_(
                *(
                    column.contains(part, autoescape=True)
                    for column in (event.c.number, event.c.title, event.c.address)
                )
            )
        )
    return statement


def find(connection: Connection, event_id: int, *, lock: bool = False) -> RowMapping | None:
    """One case within the reader's scope, or None; locked until the end of the transaction if asked."""
    statement = select(*_SHOWN).where(event.c.id == event_id)
    if lock:
        statement = statement.with_for_update()
    return connection.execute(statement).mappings().first()


REPORTED = ""
"""The source of cases that are reported here; no file's name is empty."""


def find_by_key(connection: Connection, account: int, key: str) -> RowMapping | None:
    """The case that an account has reported under a key already, if the reader still sees it, else None.

    The second of two equal messages waits here until the first one's transaction has ended.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"event:{account}:{key}"))))
    statement = select(*_SHOWN).where(
        event.c.source == REPORTED, event.c.source_key == key, event.c.source_account == account
    )
    return connection.execute(statement.order_by(event.c.id).limit(1)).mappings().first()


def page(
    connection: Connection, wanted: Filter, *, offset: int, limit: int
) -> tuple[int, Sequence[RowMapping]]:
    """How many cases match, and some of them, the newest first."""
    total = connection.execute(_narrow(select(func.count()).select_from(event), wanted)).scalar_one()
    statement = _narrow(select(*_SHOWN), wanted).order_by(event.c.reported_at.desc(), event.c.id.desc())
    return int(total), connection.execute(statement.offset(offset).limit(limit)).mappings().all()


def steps(connection: Connection, event_id: int) -> Sequence[RowMapping]:
    """The step log of a case, the first step first."""
    columns = ("number", "action", "from_state", "to_state", "actor", "note")
    instants = ("at", "stated_at", "recorded_at", "imported")
    return (
        connection.execute(
            select(*(event_step.c[name] for name in (*columns, *instants)))
            .where(event_step.c.event_id == event_id)
            .order_by(event_step.c.number)
        )
        .mappings()
        .all()
    )


def ends_of(connection: Connection, event_ids: Sequence[int]) -> Sequence[RowMapping]:
    """The first step of each of some cases, and the one that closed it."""
    columns = ("event_id", "number", "action", "stated_at", "recorded_at", "imported")
    chosen = event_step.c.event_id == func.any(list(event_ids))
    ends = or_(event_step.c.number == 1, event_step.c.action == str(Action.CLOSE))
    statement = select(*(event_step.c[name] for name in columns)).where(chosen, ends)
    return connection.execute(statement).mappings().all()


def grid_at(connection: Connection, lon: float, lat: float) -> str | None:
    """Place key of the grid in force that holds a point (EPSG:4490), else of the deepest region, else None."""
    found = connection.execute(text(load_sql("place_at")), {"lon": lon, "lat": lat}).scalar()
    return None if found is None else str(found)


def take_turns(connection: Connection) -> None:
    """Wait until whoever else is reporting has ended: what is read from here on stands in the order of the numbers."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("onemap.event_numbers"))))


def create(
    connection: Connection, *, place: str, lon: float, lat: float, values: dict[str, Any]
) -> RowMapping:
    """Store a new case; its number is the local day and a serial number of that day.

    Args:
        values: further columns; under ``source_key`` of ``source_account`` the caller has found no case that it may see.
    """
    number = connection.execute(select(func.onemap.next_event_number(values["reported_at"]))).scalar_one()
    point = func.ST_SetSRID(func.ST_MakePoint(lon, lat), SRID)
    given = {**values, "place": place, "number": number, "geom": point, "source": REPORTED}
    # The account's own case of this key may have gone out of its sight with a border: then this one is another case.
    for scope in (values["source_scope"], f"{values['source_scope']}#{number}"):
        statement = upsert(event).values({**given, "source_scope": scope})
        statement = statement.on_conflict_do_nothing(
            index_elements=[
                event.c[name] for name in ("source", "source_key", "source_account", "source_scope")
            ]
        )
        row = connection.execute(statement.returning(*_SHOWN)).mappings().first()
        if row is not None:
            return row
    raise AssertionError(f"number {number} was given twice")


def add_step(
    connection: Connection, *, event_id: int, place: str, taken: Step, actor_id: int, actor: str
) -> int:
    """Append a step to the log of a case that the caller has locked; returns its number."""
    last = select(func.coalesce(func.max(event_step.c.number), 0) + 1).where(
        event_step.c.event_id == event_id
    )
    statement = insert(event_step).values(
        place=place,
        event_id=event_id,
        number=last.scalar_subquery(),
        action=str(taken.action),
        from_state=str(taken.from_state),
        to_state=str(taken.to_state),
        actor_id=actor_id,
        actor=actor,
        note=taken.note,
        at=taken.when.at,
        stated_at=taken.when.stated_at,
        recorded_at=taken.when.recorded_at,
    )
    return int(connection.execute(statement.returning(event_step.c.number)).scalar_one())


def last_step(connection: Connection, event_id: int) -> RowMapping | None:
    """Number, action, actor and instant of the newest step of a case, or None."""
    columns = (event_step.c[name] for name in ("number", "action", "actor", "at"))
    statement = select(*columns).where(event_step.c.event_id == event_id)
    return connection.execute(statement.order_by(event_step.c.number.desc()).limit(1)).mappings().first()


def move(connection: Connection, event_id: int, place: str, values: dict[str, Any]) -> None:
    """Write the new state of a case."""
    connection.execute(
        update(event)
        .where(and_(event.c.id == event_id, event.c.place == place))
        .values(updated_at=func.now(), **values)
    )


def _workers(place: str) -> Select[Any]:
    """Active grid workers within the reader's scope who answer for a place: those of its community, or of an area around."""
    community = place[:12]
    here = or_(
        grid_worker.c.place.startswith(community, autoescape=True),
        literal(community).startswith(grid_worker.c.place),
    )
    return select(grid_worker.c.id, grid_worker.c.name, grid_worker.c.place).where(grid_worker.c.active, here)


def workers_for(connection: Connection, place: str) -> Sequence[RowMapping]:
    """Active grid workers who answer for a place, those of the own grid first."""
    statement = _workers(place).order_by(
        (grid_worker.c.place == place).desc(), grid_worker.c.place, grid_worker.c.id
    )
    return connection.execute(statement.limit(50)).mappings().all()


def may_be_given(connection: Connection, place: str, worker_id: int) -> bool:
    """Whether a worker answers for a place, as ``workers_for``; the worker stays so until the end of the transaction."""
    statement = _workers(place).where(grid_worker.c.id == worker_id)
    return connection.execute(statement.with_for_update(read=True)).first() is not None


def closing_by_place(connection: Connection, wanted: Filter, digits: int) -> Sequence[RowMapping]:
    """For each place of a level: cases due or closed, how many of them in time.

    Args:
        digits: length of the place keys that are counted, for example 15 for grids.

    Returns:
        rows with ``place``, ``due`` (cases that are closed, or whose time has run out) and ``in_time``.
    """
    judged = _judged(wanted)
    in_time = and_(event.c.closed_at.is_not(None), event.c.closed_at <= event.c.due_at)
    place = func.left(event.c.place, digits).label("place")
    statement = _narrow(
        select(
            place,
            func.count().filter(judged).label("due"),
            func.count().filter(and_(judged, in_time)).label("in_time"),
        ),
        wanted,
    ).where(func.length(event.c.place) >= digits)
    return connection.execute(statement.group_by(place).order_by(place)).mappings().all()

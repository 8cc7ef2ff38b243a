"""Cases: report, list, look, act."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gisapp.api.fields import (
    Address,
    Assignee,
    Code,
    Description,
    FilterText,
    Id,
    Instant,
    Lat,
    Lon,
    Note,
    Offset,
    Place,
    SourceKey,
    Title,
    whole,
)
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.domain.events import Action, Channel, State
from gisapp.services import events
from gisapp.store.events import Filter

router = APIRouter(prefix="/api/v1/events", tags=["events"])


class ReportIn(BaseModel):
    """A case as it is reported; coordinates in degrees, EPSG:4490 (WGS 84 positions of terminals are equal to it)."""

    lon: Lon
    lat: Lat
    matter_code: Code = Field(description="five digits, GB/T 47678.5")
    title: Title = ""
    description: Description = ""
    address: Address = ""
    channel: Channel = Channel.GRID_WORKER
    at: Instant | None = None
    source_key: SourceKey | None = Field(
        None, description="the terminal's own identity of the message: sent twice, kept once"
    )


class ActionIn(BaseModel):
    """One step with a case."""

    action: Action
    note: Note = ""
    assignee: Assignee = ""
    worker_id: Id | None = None
    at: Instant | None = None


@router.post("", status_code=201)
def report(what: ReportIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Report a case."""
    return events.report(database, reader, events.Report(**what.model_dump()))


@router.get("")
def find(
    reader: ReaderHere,
    database: DatabaseHere,
    place: Place | None = None,
    state: Annotated[list[State] | None, Query()] = None,
    since: Instant | None = None,
    until: Instant | None = None,
    judged: bool = False,
    overdue: bool | None = None,
    text: FilterText | None = None,
    offset: Offset = 0,
    limit: Annotated[int, whole("limit", 1, events.MAX_PAGE)] = 100,
) -> dict[str, Any]:
    """Cases within the reader's scope, the newest first."""
    wanted = Filter(
        place=place, since=since, until=until, states=state or (), judged=judged, overdue=overdue, text=text
    )
    return events.find(database, reader, wanted, offset=offset, limit=limit)


@router.get("/{event_id}")
def get(event_id: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """A case with its step log."""
    return events.get(database, reader, event_id)


@router.post("/{event_id}/steps")
def act(event_id: Id, what: ActionIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Take one step with a case."""
    return events.act(
        database,
        reader,
        event_id,
        what.action,
        note=what.note,
        assignee=what.assignee,
        worker_id=what.worker_id,
        at=what.at,
    )

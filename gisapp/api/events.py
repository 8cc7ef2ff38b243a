"""Cases: report, list, look, act."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
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
from gisapp.domain import incoming
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
    channel: Channel | None = Field(
        None, description="one that the role may report as; what is usual for the role when left out"
    )
    at: Instant | None = Field(
        None, description="stated instant of finding: counts up to 24 h back, else the recorded one does"
    )
    source_key: SourceKey | None = Field(
        None,
        description="the account's own identity of the message: sent twice, kept once; an empty one is none",
    )


class ActionIn(BaseModel):
    """One step with a case."""

    action: Action
    note: Note = ""
    assignee: Assignee = ""
    worker_id: Id | None = Field(None, description="an active grid worker of the case's community")
    at: Instant | None = Field(
        None,
        description="stated instant: counts up to 24 h back and not before the step before, else the recorded one does",
    )
    after_step: Annotated[int, whole("after_step", 0, incoming.MOST_INT)] | None = Field(
        None,
        description="number of the newest step that was seen; refused with 409 where there is a newer one",
    )


@router.post("", status_code=201, responses={200: {"description": "Known: the case that was reported first"}})
def report(what: ReportIn, response: Response, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Report a case; 200 with ``known`` where the account has sent this message before."""
    case = events.report(database, reader, events.Report(**what.model_dump()))
    if case["known"]:
        response.status_code = 200
    return case


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
        after_step=what.after_step,
    )

"""Positions of workers at the edge: terminals report them, maps ask for them.

Hundreds of reports come in a second. ``ReportMiddleware`` answers the ordinary ones before anything that is there for
pages sees them; whatever is unusual goes on to the route, which describes the address and says what is wrong with it.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gisapp.api.answers import answer_of
from gisapp.api.bodies import read_body, replay
from gisapp.api.fields import Day, Id, Place
from gisapp.api.session import DatabaseHere, ReaderHere, current_reader
from gisapp.domain import clock
from gisapp.domain.access import Reader
from gisapp.errors import OnemapError
from gisapp.services import tracks
from gisapp.services.gathering import Gathering

router = APIRouter(prefix="/api/v1", tags=["workers"])

PATH = "/api/v1/tracks"


class Report(BaseModel):
    """Positions that a terminal or a gateway reports; each is checked by itself."""

    fixes: list[Any] = Field(
        description="定位点：worker、at（带时区）、lon、lat，可带 id、accuracy（米）、speed（米/秒）",
        examples=[
            [
                {
                    "worker": 7,
                    "at": "2025-06-01T08:00:00+08:00",
                    "lon": 120.17,
                    "lat": 30.28,
                    "accuracy": 9,
                    "speed": 1.2,
                }
            ]
        ],
    )


@router.post("/tracks")
async def report(body: Report, request: Request) -> dict[str, Any]:
    """Take in positions; what the answer calls stored is stored. Sending a batch again does no harm."""
    # Not as a dependency: each would cost a change of threads.
    reader = current_reader(request)
    gathering: Gathering = request.app.state.gathering
    return (await gathering.take_in(reader, body.fixes)).as_json()


class ReportMiddleware:
    """ASGI middleware: takes in an ordinary report of positions; stands within the session's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        reader: Reader = scope["state"]["reader"]
        fixes = _fixes(scope, body) if reader.scope else None
        if fixes is None:
            await self.app(scope, replay(body, receive), send)
            return
        try:
            receipt = await scope["app"].state.gathering.take_in(reader, fixes)
        except OnemapError as error:
            answer = answer_of(error)
        else:
            answer = JSONResponse(receipt.as_json())
        await answer(scope, receive, send)


def _fixes(scope: Scope, body: bytes) -> list[Any] | None:
    """The positions in a report that is nothing but what it should be, else None."""
    if not Headers(scope=scope).get("content-type", "").startswith("application/json"):
        return None
    try:
        report = json.loads(body)
    except (ValueError, RecursionError):
        return None
    fixes = report.get("fixes") if isinstance(report, dict) else None
    return fixes if isinstance(fixes, list) else None


@router.get("/workers")
def list_workers(reader: ReaderHere, database: DatabaseHere, place: Place = "") -> dict[str, Any]:
    """Workers within the reader's scope with their newest positions."""
    return tracks.live(database, reader, place)


@router.get("/workers/{worker}/track")
def show_track(
    worker: Id, reader: ReaderHere, database: DatabaseHere, day: Day | None = None
) -> dict[str, Any]:
    """A worker's track of one local day (today's if none is named) as GeoJSON with the instant of each corner."""
    return tracks.track_of_day(database, reader, worker, day or clock.today())

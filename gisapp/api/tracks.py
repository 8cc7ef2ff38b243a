"""Positions of workers at the edge: terminals report them, maps ask for them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.domain import clock
from gisapp.services import tracks

router = APIRouter(prefix="/api/v1", tags=["workers"])


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
def report(body: Report, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Take in positions; what the answer calls stored is stored. Sending a batch again does no harm."""
    return tracks.take_in(database, reader, body.fixes).as_json()


@router.get("/workers")
def list_workers(
    reader: ReaderHere, database: DatabaseHere, place: Annotated[str, Query(pattern=r"^\d{0,15}$")] = ""
) -> dict[str, Any]:
    """Workers within the reader's scope with their newest positions."""
    return tracks.live(database, reader, place)


@router.get("/workers/{worker}/track")
def show_track(
    worker: int, reader: ReaderHere, database: DatabaseHere, day: date | None = None
) -> dict[str, Any]:
    """A worker's track of one local day (today's if none is named) as GeoJSON with the instant of each corner."""
    return tracks.track_of_day(database, reader, worker, day or clock.today())

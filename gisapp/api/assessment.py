"""Assessment: indicators and their values by place."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gisapp.api.fields import Code, Instant, Place, PlaceLevel
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.domain.keys import Level
from gisapp.services import assessment

router = APIRouter(prefix="/api/v1/indicators", tags=["assessment"])


@router.get("")
def catalogue(reader: ReaderHere) -> list[dict[str, Any]]:
    """All indicators."""
    return assessment.catalogue()


@router.get("/{indicator_id}")
def scores(
    indicator_id: Code,
    reader: ReaderHere,
    database: DatabaseHere,
    place: Place = "",
    level: PlaceLevel = Level.GRID,
    since: Instant | None = None,
    until: Instant | None = None,
) -> dict[str, Any]:
    """Values of an indicator by place, each with the way to its records."""
    return assessment.scores(
        database, reader, indicator_id, place=place, level=level, since=since, until=until
    )

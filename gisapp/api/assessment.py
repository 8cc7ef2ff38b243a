"""Assessment: indicators and their values by place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter

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
    indicator_id: str,
    reader: ReaderHere,
    database: DatabaseHere,
    place: str = "",
    level: Level = Level.GRID,
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Values of an indicator by place, each with the way to its records."""
    return assessment.scores(
        database, reader, indicator_id, place=place, level=level, since=since, until=until
    )

"""``/api/v1/search``: from what people type to what they mean."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from gisapp.api.fields import Code, Words, whole
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.domain import incoming
from gisapp.services import search as service

router = APIRouter(prefix="/api/v1/search", tags=["search"])


@router.get("")
def search(
    reader: ReaderHere,
    database: DatabaseHere,
    q: Annotated[Words, Query(description="名称、地址、编码、拼音或拼音首字母")] = "",
    limit: Annotated[int, whole("limit", 1, 50)] = 12,
    at: Annotated[str, Query(description="longitude,latitude of the map's centre in degrees")] = "",
    kind: Annotated[list[Code] | None, Query(description="kinds to look among; all when left out")] = None,
) -> dict[str, Any]:
    """What a query means, best first, within the reader's scope."""
    hits = service.search(database, reader, q, limit=limit, centre=_point(at), kinds=tuple(kind or ()))
    return {"query": q, "results": [hit.as_json() for hit in hits]}


def _point(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    lon, lat = incoming.numbers(text, 2, "at", "位置", "经度,纬度（例如 120.17,30.29）")
    return incoming.longitude(lon, "at"), incoming.latitude(lat, "at")

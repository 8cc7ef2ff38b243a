"""``/api/v1/search``: from what people type to what they mean."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.errors import InputError
from gisapp.services import search as service

router = APIRouter(prefix="/api/v1/search", tags=["search"])


@router.get("")
def search(
    reader: ReaderHere,
    database: DatabaseHere,
    q: Annotated[str, Query(description="名称、地址、编码、拼音或拼音首字母")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
    at: Annotated[str, Query(description="longitude,latitude of the map's centre in degrees")] = "",
    kind: Annotated[list[str] | None, Query(description="kinds to look among; all when left out")] = None,
) -> dict[str, Any]:
    """What a query means, best first, within the reader's scope."""
    hits = service.search(database, reader, q, limit=limit, centre=_point(at), kinds=tuple(kind or ()))
    return {"query": q, "results": [hit.as_json() for hit in hits]}


def _point(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        lon, lat = (float(word) for word in text.split(","))
    except ValueError:
        lon, lat = 999.0, 0.0
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InputError(f"位置 at“{text}”无效。", remedy="请按 经度,纬度 填写，例如 120.17,30.29。")
    return lon, lat

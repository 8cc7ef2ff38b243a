"""Addresses of the layers: tiles, TileJSON, list, style and GeoJSON features, all from the same definitions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.routing import Route

from gisapp.api.fields import Code, whole
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.domain import incoming
from gisapp.errors import InputError
from layers.endpoint import answer
from layers.features import features
from layers.registry import layers_for, listed_for
from layers.style import style_for, tile_source
from layers.tiling import served

router = APIRouter(tags=["layers"])


class _TileApp:
    """The tile address as an ASGI application, for servers that do not use ``TileMiddleware``."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, receive, send)


router.routes.append(Route("/tiles/{layer}/{z}/{x}/{y}.mvt", _TileApp(), include_in_schema=False))


@router.get("/tiles/{layer}.json")
def show_tilejson(layer: Code, reader: ReaderHere, request: Request) -> dict[str, Any]:
    """TileJSON 3.0 of a tileset, for QGIS and other clients."""
    served(layer, reader)  # refuses what the reader may not see
    members = [one for one in layers_for(reader) if one.source_id == layer]
    source = tile_source(members)
    return {
        "tilejson": "3.0.0",
        "name": "、".join(one.title for one in members),
        "tiles": [str(request.base_url).rstrip("/") + source["tiles"][0]],
        "minzoom": source["minzoom"],
        "maxzoom": source["maxzoom"],
        "attribution": source["attribution"],
        "vector_layers": [
            {
                "id": part.name,
                "description": one.title,
                "minzoom": part.zooms[0],
                "maxzoom": part.zooms[1],
                "fields": {
                    f.name: f"{f.title}（{f.measure}）" if f.measure else f.title
                    for f in one.fields
                    if "tile" in f.roles and (part.fields is None or f.name in part.fields)
                },
            }
            for one in members
            for part in one.parts
        ],
    }


@router.get("/api/v1/layers")
def list_layers(reader: ReaderHere, theme: Literal["dark", "light"] = "dark") -> dict[str, Any]:
    """Layers that the reader may see, by group, with legend and fields."""
    return {"layers": [layer.as_json(theme) for layer in listed_for(reader)]}


@router.get("/api/v1/style")
def show_style(
    reader: ReaderHere, response: Response, theme: Literal["dark", "light"] = "dark"
) -> dict[str, Any]:
    """The whole MapLibre style for the reader."""
    response.headers["Cache-Control"] = "private, no-cache"
    return style_for(reader, theme)


@router.get(
    "/api/v1/features/{layer}",
    response_class=Response,
    responses={200: {"content": {"application/geo+json": {"schema": {"type": "object"}}}}},
)
def list_features(
    layer: Code,
    reader: ReaderHere,
    database: DatabaseHere,
    request: Request,
    bbox: Annotated[
        str, Query(description="west,south,east,north in degrees; the whole world when left out")
    ] = "",
    part: Annotated[str, Query(description="part of the layer; its first one when left out")] = "",
    limit: Annotated[int, whole("limit", 1, 50_000)] = 5_000,
) -> Response:
    """Features of a layer as GeoJSON; ``truncated`` says that there are more than the limit."""
    text = features(
        database, reader, layer, part=part, box=_box(bbox), given=dict(request.query_params), limit=limit
    )
    return Response(text, media_type="application/geo+json", headers={"Cache-Control": "private, no-cache"})


def _box(text: str) -> tuple[float, float, float, float]:
    if not text:
        return (-180.0, -90.0, 180.0, 90.0)
    example = "西,南,东,北（例如 120.15,30.28,120.18,30.30）"
    west, south, east, north = incoming.numbers(text, 4, "bbox", "范围", example)
    if not (west <= east and -90 <= south <= north <= 90):
        raise InputError(
            f"范围 bbox“{text}”无效。", remedy=f"请按 {example} 填写。", details={"field": "bbox"}
        )
    return west, south, east, north

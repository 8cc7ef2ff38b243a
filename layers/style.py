"""The whole MapLibre style of a reader, made from the registry; no glyphs, no sprites, no other host."""

from __future__ import annotations

from typing import Any

from gisapp.domain import clock
from gisapp.domain.access import Reader
from layers.colours import LAND, Theme, resolve
from layers.definition import Layer
from layers.registry import layers_for

ATTRIBUTION = "社区一张图"


def tile_source(members: list[Layer]) -> dict[str, Any]:
    """A MapLibre vector source for the layers that travel in one tile; its extra keys are for the page."""
    parts = [part for layer in members for part in layer.parts]
    source: dict[str, Any] = {
        "type": "vector",
        "tiles": [f"/tiles/{members[0].source_id}/{{z}}/{{x}}/{{y}}.mvt"],
        "minzoom": min(part.zooms[0] for part in parts),
        "maxzoom": max(part.zooms[1] for part in parts),
        "attribution": ATTRIBUTION,
        "onemap:families": sorted({family for layer in members for family in layer.watched}),
    }
    if any(layer.time for layer in members):
        source["onemap:time"] = True
    return source


def style_for(reader: Reader, theme: Theme) -> dict[str, Any]:
    """The style with every layer that the reader's role may see; those off at first have ``visibility: none``."""
    shown = layers_for(reader)
    sources: dict[str, Any] = {}
    for layer in shown:
        if layer.delivery == "tiles":
            if layer.source_id not in sources:
                sources[layer.source_id] = tile_source(
                    [one for one in shown if one.source_id == layer.source_id]
                )
        else:
            sources[layer.id] = {
                "type": "geojson",
                "data": {"type": "FeatureCollection", "features": []},
                **({"lineMetrics": True} if any(s.type == "line" for s in layer.style) else {}),
            }
    drawn = sorted((item for layer in shown for item in layer.style_layers(theme)), key=lambda item: item[0])
    return {
        "version": 8,
        "name": "onemap",
        "metadata": {"onemap:theme": theme},
        # ``now`` decides what is overdue; the page moves it on, so that tiles need not change with the clock.
        "state": {"now": {"default": int(clock.now().timestamp())}},
        "sources": sources,
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": resolve(LAND, theme)}},
            *(entry for _, entry in drawn),
        ],
    }

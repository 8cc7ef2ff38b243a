"""Results of analyses as folium maps for notebooks, in the colours of the layers, on the platform's own streets."""

from __future__ import annotations

from typing import Any

import folium
import geopandas as gpd
from branca.element import Element

from gisapp.services.allocation import Placement
from gisapp.services.hotspots import CLASS_TITLES
from gisapp.store.analysis import Roads
from layers.colours import ACCENT, GREY, resolve
from layers.defs.hotspots import CLASSES
from layers.folium_view import LocalMap, legend_html
from layers.registry import layers_by_id

_STREETS = "#8fa3b8"


def hotspot_map(frame: gpd.GeoDataFrame, roads: Roads | None = None) -> LocalMap:
    """Cells of a hotspot analysis by class, with demand and score where the pointer stands.

    Args:
        frame: as ``gisapp.services.hotspots.compute`` gives it.
        roads: streets to draw beneath.
    """
    colours = {str(item.value): str(resolve(item.colour, "light")) for item in CLASSES.items}
    shown = frame[["count", "z", "p", "class", "geometry"]].assign(title=frame["class"].map(CLASS_TITLES))
    made = _ground("hotspots", frame.total_bounds.tolist(), roads)

    def style(feature: dict[str, Any]) -> dict[str, Any]:
        name = feature["properties"]["class"]
        plain = name == "none"
        return {
            "fillColor": "#5d7086" if plain else colours[name],
            "fillOpacity": 0.06 if plain else 0.7,
            "color": "#ffffff",
            "weight": 0.3 if plain else 0.8,
        }

    folium.GeoJson(
        shown.to_json(),
        name="热点",
        style_function=style,
        tooltip=folium.GeoJsonTooltip(
            ["title", "count", "z", "p"], ["级别", "需求", "Gi*", "双侧概率"], localize=True
        ),
    ).add_to(made)
    return made


def station_map(placed: Placement, roads: Roads | None = None) -> LocalMap:
    """Service points of an allocation: new ones filled and numbered, existing ones as rings."""
    made = _ground("stations", placed.stations.total_bounds.tolist(), roads)
    for row in placed.stations.itertuples():
        new = not row.existing
        metres = "—" if row.mean_distance != row.mean_distance else f"{row.mean_distance:,.0f}"
        folium.CircleMarker(
            (row.geometry.y, row.geometry.x),
            radius=11 if new else 6,
            color=str(resolve(ACCENT if new else GREY, "light")),
            weight=2,
            fill=True,
            fill_opacity=0.85 if new else 0.1,
            tooltip=f"{row.rank} {row.name}：需求 {row.demand:,.0f}，平均步行 {metres} 米",
        ).add_to(made)
    return made


def _ground(layer: str, bounds: list[float], roads: Roads | None) -> LocalMap:
    west, south, east, north = bounds
    made = LocalMap((west, south, east, north))
    if roads is not None and len(roads.lines):
        streets = gpd.GeoSeries(roads.lines, crs="EPSG:4490")
        folium.GeoJson(
            streets.to_json(), name="街路巷", style_function=lambda _: {"color": _STREETS, "weight": 1}
        ).add_to(made)
    legend = Element(legend_html([layers_by_id()[layer]], "light").replace("<details>", "<details open>"))
    made.get_root().html.add_child(legend)  # type: ignore[attr-defined]
    return made

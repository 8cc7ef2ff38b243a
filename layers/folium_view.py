"""Layers in a notebook: folium maps from the same definitions as the one-map, with nothing fetched from anywhere else.

Leaflet comes from the application's own modules and is written into the map, so that a notebook shows the same on a
machine without any network. Colours, sizes and legends are those of ``layers/defs``.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import folium
import pandas as pd
from branca.element import Element

from gisapp.domain import clock
from gisapp.domain.access import Reader
from gisapp.errors import NotFound, Unavailable
from gisapp.services import tracks
from gisapp.store.database import Database
from gisapp.store.scopes import extent_of
from layers.colours import GROUND, TEXT, Theme, resolve
from layers.definition import GROUP_TITLES, Layer, Part, StyleLayer
from layers.expressions import evaluate
from layers.features import WORLD, features
from layers.registry import layer_for, layers_for, listed_for

LEAFLET = Path(__file__).resolve().parents[1] / "node_modules" / "leaflet" / "dist"
ZOOM = 16.5
"""Zoom at which sizes are taken from the style: Leaflet's do not change while zooming."""
MOST = 3000
"""Features of one part in a notebook; more make the file heavy and the page slow."""

Box = tuple[float, float, float, float]


class LocalMap(folium.Map):
    """A folium map that carries Leaflet with it and asks for no background tiles."""

    def __init__(self, bounds: Box, theme: Theme = "light", **options: Any) -> None:
        super().__init__(
            tiles=None,
            control_scale=True,
            prefer_canvas=True,
            zoom_snap=0.25,
            attribution_control=False,
            **options,
        )
        self.default_js, self.default_css = [], []
        self._theme: Theme = theme
        west, south, east, north = bounds
        self.fit_bounds([[south, west], [north, east]])

    def render(self, **kwargs: Any) -> str:
        """Write Leaflet and the ground's colour into the page's head, then everything else."""
        ground, text = resolve(GROUND, self._theme), resolve(TEXT, self._theme)
        style = (
            f".leaflet-container{{background:{ground};font:13px 'Noto Sans CJK SC','Microsoft YaHei',sans-serif}}"
            f".onemap-legend{{color:{text}}}"
        )
        root: Any = self.get_root()
        header = root.header
        header.add_child(Element(f"<style>{_leaflet_css()}{style}</style>"), name="onemap_css", index=0)
        header.add_child(Element(f"<script>{_leaflet_js()}</script>"), name="onemap_js", index=0)
        parent: Any = super()
        return str(parent.render(**kwargs))


def street_map(
    database: Database,
    reader: Reader,
    place: str,
    *,
    layers: Sequence[str] | None = None,
    theme: Theme = "light",
    given: Mapping[str, str] | None = None,
) -> LocalMap:
    """All layers of a place on one map, each to be switched on and off, with their legends.

    Args:
        place: place key of a region or grid.
        layers: ids of the layers; all that the reader's role may see when None.
        given: values for parameters of layers, such as ``worker`` and ``day`` of a track; layers that lack a value
            which they need are left out.

    Raises:
        NotFound: nothing is drawn at the place, within the reader's scope.
    """
    with database.begin(reader) as connection:
        box = extent_of(connection, place)
    if box is None:
        raise NotFound(f"地点 {place} 没有可绘制的范围。", remedy="请检查编码和您的管辖范围。")
    made = LocalMap(box, theme)
    values = dict(given or {})
    chosen = [layer_for(reader, name) for name in layers] if layers else layers_for(reader)
    for layer in sorted(chosen, key=lambda one: one.order):
        if all(parameter.name in values for parameter in layer.parameters if parameter.required):
            add_layer(made, database, reader, layer, box=box, theme=theme, given=values)
    folium.LayerControl(collapsed=False, position="topright").add_to(made)
    root: Any = made.get_root()
    root.html.add_child(Element(legend_html(chosen, theme)))
    return made


def add_layer(
    target: folium.Map,
    database: Database,
    reader: Reader,
    layer: Layer,
    *,
    box: Box = WORLD,
    theme: Theme = "light",
    given: Mapping[str, str] | None = None,
) -> int:
    """Add one layer to a map; gives the number of its features."""
    count, groups = 0, []
    cut = False
    for part in layer.parts:
        if getattr(part.source, "shape", "") == "label":
            continue  # names are read by pointing at things
        found = json.loads(
            features(database, reader, layer.id, part=part.name, box=box, given=given, limit=MOST)
        )
        cut = cut or found["truncated"]
        drawn = [feature for feature in found["features"] if _style_into(feature, layer, part, theme)]
        count += len(drawn)
        if drawn:
            groups.append({"type": "FeatureCollection", "features": drawn})
    title = f"{layer.title}（前 {MOST:,}）" if cut else f"{layer.title}（{count:,}）"
    group = folium.FeatureGroup(
        name=title, show=layer.visible or (layer.group != "analysis" and count <= MOST // 2)
    )
    for collection in groups:
        folium.GeoJson(
            collection,
            marker=folium.CircleMarker(),
            style_function=_own_style,
            tooltip=folium.GeoJsonTooltip(["tip"], labels=False, sticky=True),
        ).add_to(group)
    group.add_to(target)
    return count


def legend_html(layers: Sequence[Layer], theme: Theme) -> str:
    """The legends of layers as one box at the lower left."""
    blocks = []
    for layer in layers:
        items = "".join(
            f'<div><i style="{_sign(str(resolve(item.colour, theme)), item.symbol)}"></i>{html.escape(item.label)}</div>'
            for item in layer.legend
        )
        blocks.append(
            f"<details><summary>{html.escape(layer.legend_title or layer.title)}</summary>{items}</details>"
        )
    return (
        '<div class="onemap-legend" style="position:fixed;left:12px;bottom:28px;z-index:9999;max-height:60%;overflow:auto;'
        f"padding:8px 12px;border-radius:8px;background:{resolve(GROUND, theme)}ee;line-height:1.7;"
        f"font:12px 'Noto Sans CJK SC','Microsoft YaHei',sans-serif\"><b>图例</b>{''.join(blocks)}</div>"
    )


def layer_table(reader: Reader) -> pd.DataFrame:
    """The layers that a reader's role may see: what they are called, what they count, where their data come from."""
    return pd.DataFrame(
        {
            "图层": layer.title,
            "编号": layer.id,
            "分组": GROUP_TITLES[layer.group],
            "单位": layer.unit,
            "级别": f"{layer.zooms[0]}–{layer.zooms[1]}",
            "来源": layer.origin,
        }
        for layer in listed_for(reader)
    )


def track_to_show(database: Database, reader: Reader, place: str) -> dict[str, str]:
    """Values for the track layer: the worker of a place who was heard last, and the day of that position."""
    workers = [one for one in tracks.live(database, reader, place)["workers"] if one["last_at"]]
    if not workers:
        return {}
    newest = max(workers, key=lambda one: one["last_at"])
    return {"worker": str(newest["id"]), "day": clock.local(newest["last_at"]).date().isoformat()}


# -- style ----------------------------------------------------------------------------------------------------------


def _style_into(feature: dict[str, Any], layer: Layer, part: Part, theme: Theme) -> bool:
    """Put Leaflet's style and the tip into a feature's properties; False where no style layer draws it."""
    properties = feature["properties"]
    style: dict[str, Any] = {}
    for drawn in layer.style:
        if layer.part(drawn.part).name == part.name and _applies(drawn, properties):
            paint = {
                name: evaluate(resolve(value, theme), properties, ZOOM)
                for name, value in drawn.paint.items()
                if name != "line-gradient"
            }
            style |= _leaflet_style(drawn.type, paint)
    if not style:
        return False
    properties["style"] = style
    properties["tip"] = _tip(layer, properties)
    return True


def _applies(drawn: StyleLayer, properties: Mapping[str, Any]) -> bool:
    low, high = drawn.zooms or (0, 24)
    if drawn.type not in ("fill", "line", "circle") or not low <= ZOOM < high:
        return False
    return drawn.filter is None or bool(evaluate(resolve(drawn.filter, "light"), properties, ZOOM))


def _leaflet_style(kind: str, paint: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "fill":
        return {
            "fill": True,
            "fillColor": paint["fill-color"],
            "fillOpacity": paint.get("fill-opacity", 1),
            "stroke": False,
        }
    if kind == "line":
        found = {
            "stroke": True,
            "color": paint.get("line-color", "#21918c"),
            "weight": paint.get("line-width", 1),
        }
        if "line-dasharray" in paint:
            found["dashArray"] = " ".join(str(length * found["weight"]) for length in paint["line-dasharray"])
        return {**found, "opacity": paint.get("line-opacity", 1)}
    stroke = paint.get("circle-stroke-width", 0)
    return {
        "fill": True,
        "fillColor": paint["circle-color"],
        "fillOpacity": paint.get("circle-opacity", 1),
        "radius": paint.get("circle-radius", 5),
        "stroke": stroke > 0,
        "color": paint.get("circle-stroke-color", "#000"),
        "weight": stroke,
    }


def _own_style(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = feature["properties"]["style"]
    return found


def _tip(layer: Layer, properties: Mapping[str, Any]) -> str:
    lines = []
    for entry in layer.fields:
        value = properties.get(entry.name)
        if value in (None, "") or entry.form == "epoch":
            continue
        word = entry.values.get(str(value), str(value))
        lines.append(
            f"{html.escape(entry.title)}：{html.escape(word)}{' ' + entry.measure if entry.measure else ''}"
        )
    return "<br>".join(lines) or layer.title


def _sign(colour: str, symbol: str) -> str:
    base = "display:inline-block;width:12px;margin-right:8px;vertical-align:middle;"
    if symbol in ("line", "dashed"):
        return f"{base}height:0;border-top:3px {'dashed' if symbol == 'dashed' else 'solid'} {colour}"
    if symbol == "ring":
        return f"{base}height:12px;box-sizing:border-box;border-radius:50%;border:3px solid {colour}"
    return f"{base}height:12px;background:{colour};border-radius:{'50%' if symbol == 'circle' else '2px'}"


# -- Leaflet --------------------------------------------------------------------------------------------------------


def _read(name: str) -> bytes:
    path = LEAFLET / name
    if not path.exists():
        raise Unavailable("没有找到 Leaflet。", remedy="请运行 ./onemap up，它会安装前端模块。")
    return path.read_bytes()


@cache
def _leaflet_js() -> str:
    text = re.sub(r"//# sourceMappingURL=\S*", "", _read("leaflet.js").decode())
    return text.replace("</script", "<\\/script")


@cache
def _leaflet_css() -> str:
    """The style sheet with its small images written into it."""

    def inlined(match: re.Match[str]) -> str:
        return f"url(data:image/png;base64,{base64.b64encode(_read(match.group(1))).decode()})"

    return re.sub(r"url\((images/[\w.-]+)\)", inlined, _read("leaflet.css").decode())

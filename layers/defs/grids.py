"""Grids in force, with their names."""

from gisapp.store.sources import Clause, TableSource
from layers.classes import LegendItem
from layers.colours import HALO, Themed
from layers.definition import Field, Layer, Part, StyleLayer

_LINE = Themed("#2fb6a8", "#0b7d74")
_NAME = Themed("#7fdcd1", "#0a655e")
_IN_FORCE = (Clause("valid_to", "is null"),)

LAYER = Layer(
    id="grids",
    term="grid",
    group="places",
    order=230,
    unit="个",
    origin="本平台网格版本，按施行日期",
    tileset="borders",
    visible=True,
    profile="grid",
    zooms=(12, 22),
    parts=(
        Part("grid", TableSource("grid", "polygon", where=_IN_FORCE, key="place"), zooms=(12, 16)),
        Part("grid_label", TableSource("grid", "label", where=_IN_FORCE, key="place"), zooms=(14, 16)),
    ),
    fields=(
        Field("name", "名称"),
        Field("place", "网格编码", form="text", from_zoom=14),
        Field("version", "版本", roles=("profile",)),
    ),
    legend=(LegendItem("网格界", _LINE, "line"),),
    style=(
        StyleLayer("area", "fill", "grid", paint={"fill-color": _LINE, "fill-opacity": 0.03}, order=101),
        StyleLayer(
            "line",
            "line",
            "grid",
            layout={"line-join": "round"},
            paint={
                "line-color": _LINE,
                "line-width": ["interpolate", ["linear"], ["zoom"], 12, 0.5, 15, 1.1, 18, 2.2],
                "line-opacity": ["interpolate", ["linear"], ["zoom"], 12, 0.35, 15, 0.8],
            },
            pick=False,
        ),
        StyleLayer(
            "name",
            "symbol",
            "grid_label",
            zooms=(14.3, 24),
            layout={"text-field": ["get", "name"], "text-size": 12, "text-max-width": 6, "text-padding": 4},
            paint={"text-color": _NAME, "text-halo-color": HALO, "text-halo-width": 1.4},
            order=450,
        ),
    ),
)

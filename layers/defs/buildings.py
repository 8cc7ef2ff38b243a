"""Buildings: footprints, and bodies of their true height in 3-D."""

from gisapp.services.profile_kinds import BUILDING_USES
from gisapp.store.sources import Clause, TableSource
from layers.classes import LegendItem
from layers.colours import TEXT_QUIET, Themed
from layers.definition import Field, Layer, Part, StyleLayer

_FILL = Themed("#1a2a3f", "#e0e4ea")
_EDGE = Themed("#33496a", "#bcc6d1")
_BODY = Themed("#2a405c", "#dbe1e8")
_HEIGHT = [
    "case",
    [">", ["coalesce", ["get", "height"], 0], 0],
    ["get", "height"],
    ["max", 4, ["*", 3, ["coalesce", ["get", "floors"], 2]]],
]

LAYER = Layer(
    id="buildings",
    term="building",
    group="base",
    order=150,
    unit="栋",
    origin="房屋普查数据、OpenStreetMap 导入",
    tileset="base",
    visible=True,
    profile="building",
    zooms=(13, 22),
    parts=(
        Part("building", TableSource("building", "polygon"), zooms=(13, 16)),
        Part(
            "building_label",
            TableSource("building", "label", where=(Clause("name", "<>", ""),)),
            fields=("name",),
            zooms=(16, 16),
        ),
    ),
    fields=(
        Field("name", "名称", from_zoom=15),
        Field("height", "高度", unit="米", from_zoom=14),
        Field("floors", "层数", unit="层", from_zoom=14),
        Field("use", "用途", values=BUILDING_USES, from_zoom=15, roles=("tile", "profile", "filter")),
    ),
    legend=(LegendItem("楼栋", _BODY, "fill"),),
    style=(
        StyleLayer(
            "fill",
            "fill",
            "building",
            paint={"fill-color": _FILL, "fill-opacity": ["interpolate", ["linear"], ["zoom"], 13, 0.5, 15, 1]},
        ),
        StyleLayer(
            "edge",
            "line",
            "building",
            zooms=(14.5, 24),
            paint={"line-color": _EDGE, "line-width": ["interpolate", ["linear"], ["zoom"], 14.5, 0.3, 18, 1.2]},
            order=151,
            pick=False,
        ),
        StyleLayer(
            "body",
            "fill-extrusion",
            "building",
            zooms=(14, 24),
            paint={
                "fill-extrusion-color": [
                    "interpolate", ["linear"], _HEIGHT,
                    6, Themed("#25384f", "#e4e8ed"), 30, _BODY, 100, Themed("#3d5f86", "#c3d0de"),
                ],
                "fill-extrusion-height": ["interpolate", ["linear"], ["zoom"], 14, 0, 14.6, _HEIGHT],
                "fill-extrusion-opacity": 0.92,
                "fill-extrusion-vertical-gradient": True,
            },
            order=290,
        ),
        StyleLayer(
            "name",
            "symbol",
            "building_label",
            zooms=(16.2, 24),
            layout={"text-field": ["get", "name"], "text-size": 11, "text-max-width": 8, "text-padding": 6},
            paint={"text-color": TEXT_QUIET, "text-halo-color": _FILL, "text-halo-width": 1.2},
            order=410,
        ),
    ),
)  # fmt: skip

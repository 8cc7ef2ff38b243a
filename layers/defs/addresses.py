"""Standard addresses of door plates and buildings (rooms are in the room sheet)."""

from gisapp.services.profile_kinds import ADDRESS_STATES
from gisapp.store.sources import Clause, TableSource
from layers.classes import LegendItem
from layers.colours import HALO, SKY, TEXT_QUIET
from layers.definition import Field, Layer, Part, StyleLayer

LAYER = Layer(
    id="addresses",
    term="address",
    group="places",
    order=310,
    unit="条",
    origin="公安标准地址库、门牌管理",
    profile="address",
    zooms=(14, 22),
    parts=(
        Part(
            "address",
            TableSource("address", "point", where=(Clause("room", "=", ""), Clause("unit", "=", ""))),
            zooms=(14, 16),
        ),
    ),
    fields=(
        Field("name", "地址", column="full_text", from_zoom=15),
        Field("plate", "门牌", from_zoom=16),
        Field("building_no", "幢", from_zoom=16),
        Field("status", "状态", values=ADDRESS_STATES),
    ),
    legend=(LegendItem("门牌、楼栋地址", SKY, "circle"),),
    style=(
        StyleLayer(
            "dot",
            "circle",
            paint={
                "circle-color": SKY,
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 14, 1.4, 17, 3.2],
                "circle-opacity": 0.85,
                "circle-stroke-color": HALO,
                "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 14, 0, 17, 1],
            },
        ),
        StyleLayer(
            "plate",
            "symbol",
            zooms=(16.4, 24),
            layout={
                "text-field": ["case", ["!=", ["coalesce", ["get", "building_no"], ""], ""], ["get", "building_no"], ["get", "plate"]],
                "text-size": 10.5,
                "text-offset": [0, 0.9],
                "text-anchor": "top",
            },
            paint={"text-color": TEXT_QUIET, "text-halo-color": HALO, "text-halo-width": 1.2},
            order=420,
        ),
    ),
)  # fmt: skip

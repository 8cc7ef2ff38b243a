"""Water: canals, rivers, ponds."""

from gisapp.store.sources import TableSource
from layers.classes import LegendItem
from layers.colours import Themed
from layers.definition import Field, Layer, Part, StyleLayer

_FILL = Themed("#0f2a44", "#b5d3ea")
_NAME = Themed("#5b8fbf", "#2f6690")

LAYER = Layer(
    id="water",
    term="water",
    group="base",
    order=10,
    unit="处",
    origin="街道基础地理数据、OpenStreetMap 导入",
    tileset="base",
    visible=True,
    parts=(
        Part("water", TableSource("water", "polygon"), zooms=(6, 16)),
        Part("water_label", TableSource("water", "label"), zooms=(13, 16)),
    ),
    fields=(Field("name", "名称"),),
    legend=(LegendItem("水面", _FILL, "fill"),),
    style=(
        StyleLayer("fill", "fill", "water", paint={"fill-color": _FILL}, pick=False),
        StyleLayer(
            "name",
            "symbol",
            "water_label",
            layout={"text-field": ["get", "name"], "text-size": 12, "text-letter-spacing": 0.2},
            paint={"text-color": _NAME, "text-halo-color": _FILL, "text-halo-width": 1},
            order=400,
            pick=False,
        ),
    ),
)

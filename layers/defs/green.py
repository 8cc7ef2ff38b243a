"""Green: parks and planted ground."""

from gisapp.store.sources import TableSource
from layers.classes import LegendItem
from layers.colours import Themed
from layers.definition import Field, Layer, Part, StyleLayer

_FILL = Themed("#12291f", "#d3e8d1")
_NAME = Themed("#6ea487", "#3d7350")

LAYER = Layer(
    id="green",
    term="green",
    group="base",
    order=5,
    unit="处",
    origin="街道基础地理数据、OpenStreetMap 导入",
    tileset="base",
    visible=True,
    parts=(
        Part("green", TableSource("green", "polygon"), zooms=(10, 16)),
        Part("green_label", TableSource("green", "label"), zooms=(15, 16)),
    ),
    fields=(Field("name", "名称"),),
    legend=(LegendItem("公园与绿地", _FILL, "fill"),),
    style=(
        StyleLayer("fill", "fill", "green", paint={"fill-color": _FILL}, pick=False),
        StyleLayer(
            "name",
            "symbol",
            "green_label",
            layout={"text-field": ["get", "name"], "text-size": 11.5, "text-max-width": 7},
            paint={"text-color": _NAME, "text-halo-color": _FILL, "text-halo-width": 1},
            order=401,
            pick=False,
        ),
    ),
)

"""People by building: numbers, never names. Below zoom 15 neighbouring buildings are added up."""

from gisapp.store.sources import Aggregate, TableSource
from layers.classes import Steps
from layers.colours import HALO, TEXT, viridis
from layers.definition import Field, Layer, Part, StyleLayer

_STEPS = Steps("people", (1, 20, 50, 100, 200, 400), viridis(6), "人")
_SUMS = Steps("n", (1, 100, 300, 800, 2000, 5000), viridis(6), "人")

LAYER = Layer(
    id="people",
    term="person",
    group="registers",
    order=340,
    unit="人",
    origin="人口登记，按楼栋汇总，不含姓名",
    legend_title="每栋人数",
    profile="building",
    parts=(
        Part(
            "people",
            TableSource(
                "building_population",
                "point",
                key="building_id",
                aggregate=Aggregate(below=15, total="people", density="people"),
            ),
            zooms=(8, 16),
        ),
    ),
    fields=(
        Field("people", "人数", unit="人", roles=("tile", "profile", "legend")),
        Field("households", "户数", unit="户", from_zoom=15),
        Field("registered", term="registered", unit="人", from_zoom=16),
        Field("resident", term="resident", unit="人", from_zoom=16),
        Field("floating", term="floating", unit="人", from_zoom=16),
        Field("elders", "60 岁及以上", unit="人", from_zoom=16),
        Field("children", "14 岁以下", unit="人", from_zoom=16),
    ),
    legend=(*_STEPS.legend(), *_SUMS.brief("缩小时每处")),
    style=(
        StyleLayer(
            "sum",
            "circle",
            filter=["has", "n"],
            paint={
                "circle-color": _SUMS.colour(),
                "circle-radius": _SUMS.height((2.5, 4, 5.5, 7.5, 9.5, 12)),
                "circle-opacity": 0.82,
                "circle-stroke-color": HALO,
                "circle-stroke-width": 0.8,
            },
        ),
        StyleLayer(
            "building",
            "circle",
            filter=["has", "people"],
            paint={
                "circle-color": _STEPS.colour(),
                "circle-radius": [
                    "interpolate", ["linear"], ["zoom"],
                    15, _STEPS.height((2, 3, 4, 5, 6.5, 8)), 18, _STEPS.height((6, 9, 12, 15, 18, 22)),
                ],
                "circle-opacity": 0.86,
                "circle-stroke-color": HALO,
                "circle-stroke-width": 1,
            },
        ),
        StyleLayer(
            "number",
            "symbol",
            filter=["has", "people"],
            zooms=(16.5, 24),
            layout={"text-field": ["to-string", ["get", "people"]], "text-size": 11},
            paint={"text-color": TEXT, "text-halo-color": HALO, "text-halo-width": 1.6},
            order=440,
        ),
    ),
)  # fmt: skip

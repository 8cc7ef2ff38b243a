"""Service points of an allocation run: new ones numbered, existing ones as rings."""

from gisapp.store.sources import Column, FileSource, Parameter
from layers.classes import LegendItem
from layers.colours import ACCENT, GREY, GROUND, HALO, TEXT
from layers.definition import Field, Layer, Part, StyleLayer

_NEW = ["!", ["get", "existing"]]

LAYER = Layer(
    id="stations",
    term="station",
    group="analysis",
    order=380,
    unit="个",
    origin="设点优化的最近一次结果（p-中位，步行距离）",
    parts=(
        Part(
            "station",
            FileSource(
                "stations",
                "point",
                (
                    Column("rank"),
                    Column("name"),
                    Column("existing"),
                    Column("demand"),
                    Column("mean_distance"),
                ),
                ("station", "analysis_run"),
                (Parameter("run", "integer"),),
            ),
            zooms=(8, 16),
        ),
    ),
    fields=(
        Field("name", term="station"),
        Field("rank", "序号"),
        Field("existing", "现有"),
        Field("demand", term="demand"),
        Field("mean_distance", "平均步行距离", unit="米"),
    ),
    legend=(LegendItem("新增服务点", ACCENT, "circle"), LegendItem("现有服务点", GREY, "ring")),
    style=(
        StyleLayer(
            "existing",
            "circle",
            filter=["get", "existing"],
            paint={
                "circle-color": GROUND,
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 4, 16, 8],
                "circle-stroke-color": GREY,
                "circle-stroke-width": 2.5,
            },
            pick=False,
        ),
        StyleLayer(
            "new",
            "circle",
            filter=_NEW,
            paint={
                "circle-color": ACCENT,
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 8, 16, 13],
                "circle-stroke-color": HALO,
                "circle-stroke-width": 2,
            },
            order=381,
            pick=False,
        ),
        StyleLayer(
            "rank",
            "symbol",
            filter=_NEW,
            layout={
                "text-field": ["to-string", ["get", "rank"]],
                "text-size": 13,
                "text-allow-overlap": True,
                "text-ignore-placement": True,
            },
            paint={"text-color": GROUND},
            order=450,
            pick=False,
        ),
        StyleLayer(
            "name",
            "symbol",
            zooms=(13.5, 24),
            layout={
                "text-field": ["get", "name"],
                "text-size": 12,
                "text-anchor": "left",
                "text-offset": [1.3, 0],
                "text-optional": True,
            },
            paint={"text-color": TEXT, "text-halo-color": HALO, "text-halo-width": 1.6},
            order=441,
            pick=False,
        ),
    ),
)

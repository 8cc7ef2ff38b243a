"""Components by class of GB/T 47678.5; below zoom 16 counts by cell."""

from gisapp.domain.codes import component_types
from gisapp.services.profile_kinds import COMPONENT_STATES
from gisapp.store.sources import Aggregate, TableSource
from layers.classes import Classes, LegendItem, Steps
from layers.colours import GREEN, GREY, HALO, ORANGE, PURPLE, SKY, VERMILION, Colour, viridis
from layers.definition import Field, Layer, Part, StyleLayer

_NAMES = {entry.class_code: entry.class_name for entry in component_types().values()}
# Planting is green; the others follow in the order of the standard.
_COLOURS: dict[str, Colour] = {"01": ORANGE, "02": SKY, "03": PURPLE, "04": GREEN, "05": VERMILION}
_CLASSES = Classes(
    "class",
    tuple(
        LegendItem(name, _COLOURS.get(code, GREY), "circle", code) for code, name in sorted(_NAMES.items())
    ),
    LegendItem("其他", GREY),
)
_COUNTS = Steps("n", (1, 5, 20, 60, 150, 400), viridis(6), "个")
_STATES = {name: word for name, (word, _) in COMPONENT_STATES.items()}

LAYER = Layer(
    id="components",
    term="component",
    group="registers",
    order=320,
    unit="个",
    origin="城市管理部件普查，GB/T 47678.5—2026 分类",
    profile="component",
    parts=(
        Part(
            "component",
            TableSource("component", "point", aggregate=Aggregate(below=16, density="component")),
            zooms=(8, 16),
        ),
    ),
    fields=(
        Field("class", "大类", roles=("tile", "profile", "legend", "filter"), values=_NAMES),
        Field("name", "名称"),
        Field("state", "状态", roles=("tile", "profile", "filter"), values=_STATES),
        Field("type_code", term="component_type", roles=("profile", "filter")),
    ),
    legend=(*_CLASSES.legend(), *_COUNTS.brief("缩小时每处")),
    style=(
        StyleLayer(
            "count",
            "circle",
            filter=["has", "n"],
            paint={
                "circle-color": _COUNTS.colour(),
                "circle-radius": _COUNTS.height((2, 3, 4, 5.5, 7, 9)),
                "circle-opacity": 0.75,
            },
        ),
        StyleLayer(
            "dot",
            "circle",
            filter=["has", "class"],
            paint={
                "circle-color": _CLASSES.colour(),
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 16, 2.6, 19, 6],
                "circle-stroke-color": ["match", ["get", "state"], ["damaged", "missing"], "#f0524f", HALO],
                "circle-stroke-width": ["match", ["get", "state"], ["damaged", "missing"], 2, 0.8],
            },
        ),
        StyleLayer(
            "name",
            "symbol",
            filter=["has", "class"],
            zooms=(18, 24),
            layout={
                "text-field": ["get", "name"],
                "text-size": 10.5,
                "text-offset": [0, 0.9],
                "text-anchor": "top",
            },
            paint={"text-color": _CLASSES.colour(), "text-halo-color": HALO, "text-halo-width": 1.2},
            order=421,
        ),
    ),
)

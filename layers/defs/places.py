"""Places of interest by kind; each sign has its first character, so that colour never stands alone."""

from gisapp.store.sources import Clause, TableSource
from layers.classes import Classes, LegendItem
from layers.colours import BLUE, GREEN, GREY, HALO, ORANGE, PURPLE, SKY, VERMILION, YELLOW, Themed
from layers.definition import Field, Layer, Part, StyleLayer

_KINDS = (
    ("办事机构", BLUE, "政"),
    ("学校", ORANGE, "校"),
    ("文化", PURPLE, "文"),
    ("体育", PURPLE, "体"),
    ("卫生", VERMILION, "医"),
    ("宾馆", YELLOW, "宿"),
    ("娱乐", YELLOW, "娱"),
    ("购物", YELLOW, "购"),
    ("餐饮", YELLOW, "餐"),
    ("便民服务", SKY, "便"),
    ("交通", GREY, "交"),
    ("公园", GREEN, "园"),
)
_PUBLIC = ("办事机构", "学校", "文化", "体育", "卫生", "交通", "公园")
"""What is looked for from afar; shops and the like appear from zoom 16."""
_CLASSES = Classes(
    "kind",
    tuple(LegendItem(f"{sign} {kind}", colour, "circle", kind) for kind, colour, sign in _KINDS),
    LegendItem("其他", GREY),
)

LAYER = Layer(
    id="places",
    term="poi",
    group="places",
    order=330,
    unit="处",
    origin="场所登记、OpenStreetMap 导入",
    profile="poi",
    visible=True,
    zooms=(13, 22),
    parts=(
        Part(
            "poi",
            TableSource("poi", "point", where=(Clause("kind", "in", _PUBLIC, to_zoom=15),)),
            zooms=(13, 16),
        ),
    ),
    fields=(
        Field("name", "名称"),
        Field("kind", "类别", roles=("tile", "profile", "legend", "filter")),
    ),
    legend=_CLASSES.legend(),
    style=(
        StyleLayer(
            "dot",
            "circle",
            zooms=(13, 15.5),
            paint={
                "circle-color": _CLASSES.colour(),
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 13, 1.6, 15.5, 4],
                "circle-stroke-color": HALO,
                "circle-stroke-width": 0.8,
            },
        ),
        StyleLayer(
            "disc",
            "circle",
            zooms=(15.5, 24),
            paint={
                "circle-color": _CLASSES.colour(),
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 15.5, 6.5, 18, 9],
                "circle-stroke-color": HALO,
                "circle-stroke-width": 1.4,
            },
        ),
        StyleLayer(
            "sign",
            "symbol",
            zooms=(15.5, 24),
            layout={
                "text-field": _CLASSES.choose({kind: sign for kind, _, sign in _KINDS}, "·"),
                "text-size": ["interpolate", ["linear"], ["zoom"], 15.5, 9, 18, 12],
                "text-padding": 0,
            },
            paint={"text-color": "#0b1420"},
            order=331,
        ),
        StyleLayer(
            "name",
            "symbol",
            zooms=(16, 24),
            layout={
                "text-field": ["get", "name"],
                "text-size": 11.5,
                "text-anchor": "left",
                "text-justify": "left",
                "text-offset": [1.0, 0],
                "text-max-width": 9,
                "text-optional": True,
            },
            paint={
                "text-color": Themed("#c6d5e4", "#33465a"),
                "text-halo-color": HALO,
                "text-halo-width": 1.4,
            },
            order=430,
        ),
    ),
)

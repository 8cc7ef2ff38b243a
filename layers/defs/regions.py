"""Regions: borders of districts, streets and communities, with their names."""

from gisapp.store.sources import Clause, TableSource
from layers.classes import Classes, LegendItem
from layers.colours import HALO, TEXT, Themed
from layers.definition import Field, Layer, Part, StyleLayer

_CLASSES = Classes(
    "level",
    (
        LegendItem("区界", Themed("#cfe0f2", "#3b4d63"), "line", 6),
        LegendItem("街道界", Themed("#7fb2e0", "#2d6ca8"), "line", 9),
        LegendItem("社区界", Themed("#4f7196", "#8aa4bd"), "dashed", 12),
    ),
    LegendItem("", Themed("#cfe0f2", "#3b4d63"), "line"),
)
_BY_ZOOM = (Clause("level", "<=", 9, to_zoom=11), Clause("geom", "is not null"))
_NAMES = (
    Clause("level", "<=", 6, to_zoom=9),
    Clause("level", "in", ("6", "9"), from_zoom=10, to_zoom=12),
    Clause("level", "in", ("9", "12"), from_zoom=13),
)


def _level(value: int) -> list[object]:
    return ["==", ["get", "level"], value]


def _line(level: int, width: float, dashes: list[float] | None = None) -> StyleLayer:
    return StyleLayer(
        f"line_{level}",
        "line",
        "region",
        filter=_level(level),
        layout={"line-join": "round"},
        paint={
            "line-color": _CLASSES.colour(),
            "line-width": ["interpolate", ["linear"], ["zoom"], 9, width * 0.6, 16, width * 1.6],
            "line-opacity": 0.85,
            **({"line-dasharray": dashes} if dashes else {}),
        },
        order=240 - level,
        pick=False,
    )


LAYER = Layer(
    id="regions",
    term="region",
    group="places",
    order=240,
    unit="个",
    origin="民政部门行政区划、统计用区划代码",
    tileset="borders",
    visible=True,
    profile="region",
    parts=(
        Part("region", TableSource("region", "polygon", where=_BY_ZOOM, key="place"), zooms=(6, 16)),
        Part(
            "region_label",
            TableSource("region", "label", where=(*_NAMES, Clause("geom", "is not null")), key="place"),
            zooms=(8, 16),
        ),
    ),
    fields=(
        Field("name", "名称"),
        Field("level", "级别", roles=("tile", "profile", "legend", "filter")),
    ),
    legend=_CLASSES.legend(),
    style=(
        # Invisible, but it can be hovered over and clicked where nothing smaller lies.
        StyleLayer("area", "fill", "region", paint={"fill-color": "#000000", "fill-opacity": 0}, order=100),
        _line(12, 0.9, [3, 2]),
        _line(9, 1.7),
        _line(6, 2.6),
        StyleLayer(
            "name",
            "symbol",
            "region_label",
            layout={
                "text-field": ["get", "name"],
                "text-size": ["match", ["get", "level"], 6, 19, 9, 15.5, 12.5],
                "text-letter-spacing": ["match", ["get", "level"], 6, 0.3, 9, 0.18, 0.06],
                "text-max-width": 9,
                "text-padding": 8,
                "symbol-sort-key": ["get", "level"],
            },
            paint={
                "text-color": ["match", ["get", "level"], 12, Themed("#a8bfd6", "#43607d"), TEXT],
                "text-halo-color": HALO,
                "text-halo-width": 1.6,
            },
            order=460,
        ),
    ),
)

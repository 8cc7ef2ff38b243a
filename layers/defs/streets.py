"""Streets, from avenues to footpaths; narrower ones appear as one comes nearer."""

from gisapp.store.sources import Clause, TableSource
from layers.classes import LegendItem
from layers.colours import Colour, Themed
from layers.definition import Field, Layer, Part, StyleLayer

_ROADS: tuple[tuple[str, str, float, Colour], ...] = (
    # class, Chinese, width in pixels at zoom 16, colour
    ("path", "步道", 1.6, Themed("#1d2f45", "#e2e6ea")),
    ("lane", "街巷", 5.0, Themed("#1b2c42", "#ffffff")),
    ("local", "支路", 8.0, Themed("#1f3048", "#ffffff")),
    ("secondary", "次干路", 12.0, Themed("#243850", "#fff8e8")),
    ("arterial", "主干路", 17.0, Themed("#2b425e", "#ffedc9")),
)
_CASING = Themed("#0b1420", "#ccd5de")
_NAME = Themed("#8da2b8", "#5b6b7b")


def _width(at_16: float, more: float = 0.0) -> list[object]:
    """Widths that grow with the ground, but never vanish."""
    stops: list[object] = ["interpolate", ["exponential", 1.7], ["zoom"]]
    for zoom, factor in ((10, 0.07), (13, 0.24), (16, 1.0), (20, 7.0)):
        stops += [zoom, round(at_16 * factor + (more if zoom >= 13 else 0), 2)]
    return stops


def _of(name: str) -> list[object]:
    return ["==", ["get", "class"], name]


def _classes(smallest: int) -> tuple[str, ...]:
    return tuple(row[0] for row in _ROADS[smallest:])


LAYER = Layer(
    id="streets",
    term="road",
    group="base",
    order=200,
    unit="条",
    origin="街道基础地理数据、OpenStreetMap 导入",
    tileset="base",
    visible=True,
    parts=(
        Part(
            "street",
            TableSource(
                "road",
                "line",
                where=(
                    Clause("class", "in", _classes(4), to_zoom=10),
                    Clause("class", "in", _classes(3), from_zoom=11, to_zoom=12),
                    Clause("class", "in", _classes(2), from_zoom=13, to_zoom=13),
                    Clause("class", "in", _classes(1), from_zoom=14, to_zoom=14),
                ),
            ),
            zooms=(8, 16),
        ),
    ),
    fields=(
        Field("name", "路名", from_zoom=13),
        Field(
            "class", "等级", roles=("tile", "profile", "legend"), values={row[0]: row[1] for row in _ROADS}
        ),
    ),
    legend=tuple(LegendItem(row[1], row[3], "line", row[0]) for row in reversed(_ROADS)),
    style=(
        *(
            StyleLayer(
                f"casing_{name}",
                "line",
                filter=_of(name),
                zooms=(13, 24),
                layout={"line-cap": "butt", "line-join": "round"},
                paint={"line-color": _CASING, "line-width": _width(width, 1.6)},
                order=200 + i,
                pick=False,
            )
            for i, (name, _, width, _) in enumerate(_ROADS)
            if name != "path"
        ),
        *(
            StyleLayer(
                name,
                "line",
                filter=_of(name),
                layout={"line-cap": "round", "line-join": "round"},
                paint={
                    "line-color": colour,
                    "line-width": _width(width),
                    **({"line-dasharray": [2, 1.5]} if name == "path" else {}),
                },
                order=210 + i,
                pick=False,
            )
            for i, (name, _, width, colour) in enumerate(_ROADS)
        ),
        StyleLayer(
            "name",
            "symbol",
            filter=["!=", ["get", "name"], ""],
            zooms=(13.5, 24),
            layout={
                "symbol-placement": "line",
                "symbol-spacing": 420,
                "text-field": ["get", "name"],
                "text-size": ["interpolate", ["linear"], ["zoom"], 13, 10.5, 17, 13],
                "text-letter-spacing": 0.15,
                "text-padding": 12,
            },
            paint={
                "text-color": _NAME,
                "text-halo-color": Themed("#101c2c", "#ffffff"),
                "text-halo-width": 1.4,
            },
            order=402,
            pick=False,
        ),
    ),
)

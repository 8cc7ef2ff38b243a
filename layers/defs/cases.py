"""Cases by state: open ones always, closed ones counted by cell below zoom 15; the ring says what is late.

``now`` is global state of the style, moved on by the page: what is overdue changes without a new tile.
"""

from gisapp.domain.vocabulary import label
from gisapp.store.sources import Aggregate, Clause, TableSource
from layers.classes import Classes, LegendItem, Steps
from layers.colours import BAD, GREY, HALO, ORANGE, SKY, SOON, TEXT, YELLOW, viridis
from layers.definition import Field, Layer, Part, StyleLayer

SOON_SECONDS = 2 * 3600
"""What is due within this time is shown as due soon."""

_CLASSES = Classes(
    "state",
    (
        LegendItem(label("reported"), ORANGE, "circle", "reported"),
        LegendItem(label("assigned"), YELLOW, "circle", "assigned"),
        LegendItem(label("handling"), SKY, "circle", "handling"),
        LegendItem(label("closed"), GREY, "circle", "closed"),
    ),
)
_RINGS = (LegendItem(label("overdue"), BAD, "ring"), LegendItem("即将到期", SOON, "ring"))
_COUNTS = Steps("n", (1, 5, 20, 60, 150, 400), viridis(6), "件")
_OPEN = ["!=", ["get", "state"], "closed"]
_LEFT = ["-", ["get", "due"], ["global-state", "now"]]


def _when_late(late: object, soon: object, other: object) -> list[object]:
    return ["case", ["!", _OPEN], other, ["<", _LEFT, 0], late, ["<", _LEFT, SOON_SECONDS], soon, other]


_FIELDS = ("name", "state", "due", "number", "at")

LAYER = Layer(
    id="cases",
    term="event",
    group="work",
    order=360,
    unit="件",
    origin="本平台受理的事件",
    profile="event",
    time="reported_at",
    parts=(
        Part("case", TableSource("event", "point", where=(Clause("closed_at", "is null"),)), _FIELDS, zooms=(8, 16)),
        Part(
            "case_closed",
            TableSource("event", "point", where=(Clause("closed_at", "is not null"),), aggregate=Aggregate(below=15, monthly="case_density")),
            ("name", "state", "number", "at"),
            zooms=(8, 16),
        ),
    ),
    fields=(
        Field("name", "标题", column="title", from_zoom=12),
        Field("state", "状态", roles=("tile", "profile", "legend", "filter"),
              values={item.value: item.label for item in _CLASSES.items if isinstance(item.value, str)}),
        Field("due", term="due", column="due_at", form="epoch"),
        Field("at", "上报时间", column="reported_at", form="epoch", from_zoom=14),
        Field("number", "案件编号", from_zoom=14),
    ),
    legend=(*_CLASSES.legend(), *_RINGS, *_COUNTS.brief("缩小时已办结", of="closed")),
    style=(
        StyleLayer(
            "closed_count",
            "circle",
            "case_closed",
            filter=["has", "n"],
            paint={
                "circle-color": _COUNTS.colour(),
                "circle-radius": _COUNTS.height((2, 3, 4.5, 6, 8, 10)),
                "circle-opacity": 0.35,
            },
            order=358,
            counts="closed",
        ),
        StyleLayer(
            "closed",
            "circle",
            "case_closed",
            filter=["has", "state"],
            paint={
                "circle-color": _CLASSES.colour(),
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 15, 1.6, 18, 4.5],
                "circle-opacity": ["interpolate", ["linear"], ["zoom"], 15, 0.4, 17, 0.7],
            },
            order=359,
        ),
        StyleLayer(
            "open",
            "circle",
            "case",
            paint={
                "circle-color": _CLASSES.colour(),
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 3, 14, 5, 18, 9],
                "circle-stroke-color": _when_late(BAD, SOON, HALO),
                "circle-stroke-width": _when_late(2.6, 2.2, 1.2),
            },
        ),
        StyleLayer(
            "name",
            "symbol",
            "case",
            zooms=(15.5, 24),
            layout={
                "text-field": ["get", "name"],
                "text-size": 11.5,
                "text-anchor": "left",
                "text-offset": [1, 0],
                "text-optional": True,
            },
            paint={"text-color": TEXT, "text-halo-color": HALO, "text-halo-width": 1.5},
            order=435,
        ),
    ),
)  # fmt: skip

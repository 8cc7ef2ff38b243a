"""Workers on duty: last positions on opening, then pushed; the colour says how old a position is."""

from gisapp.domain.access import Role
from gisapp.store.sources import Clause, TableSource
from layers.classes import LegendItem
from layers.colours import BAD, GOOD, HALO, SOON, TEXT, UNKNOWN
from layers.definition import Field, Layer, Part, StyleLayer

FRESH_SECONDS, STALE_SECONDS = 120, 900
_AGE = ["-", ["global-state", "now"], ["coalesce", ["get", "at"], 0]]
_COLOUR = [
    "case",
    ["==", ["get", "outside"], True], BAD,
    ["<", _AGE, FRESH_SECONDS], GOOD,
    ["<", _AGE, STALE_SECONDS], SOON,
    UNKNOWN,
]  # fmt: skip

LAYER = Layer(
    id="workers",
    term="grid_worker",
    group="work",
    order=380,
    unit="人",
    origin="网格员终端定位，只在当班时",
    profile="grid_worker",
    delivery="live",
    live="fix",
    visible=True,
    audience=(Role.LEADER, Role.MANAGER, Role.WORKER),
    parts=(
        Part(
            "worker",
            TableSource(
                "grid_worker",
                "point",
                geometry="last_geom",
                where=(Clause("active", "=", True), Clause("last_geom", "is not null")),
            ),
        ),
    ),
    fields=(
        Field("name", "姓名"),
        Field("team", "队伍", roles=("tile", "profile", "filter")),
        Field("at", "定位时间", column="last_at", form="epoch"),
        Field("speed", "速度", column="last_speed", unit="米/秒"),
        Field("place", "所在网格", column="last_place"),
    ),
    legend=(
        LegendItem("两分钟内有定位", GOOD, "circle"),
        LegendItem("十五分钟内有定位", SOON, "circle"),
        LegendItem("更早", UNKNOWN, "circle"),
        LegendItem("在网格之外", BAD, "ring"),
    ),
    style=(
        StyleLayer(
            "halo",
            "circle",
            paint={
                "circle-color": _COLOUR,
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 7, 17, 15],
                "circle-opacity": 0.22,
            },
            order=379,
        ),
        StyleLayer(
            "dot",
            "circle",
            paint={
                "circle-color": _COLOUR,
                "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 3.5, 17, 7],
                "circle-stroke-color": HALO,
                "circle-stroke-width": 1.6,
            },
        ),
        StyleLayer(
            "name",
            "symbol",
            zooms=(14, 24),
            layout={
                "text-field": ["get", "name"],
                "text-size": 12,
                "text-offset": [0, 1.1],
                "text-anchor": "top",
                "text-optional": True,
            },
            paint={"text-color": TEXT, "text-halo-color": HALO, "text-halo-width": 1.6},
            order=470,
        ),
    ),
)

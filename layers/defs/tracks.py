"""Track of one worker on one day, drawn from early (dark) to late (bright); of workers on duty only."""

from gisapp.domain.access import Role
from gisapp.store.sources import Column, FileSource, Parameter
from layers.classes import LegendItem
from layers.colours import Colour, Themed, viridis
from layers.definition import Field, Layer, Part, StyleLayer

_RAMP = viridis(5)


def _gradient() -> list[object]:
    stops: list[object] = ["interpolate", ["linear"], ["line-progress"]]
    for i, colour in enumerate(_RAMP):
        stops += [i / (len(_RAMP) - 1), colour]
    return stops


_EDGE: Colour = Themed("#0b1420", "#ffffff")

LAYER = Layer(
    id="tracks",
    term="track",
    group="work",
    order=350,
    unit="段",
    origin="网格员终端定位，只在当班时",
    profile="grid_worker",
    delivery="features",
    audience=(Role.LEADER, Role.MANAGER, Role.WORKER),
    families=("grid_worker",),
    parts=(
        Part(
            "track",
            FileSource(
                "tracks",
                "line",
                (Column("worker"), Column("from"), Column("to"), Column("fixes"), Column("metres")),
                ("fix",),
                (Parameter("worker", "integer", required=True), Parameter("day", "instant", required=True)),
                simplify=False,
            ),
        ),
    ),
    fields=(
        Field("worker", term="grid_worker"),
        Field("from", "开始", form="epoch"),
        Field("to", "结束", form="epoch"),
        Field("fixes", "定位点数", unit="个"),
        Field("metres", "里程", unit="米"),
    ),
    legend=(
        LegendItem("早", _RAMP[0], "line"),
        LegendItem("午", _RAMP[2], "line"),
        LegendItem("晚", _RAMP[4], "line"),
    ),
    style=(
        StyleLayer(
            "edge",
            "line",
            layout={"line-cap": "round", "line-join": "round"},
            paint={"line-color": _EDGE, "line-width": 7, "line-opacity": 0.6},
            order=349,
            pick=False,
        ),
        StyleLayer(
            "line",
            "line",
            layout={"line-cap": "round", "line-join": "round"},
            paint={"line-width": 4, "line-gradient": _gradient()},
        ),
    ),
)

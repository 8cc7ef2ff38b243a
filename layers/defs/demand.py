"""Service demand by H3 cell: cases of the chosen days, coarser cells the farther away one looks."""

from gisapp.store.sources import Column, FileSource, Parameter, Shape
from layers.classes import Steps
from layers.colours import HALO, TEXT, viridis
from layers.definition import Field, Layer, Part, StyleLayer

_STEPS = Steps("n", (1, 5, 15, 40, 100, 300), viridis(6), "件", "fill")


def _cells(shape: Shape) -> FileSource:
    return FileSource(
        "demand",
        shape,
        (Column("n"), Column("name")),
        ("demand_cell",),
        (Parameter("from", "instant"), Parameter("to", "instant")),
        simplify=False,
    )


LAYER = Layer(
    id="demand",
    term="demand",
    group="analysis",
    order=140,
    unit="件",
    origin="本平台受理的事件，按 H3 六边形与上报日汇总",
    time="day",
    parts=(
        Part("demand", _cells("polygon"), zooms=(8, 15)),
        Part("demand_label", _cells("label"), ("n",), zooms=(14, 15)),
    ),
    fields=(
        Field("n", term="event", unit="件", roles=("tile", "profile", "legend")),
        Field("name", term="demand", roles=("tile",)),
    ),
    legend=_STEPS.legend(),
    style=(
        StyleLayer(
            "cell",
            "fill",
            paint={"fill-color": _STEPS.colour(), "fill-opacity": 0.55, "fill-antialias": False},
            pick=False,
        ),
        StyleLayer(
            "edge",
            "line",
            paint={"line-color": HALO, "line-opacity": 0.4, "line-width": 0.8},
            order=141,
            pick=False,
        ),
        StyleLayer(
            "number",
            "symbol",
            "demand_label",
            zooms=(14, 24),
            layout={"text-field": ["to-string", ["get", "n"]], "text-size": 12},
            paint={"text-color": TEXT, "text-halo-color": HALO, "text-halo-width": 1.6},
            order=443,
            pick=False,
        ),
    ),
)

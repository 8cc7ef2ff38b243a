"""Gi* classes of a hotspot run: hot and cold on a diverging scale, what is not significant stays pale."""

from gisapp.services.hotspots import CLASS_TITLES
from gisapp.store.sources import Column, FileSource, Parameter, Shape
from layers.classes import Classes, LegendItem
from layers.colours import COLD, HALO, HOT, NOT_SIGNIFICANT, TEXT, Colour, Themed
from layers.definition import Field, Layer, Part, StyleLayer

_COLOURS: dict[str, Colour] = {
    "hot_99": HOT[2],
    "hot_95": HOT[1],
    "hot_90": HOT[0],
    "none": NOT_SIGNIFICANT,
    "cold_90": COLD[0],
    "cold_95": COLD[1],
    "cold_99": COLD[2],
}
CLASSES = Classes(
    "level",
    tuple(LegendItem(title, _COLOURS[name], "fill", name) for name, title in CLASS_TITLES.items()),
    LegendItem("", NOT_SIGNIFICANT),
)


def _cells(shape: Shape) -> FileSource:
    return FileSource(
        "hotspots",
        shape,
        (Column("count"), Column("z"), Column("p"), Column("level")),
        ("hotspot_cell", "analysis_run"),
        (Parameter("run", "integer"),),
        simplify=False,
    )


LAYER = Layer(
    id="hotspots",
    term="hotspot",
    group="analysis",
    order=150,
    unit="个六边形",
    origin="热点分析的最近一次结果（Getis-Ord Gi*，错误发现率校正）",
    parts=(
        Part("hotspot", _cells("polygon"), zooms=(8, 16)),
        Part("hotspot_label", _cells("label"), ("count", "level"), zooms=(15, 16)),
    ),
    fields=(
        Field("count", term="demand"),
        Field("z", "Gi*（标准分）"),
        Field("p", "双侧概率"),
        Field("level", term="hotspot", roles=("tile", "profile", "legend"), values=dict(CLASS_TITLES)),
    ),
    legend=CLASSES.legend(),
    style=(
        StyleLayer(
            "cell",
            "fill",
            paint={
                "fill-color": CLASSES.colour(),
                "fill-opacity": ["match", ["get", "level"], "none", 1, 0.72],
                "fill-antialias": False,
            },
            pick=False,
        ),
        StyleLayer(
            "edge",
            "line",
            paint={
                "line-color": Themed("rgba(11,20,32,0.5)", "rgba(255,255,255,0.7)"),
                "line-width": ["interpolate", ["linear"], ["zoom"], 11, 0.2, 16, 1.2],
            },
            order=151,
            pick=False,
        ),
        StyleLayer(
            "count",
            "symbol",
            "hotspot_label",
            zooms=(15, 24),
            filter=["!=", ["get", "level"], "none"],
            layout={"text-field": ["to-string", ["get", "count"]], "text-size": 12},
            paint={"text-color": TEXT, "text-halo-color": HALO, "text-halo-width": 1.6},
            order=442,
            pick=False,
        ),
    ),
)

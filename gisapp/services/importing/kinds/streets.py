"""路街巷: the network of streets, for the base map and for walking distances."""

from __future__ import annotations

from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.kinds._words import NOT_WALKABLE, ROAD_CLASSES
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import road


def _prepare(batch: Batch, _context: Context) -> None:
    words = batch.column("class")
    walkable = batch.column("walkable")
    classes: list[str] = []
    for i, word in enumerate(words):
        found = ROAD_CLASSES.get(word) or ROAD_CLASSES.get(str(word).casefold())
        if found is None:
            batch.refuse(
                i,
                "道路等级",
                word,
                "不是道路的等级",
                "可填：主干路、次干路、支路、巷、步行道，或 OpenStreetMap 的 highway 值。",
            )
        classes.append(found or "local")
        if walkable[i] is None:
            walkable[i] = str(word).casefold() not in NOT_WALKABLE
    batch.columns["class"] = classes
    batch.columns["walkable"] = walkable


IMPORTER = Importer(
    kind="streets",
    term="road",
    table=road,
    shape=Shape.LINE,
    fields=(
        Field(
            "name",
            "路名",
            ("名称", "道路名称", "name:zh", "name", "路街巷"),
            default="",
            longest=120,
            help="路、街、巷的名称。",
        ),
        Field(
            "class",
            "道路等级",
            ("等级", "类别", "道路类型", "highway", "kind_detail", "kind", "fclass", "class", "type"),
            required=True,
            longest=60,
            help="主干路、次干路、支路、巷、步行道；也认识 OpenStreetMap 的 highway 值。",
        ),
        Field(
            "bridge",
            "桥梁",
            ("是否桥梁", "bridge", "is_bridge"),
            Kind.BOOLEAN,
            default=False,
            help="是否在桥上。",
        ),
        Field(
            "walkable", "可步行", ("能否步行", "walkable"), Kind.BOOLEAN, help="行人能否通行；不填时按等级。"
        ),
    ),
    prepare=_prepare,
    note="多段的线拆成各段。",
)

"""区域: provinces, cities, districts, streets and communities with their division codes and borders."""

from __future__ import annotations

from gisapp.domain.keys import Level, PlaceKey
from gisapp.services.importing.fields import Field
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import region


def _prepare(batch: Batch, _context: Context) -> None:
    """The code is the place; the level is its length."""
    levels: list[int | None] = []
    for i, code in enumerate(batch.column("code")):
        key = None if code is None else PlaceKey(code)
        if key is not None and key.level is Level.GRID:
            batch.refuse(i, "区划编码", code, "15 位是网格的编码", "网格请按“grids”导入。")
        levels.append(None if key is None else int(key.level))
        batch.place[i] = None if key is None else str(key)
    batch.columns["level"] = levels
    batch.columns["source_key"] = batch.column("code")


IMPORTER = Importer(
    kind="regions",
    term="region",
    table=region,
    shape=Shape.POLYGON,
    fields=(
        Field(
            "code",
            "区划编码",
            (
                "行政区划代码",
                "区划代码",
                "代码",
                "编码",
                "code",
                "adcode",
                "xzqdm",
                "社区代码",
                "街道代码",
                "place",
            ),
            required=True,
            parse=PlaceKey,
            stored=False,
            help="2、4、6、9、12 位的国家行政区划或统计用区划代码。",
        ),
        Field(
            "name",
            "区划名称",
            ("名称", "name", "行政区划名称", "xzqmc", "社区名称", "街道名称", "社区", "街道"),
            required=True,
            longest=60,
            help="省、市、区、街道或社区的名称。",
        ),
    ),
    key=("place",),
    at_position=False,
    place_from_location=False,
    prepare=_prepare,
    extra=("level",),
    moves_borders=True,
    note="编码相同的区划会更新边界和名称。社区已有网格时，请在地图上移动边界，不要用新边界覆盖。",
)

"""楼栋: footprints with floors and height."""

from __future__ import annotations

from gisapp.domain import clock
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.identify import source_keys
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.kinds._words import building_use
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import building


def _prepare(batch: Batch, _context: Context) -> None:
    """A building without a code goes by its number in the source."""
    codes = batch.column("code")
    if any(code is None for code in codes):
        keys = source_keys(IMPORTER, batch)
        batch.columns["code"] = [
            code if code is not None else key for code, key in zip(codes, keys, strict=True)
        ]


IMPORTER = Importer(
    kind="buildings",
    term="building",
    table=building,
    shape=Shape.POLYGON,
    fields=(
        Field(
            "code",
            "楼栋编码",
            ("楼栋代码", "建筑编码", "building_code"),
            longest=60,
            help="楼栋的唯一编码；没有时用来源编号。",
        ),
        Field(
            "name",
            "楼栋名称",
            ("名称", "name:zh", "name", "楼名", "建筑名称", "building_name"),
            default="",
            longest=120,
            help="例如 3幢、武林大厦。",
        ),
        Field(
            "estate",
            "小区",
            ("小区名称", "所属小区", "estate"),
            default="",
            longest=120,
            help="所在小区的名称。",
        ),
        Field(
            "use",
            "用途",
            ("建筑用途", "房屋用途", "use", "building", "landuse_kind", "kind_detail", "usage"),
            default="other",
            parse=building_use,
            help="住宅、商业、办公、教育、医疗、工业、公共；其余记为其他。",
        ),
        Field(
            "floors",
            "层数",
            ("楼层数", "地上层数", "总层数", "floors", "levels", "building:levels", "floor", "storeys"),
            Kind.INTEGER,
            low=1,
            high=200,
            zero_is_missing=True,
            units=("层", "楼", "F"),
            help="地上层数。",
        ),
        Field(
            "height",
            "高度",
            ("建筑高度", "楼高", "height"),
            Kind.NUMBER,
            low=0.5,
            high=1000,
            zero_is_missing=True,
            units=("米", "m"),
            help="檐口高度，米。",
        ),
        Field(
            "built_year",
            "建成年份",
            ("建造年份", "竣工年份", "建成年代", "built_year", "year", "start_date"),
            Kind.INTEGER,
            low=1000,
            high=clock.today().year + 10,
            units=("年",),
            help="建成的年份。",
        ),
    ),
    prepare=_prepare,
    note="面状数据；自相交等破损的面会修复并列出。",
)

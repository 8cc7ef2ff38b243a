"""标准地址: structured addresses with a point; those inside a building are tied to it."""

from __future__ import annotations

from gisapp.services.importing.addresses import building_links, compose
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.identify import source_keys
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import address

_PARTS = ("road", "plate", "estate", "building_no", "unit", "room")


def _prepare(batch: Batch, _context: Context) -> None:
    """The text is composed from the parts where the file gives only parts; the code defaults to the identity."""
    parts = [batch.column(name) for name in _PARTS]
    texts = batch.column("full_text")
    made = [text or compose(*(values[i] or "" for values in parts)) for i, text in enumerate(texts)]
    for i, text in enumerate(made):
        if not text:
            batch.refuse(i, "地址", "", "地址为空", "请填写地址全文，或路名、门牌等要素。")
    batch.columns["full_text"] = made
    codes = batch.column("code")
    keys = source_keys(IMPORTER, batch)
    batch.columns["code"] = [code or key for code, key in zip(codes, keys, strict=True)]


def _link(batch: Batch, context: Context) -> None:
    batch.columns["building_id"] = building_links(batch, context)


IMPORTER = Importer(
    kind="addresses",
    term="address",
    table=address,
    shape=Shape.POINT,
    fields=(
        Field(
            "code",
            "地址编码",
            ("标准地址编码", "地址代码", "address_code", "dzbm"),
            longest=60,
            help="标准地址的唯一编码。",
        ),
        Field(
            "full_text",
            "地址",
            (
                "标准地址",
                "详细地址",
                "地址全文",
                "全地址",
                "地址名称",
                "address",
                "full_text",
                "full_address",
                "dzmc",
            ),
            longest=200,
            help="地址全文；没有时由各要素拼成。",
        ),
        Field(
            "road",
            "路街巷",
            ("道路", "路名", "街路巷", "road", "street", "addr:street"),
            default="",
            longest=80,
            help="路、街、巷名。",
        ),
        Field(
            "plate",
            "门牌",
            ("门牌号", "plate", "housenumber", "addr:housenumber"),
            default="",
            longest=40,
            help="例如 12号。",
        ),
        Field("estate", "小区", ("小区名称", "estate"), default="", longest=80, help="小区或院落名。"),
        Field(
            "building_no",
            "幢",
            ("楼栋", "楼幢", "栋号", "幢号", "building_no"),
            default="",
            longest=40,
            help="例如 3幢。",
        ),
        Field("unit", "单元", ("单元号", "unit"), default="", longest=40, help="例如 2单元。"),
        Field("room", "室", ("室号", "房号", "房间号", "room"), default="", longest=40, help="例如 502室。"),
        Field(
            "status",
            "状态",
            ("地址状态", "status"),
            Kind.CHOICE,
            default="in_use",
            choices={
                "在用": "in_use",
                "启用": "in_use",
                "停用": "retired",
                "注销": "retired",
                "in_use": "in_use",
                "retired": "retired",
            },
            help="在用或停用。",
        ),
    ),
    identity=("full_text",),
    prepare=_prepare,
    link=_link,
    extra=("building_id",),
    note="落在楼栋轮廓内的地址自动关联该楼栋。",
)

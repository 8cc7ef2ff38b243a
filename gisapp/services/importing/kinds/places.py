"""公共服务场所: offices, schools, clinics, shops … with their kind."""

from __future__ import annotations

from gisapp.errors import InputError
from gisapp.services.importing import wording
from gisapp.services.importing.fields import Field
from gisapp.services.importing.importer import Importer
from gisapp.services.importing.kinds._words import POI_KINDS, poi_kind
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import poi


def _kind(text: str) -> str:
    found = poi_kind(text)
    if found is None:
        words = "、".join(dict.fromkeys(POI_KINDS.values()))
        raise InputError(
            "不是公共服务场所的类别", remedy=f"可填：{words}；或用{wording.VALUES}指定 类别=某一类。"
        )
    return found


IMPORTER = Importer(
    kind="places",
    term="poi",
    table=poi,
    shape=Shape.POINT,
    fields=(
        Field(
            "name",
            "名称",
            ("场所名称", "单位名称", "name:zh", "name", "名字", "title"),
            required=True,
            longest=120,
            help="场所的名称。",
        ),
        Field(
            "kind",
            "类别",
            ("场所类别", "类型", "大类", "type", "kind", "category", "amenity", "fclass"),
            required=True,
            longest=120,
            parse=_kind,
            help="办事机构、学校、文化、体育、卫生、宾馆、娱乐、购物、餐饮、便民服务、交通、公园；也认识常见地图服务的分类。",
        ),
        Field(
            "address",
            "地址",
            ("详细地址", "address", "addr", "位置"),
            default="",
            longest=200,
            help="地址文字。",
        ),
        Field(
            "opening_hours",
            "开放时间",
            ("营业时间", "服务时间", "opening_hours"),
            default="",
            longest=200,
            help="例如 8:30–17:00。",
        ),
        Field(
            "phone",
            "电话",
            ("联系电话", "phone", "tel", "telephone", "contact:phone"),
            default="",
            longest=80,
            help="对外公布的电话。",
        ),
    ),
    identity=("name",),
)

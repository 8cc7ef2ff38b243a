"""部件: lamps, trees, benches, manholes … with the national codes."""

from __future__ import annotations

from gisapp.domain.codes import modern_component_type
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.identify import source_keys
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.registers import component

_STATES = {
    **dict.fromkeys(("完好", "正常", "good", "ok"), "good"),
    **dict.fromkeys(("破损", "损坏", "damaged"), "damaged"),
    **dict.fromkeys(("丢失", "缺失", "missing"), "missing"),
    **dict.fromkeys(("未知", "unknown"), "unknown"),
}


def _type(text: str) -> str:
    return modern_component_type(text).code


def _prepare(batch: Batch, _context: Context) -> None:
    types = batch.column("type_code")
    batch.columns["class"] = [None if code is None else code[:2] for code in types]
    keys = source_keys(IMPORTER, batch)
    batch.columns["code"] = [code or key for code, key in zip(batch.column("code"), keys, strict=True)]
    names = batch.column("name")
    batch.columns["name"] = [
        name if name is not None else "" if code is None else modern_component_type(code).name
        for name, code in zip(names, types, strict=True)
    ]


IMPORTER = Importer(
    kind="components",
    term="component",
    table=component,
    shape=Shape.ANY,
    fields=(
        Field(
            "code",
            "部件编码",
            ("部件标识码", "标识码", "objcode", "component_code"),
            longest=60,
            help="部件的唯一编码；没有时用来源编号。",
        ),
        Field(
            "type_code",
            "部件小类",
            ("小类", "小类代码", "小类名称", "类型代码", "部件类型", "部件名称", "type_code", "type", "类别"),
            required=True,
            parse=_type,
            help="GB/T 47678.5 的 5 位代码或名称；CJ/T 214 的 4 位代码或名称会换成相应的 5 位代码。",
        ),
        Field("name", "名称", ("name", "备注名称"), longest=120, help="名称；没有时用小类名称。"),
        Field(
            "state",
            "状态",
            ("部件状态", "state", "status"),
            Kind.CHOICE,
            default="good",
            choices=_STATES,
            help="完好、破损、丢失或未知。",
        ),
        Field(
            "department",
            "主管部门",
            ("权属单位", "主管单位", "责任单位", "养护单位", "department", "operator"),
            default="",
            longest=120,
            help="负责的部门。",
        ),
    ),
    identity=("type_code",),
    prepare=_prepare,
    extra=("class",),
)

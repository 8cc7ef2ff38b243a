"""单位: legal persons and other organisations with their unified social credit code."""

from __future__ import annotations

import numpy as np

from gisapp.domain.identity import parse_credit_code
from gisapp.services.importing.addresses import building_links, match_addresses, normal_address
from gisapp.services.importing.fields import Field
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.registers import organisation


def _prepare(batch: Batch, context: Context) -> None:
    """Rows without coordinates take those of their address, if it is a stored one."""
    batch.columns["source_key"] = batch.column("credit_code")
    locate_by_address(batch, context)


def locate_by_address(batch: Batch, context: Context) -> None:
    """Give rows without coordinates the point of the stored address that equals theirs; refuse those without one."""
    missing = np.flatnonzero(np.isnan(batch.lon))
    if not len(missing):
        return
    texts = batch.column("address")
    plain = {int(i): normal_address(texts[i] or "") for i in missing}
    known = match_addresses(context, [text for text in plain.values() if text])
    for i, text in plain.items():
        found = known.get(text)
        if found is None:
            batch.refuse(
                i,
                "地址",
                texts[i],
                "没有坐标，地址也不是已登记的标准地址",
                "请填写经度和纬度，或先导入该标准地址。",
            )
        else:
            batch.lon[i], batch.lat[i] = found.lon, found.lat


def _link(batch: Batch, context: Context) -> None:
    batch.columns["building_id"] = building_links(batch, context)


IMPORTER = Importer(
    kind="organisations",
    term="organisation",
    table=organisation,
    shape=Shape.POINT,
    fields=(
        Field(
            "name",
            "单位名称",
            ("企业名称", "机构名称", "名称", "name", "法人名称"),
            required=True,
            longest=200,
            help="登记的全称。",
        ),
        Field(
            "credit_code",
            "统一社会信用代码",
            ("信用代码", "社会信用代码", "uscc", "credit_code", "tyshxydm", "机构代码"),
            required=True,
            parse=parse_credit_code,
            help="18 位，检查校验位。",
        ),
        Field(
            "kind",
            "单位类型",
            ("类型", "企业类型", "机构类型", "行业", "kind", "type"),
            default="其他",
            longest=80,
            help="例如 有限责任公司、个体工商户。",
        ),
        Field(
            "address",
            "地址",
            ("住所", "经营场所", "注册地址", "单位地址", "address"),
            default="",
            longest=200,
            help="地址文字；没有坐标时凭它匹配标准地址。",
        ),
        Field("phone", "电话", ("联系电话", "phone", "tel"), default="", longest=60, help="单位电话。"),
    ),
    key=("credit_code",),
    at_position=False,
    optional_location=True,
    prepare=_prepare,
    link=_link,
    extra=("building_id",),
    note="凭统一社会信用代码认出同一单位，不论来源。",
)

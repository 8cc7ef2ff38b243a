"""What a user asks for: which file, which kind, how it is to be understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path

from gisapp.domain import clock, incoming
from gisapp.errors import InputError
from gisapp.services.importing.locating import Fallback

Progress = Callable[[str, int, int], None]
"""Called with what is being done (Chinese), how much of it is done, and of how much."""


MOST_PAIRS = 100
"""Fields that an order may name a heading or one value for."""


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be imported, and how it is to be understood.

    Attributes:
        kind: kind of data, such as ``buildings``.
        path: the file.
        crs: its coordinate system, always stated; empty only for kinds without coordinates.
        file_name: name shown, where ``path`` is a temporary copy.
        source: name of the source; the file's name where empty. Rows are found again by source and number.
        fallback: place of rows that lie in no grid and no region.
        mapping: field → heading, where headings are not recognised by themselves.
        values: field → one value for all rows.
        layer: layer of a GeoPackage or sheet of a workbook.
        zone: zone of instants that state none.
        dry_run: check and compare everything, store nothing.
        key: secret of the digests of personal rows (``keys.digest_key``).
    """

    kind: str
    path: Path
    crs: str
    file_name: str = ""
    source: str = ""
    fallback: Fallback | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    layer: str | None = None
    zone: tzinfo = clock.ZONE
    dry_run: bool = False
    key: bytes = field(default=b"", repr=False)


def checked(order: Order) -> Order:
    """An order with its texts as they may be stored and shown, whichever door it came through.

    Raises:
        InputError: a text is too long or holds what no text holds, or there are too many pairs.
    """
    for name, pairs in (("mapping", order.mapping), ("values", order.values)):
        if len(pairs) > MOST_PAIRS:
            raise InputError(
                f"{len(pairs)} 个字段，超过上限 {MOST_PAIRS}。",
                remedy="请只写需要指明的字段。",
                details={"field": name},
            )
    fallback = order.fallback
    if fallback is not None and fallback.name is not None:
        fallback = replace(
            fallback,
            name=incoming.text(fallback.name, incoming.NAME, "place_name", label="地点名称") or None,
        )
    return replace(
        order,
        kind=incoming.text(order.kind, incoming.CODE, "kind", label="数据种类"),
        crs=incoming.text(order.crs, incoming.CRS, "crs"),
        file_name=incoming.text(order.file_name, incoming.FILE_NAME, "file"),
        source=incoming.text(order.source, incoming.NAME, "source", label="来源名称"),
        fallback=fallback,
        mapping=_texts(order.mapping, incoming.HEADING, "mapping"),
        values=_texts(order.values, incoming.VALUE, "values"),
        layer=incoming.text(order.layer, incoming.NAME, "layer", label="图层名称") or None,
    )


def _texts(pairs: Mapping[str, str], kind: incoming.TextKind, field: str) -> dict[str, str]:
    return {
        incoming.text(name, incoming.CODE, field, label="字段名"): incoming.text(value, kind, field)
        for name, value in pairs.items()
    }

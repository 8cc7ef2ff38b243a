"""网格: the grids of whole communities; each community's must tile it, and become a new version.

Hairline gaps and overlaps, such as drawing without snapping leaves, are closed; what is wider is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import shapely

from gisapp.analytics.fabric import Fabric, changed_codes, check_tiling, rounded
from gisapp.domain import clock
from gisapp.domain.codes import divisions
from gisapp.domain.keys import Level, PlaceKey
from gisapp.errors import InputError
from gisapp.services.grid_publishing import take_effect
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.importer import Batch, Context, Importer, Stored
from gisapp.services.importing.shapes import Shape
from gisapp.store import grids as store
from gisapp.store import importing as importing_store
from gisapp.store.grid_locks import lock_publishing
from gisapp.store.tables.places import grid

#: width of gaps and overlaps that are closed, in degrees: about one metre
HAIRLINE = 1e-5


def _code(text: str) -> PlaceKey:
    key = PlaceKey(text)
    if key.level is not Level.GRID:
        raise InputError("网格编码应为 15 位", remedy="12 位社区编码加 3 位网格序号。")
    return key


def _prepare(batch: Batch, _context: Context) -> None:
    assert batch.shapes is not None
    for i, code in enumerate(batch.column("code")):
        batch.place[i] = None if code is None else str(code)
        parts = shapely.get_parts(batch.shapes[i])
        if len(parts) > 1:
            batch.refuse(
                i,
                "几何",
                "多面",
                f"网格由 {len(parts)} 块组成",
                "一个网格应是连成一片的一块，请拆成几个网格。",
            )
        batch.shapes[i] = parts[0]


def _store(batch: Batch, context: Context) -> Stored:
    """Community by community: its grids are put in force together, or all refused together."""
    total = Stored(0, 0, 0)
    refused = {code[:12] for code in batch.dropped}
    by_community: dict[str, list[int]] = {}
    for i, place in enumerate(batch.place):
        by_community.setdefault(str(place)[:12], []).append(i)
    lock_publishing(context.connection)
    for community, rows in sorted(by_community.items()):
        if community in refused:
            _refuse_all(batch, rows, "本社区另有网格被拒绝", "请改正后把整个社区的网格一起导入。")
            continue
        one = _store_community(batch, context, community, rows)
        total = Stored(total.added + one.added, total.changed + one.changed, total.unchanged + one.unchanged)
    return total


def _refuse_all(batch: Batch, rows: list[int], reason: str, remedy: str) -> None:
    for i in rows:
        batch.refuse(i, "整行", batch.place[i], reason, remedy)


def _store_community(batch: Batch, context: Context, community: str, rows: list[int]) -> Stored:
    assert batch.shapes is not None
    connection = context.connection
    codes = [str(batch.place[i]) for i in rows]
    if len(set(codes)) < len(codes):
        _refuse_all(batch, rows, "本社区有重复的网格编码", "请使每个网格的编码唯一。")
        return Stored(0, 0, 0)
    if store.scheduled(connection, community):
        _refuse_all(batch, rows, "本社区有待生效的网格版本", "请先撤回待生效的版本，或等它生效后再导入。")
        return Stored(0, 0, 0)
    shapes = _aligned(batch, rows)
    known = store.find_community(connection, community)
    border = store.border_of(connection, community) if known else _border(shapes)
    fabric = Fabric(community, border, dict(sorted(zip(codes, shapes, strict=True))))
    problems = [p for p in check_tiling(border, fabric.grids) if p.kind != "small"]
    if problems:
        _refuse_problems(batch, rows, codes, problems)
        return Stored(0, 0, 0)
    old = {row["place"]: row for row in store.grids_in_force(connection, community)}
    details = _details(batch, rows, codes, old)
    same_ground = not changed_codes({code: row["shape"] for code, row in old.items()}, fabric.grids)
    same_names = all(code in old and old[code]["name"] == details[code]["name"] for code in codes)
    if same_ground and same_names:
        return Stored(0, 0, len(rows))
    if not known:
        _make_community(context, community, border)
    version = store.newest_version(connection, community) + 1
    at = None if old else _stated(batch, rows)
    at, _ = take_effect(connection, fabric, details, version, at)
    note = f"由文件“{context.source}”导入"
    store.add_version(connection, community, version, at, note=note, author=context.reader.user_id)
    store.announce(connection, community, version)
    added = sum(code not in old for code in codes)
    return Stored(added, len(codes) - added, 0)


def _aligned(batch: Batch, rows: list[int]) -> list[Any]:
    """The polygons on nine decimals; hairline gaps and overlaps between them are closed."""
    assert batch.shapes is not None
    shapes = np.array([rounded(batch.shapes[i]) for i in rows], dtype=object)
    if bool(shapely.coverage_is_valid(shapes, gap_width=HAIRLINE)):
        return list(shapes)
    cleaned = [
        rounded(s) for s in shapely.coverage_clean(shapes, snapping_distance=HAIRLINE / 2, gap_width=HAIRLINE)
    ]
    if not all(isinstance(s, shapely.Polygon) and not s.is_empty for s in cleaned):
        return list(shapes)
    moved = [shapely.hausdorff_distance(a, b) for a, b in zip(shapes, cleaned, strict=True)]
    if max(moved) > HAIRLINE:
        return list(shapes)
    for i, distance in zip(rows, moved, strict=True):
        if distance > 0:
            batch.findings.repair(int(batch.rows[i]), "几何", "与相邻网格的细缝或重叠（不足 1 米）已对齐")
    return cleaned


def _border(shapes: list[Any]) -> Any:
    union = shapely.coverage_union_all(np.array(shapes, dtype=object))
    return shapely.multipolygons([union]) if isinstance(union, shapely.Polygon) else union


def _refuse_problems(batch: Batch, rows: list[int], codes: list[str], problems: list[Any]) -> None:
    """Each grid with the problem that concerns it; the others because their community is refused."""
    remedy = "一个社区的网格须恰好铺满社区边界：请打开捕捉功能改图，或先导入与网格一致的社区边界。"
    for i, code in zip(rows, codes, strict=True):
        own = next((p for p in problems if code in p.codes), None)
        reason = own.message if own is not None else f"本社区的网格没有恰好铺满：{problems[0].message}"
        batch.refuse(i, "几何", code, reason.rstrip("。"), remedy)


def _details(
    batch: Batch, rows: list[int], codes: list[str], old: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    names = batch.column("name")
    return {
        code: {
            "name": names[i] or (old[code]["name"] if code in old else f"网格 {code[-3:]}"),
            "responsible": list(old[code]["responsible"]) if code in old else [],
        }
        for i, code in zip(rows, codes, strict=True)
    }


def _stated(batch: Batch, rows: list[int]) -> datetime | None:
    """Midnight of the earliest day before today that the rows state; None for none: from the instant of the import."""
    stated = batch.column("valid_from")
    days = [stated[i] for i in rows if stated[i] is not None and stated[i] < clock.today()]
    return clock.day_bounds(min(days))[0] if days else None


def _make_community(context: Context, community: str, border: Any) -> None:
    """A community that nobody has drawn yet is the ground of its grids."""
    names = {str(d.key): d.name for d in divisions()}
    keys = [PlaceKey(community), *PlaceKey(community).ancestors()]
    known = importing_store.known_regions(context.connection, keys)
    missing = [key for key in keys if key not in known and context.reader.scope.covers(key)]
    importing_store.add_regions(
        context.connection,
        [
            {
                "place": str(k),
                "level": int(k.level),
                "name": names.get(str(k), str(k)),
                "source": context.source,
                "source_key": str(k),
            }
            for k in missing
        ],
    )
    store.set_region_shape(context.connection, community, border)


IMPORTER = Importer(
    kind="grids",
    term="grid",
    table=grid,
    shape=Shape.POLYGON,
    fields=(
        Field(
            "code",
            "网格编码",
            ("网格代码", "编码", "代码", "code", "grid_code", "wgbm", "place"),
            required=True,
            parse=_code,
            stored=False,
            help="15 位：12 位社区编码加 3 位网格序号。",
        ),
        Field("name", "网格名称", ("名称", "name", "wgmc"), longest=60, help="网格的名称；没有时用序号。"),
        Field(
            "valid_from",
            "生效日期",
            ("启用日期", "valid_from"),
            Kind.DATE,
            stored=False,
            help="社区首个版本的生效日期，从当日零时起；没有时或已有网格的社区，从导入的时刻起生效。",
        ),
    ),
    key=("place",),
    at_position=False,
    place_from_location=False,
    prepare=_prepare,
    store=_store,
    moves_borders=True,
    note="以社区为单位：一个社区的全部网格须在同一文件中，恰好铺满社区；有一个不合格则整个社区不导入。已有网格的社区发布为新版本，旧版本保留。",
)

"""Place keys of imported rows: grids in force, then regions, then the place that the user states."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from gisapp.analytics.placing import place_points
from gisapp.domain.codes import divisions, provinces
from gisapp.domain.keys import Level, PlaceKey
from gisapp.errors import InputError
from gisapp.services.importing import wording
from gisapp.services.importing.importer import Batch, Context
from gisapp.store import importing as store

#: source of regions that an import made from the extent of its data, not from a drawn border
EXTENT = "extent"
#: keys that begin so are places abroad, which the national code does not know
ABROAD = "99"
_MARGIN = 1e-4
_BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)
"""Before any grid."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The place that a user states for rows that lie in no grid and no region.

    Attributes:
        key: its place key.
        name: its name, where it is not known yet.
    """

    key: PlaceKey
    name: str | None = None


def assign_places(
    batch: Batch, context: Context, fallback: Fallback | None, instants: list[datetime | None] | None
) -> None:
    """Find the place key of every row that has a position.

    Args:
        batch: its ``place`` is filled; rows without a place, of a contradicting place or outside the reader's scope are
            refused.
        context: of the import.
        fallback: for rows that lie nowhere.
        instants: of facts, which take the grids of their instant; None for standing things, and for what goes on, which
            take those in force.
    """
    found = _by_position(batch, context, instants)
    _check_stated(batch, context, found)
    missing = np.array([here is None for here in found], dtype=bool) & np.isfinite(batch.lon)
    nowhere = [
        int(i) for i in np.flatnonzero(missing) if int(batch.rows[i]) not in batch.findings.refused_rows
    ]
    if nowhere and fallback is None:
        for i in nowhere:
            batch.refuse(
                i,
                "位置",
                f"{batch.lon[i]:.6f}, {batch.lat[i]:.6f}",
                "不在任何网格或区划内",
                f"请先导入当地的区划或网格，或填写{wording.PLACE}；也请核对坐标系。",
            )
    elif nowhere and fallback is not None:
        at = np.array(nowhere)
        found[at] = str(fallback.key)
        box = (batch.lon[at].min(), batch.lat[at].min(), batch.lon[at].max(), batch.lat[at].max())
        _ensure_region(context, fallback, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
    batch.place = found
    require_scope(batch, context)


def _check_stated(batch: Batch, context: Context, found: NDArray[np.object_]) -> None:
    """Compare the places that the rows state with those that were found, and take them where none was found."""
    stated = batch.column("place")
    rows = [i for i, said in enumerate(stated) if said is not None]
    known = store.known_places(context.connection, sorted({str(stated[i]) for i in rows})) if rows else set()
    for i in rows:
        said, here = str(stated[i]), found[i]
        if said not in known:
            batch.refuse(
                i, "地点编码", said, "没有这个编码的网格或区划", "请核对编码，或先导入当地的区划和网格。"
            )
        elif here is None:
            found[i] = said
        elif not (said.startswith(here) or here.startswith(said)):
            batch.refuse(i, "地点编码", said, f"与坐标所在的 {here} 不符", "请核对编码和坐标，或清空该列。")


def require_scope(batch: Batch, context: Context) -> None:
    """Refuse rows whose place lies outside the reader's scope."""
    scope = context.reader.scope
    if "" in scope.prefixes:
        return
    inside = {place: scope.covers(place) for place in set(batch.place.tolist()) if place is not None}
    for i, place in enumerate(batch.place):
        if place is not None and not inside[place]:
            batch.refuse(i, "位置", place, "不在您的管辖范围内", "请由管辖该地的管理员导入。")


def _by_position(
    batch: Batch, context: Context, instants: list[datetime | None] | None
) -> NDArray[np.object_]:
    if instants is None:
        return place_points(store.place_layers(context.connection), batch.lon, batch.lat)
    changes = store.grid_changes(context.connection)
    # One look for each span of time between two changes of grids.
    span = np.array([-1 if at is None else bisect_right(changes, at) for at in instants])
    found = np.full(len(batch), None, dtype=object)
    for number in np.unique(span).tolist():
        rows = np.flatnonzero(span == number)
        at = None if number < 0 else changes[number - 1] if number else _BEFORE_ALL
        layers = store.place_layers(context.connection, at)
        found[rows] = place_points(layers, batch.lon[rows], batch.lat[rows])
    return found


def _ensure_region(context: Context, fallback: Fallback, box: tuple[float, float, float, float]) -> None:
    """The region of a stated place and those above it, made where missing; one without a border covers its data."""
    context.reader.require_place(fallback.key)
    keys = [fallback.key, *fallback.key.ancestors()]
    known = store.known_regions(context.connection, keys)
    names = {**provinces(), **{str(d.key): d.name for d in divisions()}, ABROAD: "境外"}
    missing = [key for key in keys if key not in known and context.reader.scope.covers(key)]
    if fallback.key in missing and fallback.name is None and fallback.key not in names:
        raise InputError(
            f"还没有编码为 {fallback.key} 的区划。",
            remedy=f"请同时填写{wording.PLACE_NAME}，或先导入区划。境外地点用 99 开头的编码。",
            details={"place": str(fallback.key)},
        )
    if fallback.key.level is Level.GRID and fallback.key in missing:
        raise InputError(
            f"还没有编码为 {fallback.key} 的网格。", remedy="请先划分或导入网格，或改用社区编码。"
        )
    store.add_regions(
        context.connection,
        [
            {
                "place": str(key),
                "level": int(key.level),
                "name": (fallback.name if key == fallback.key else None) or names.get(str(key)) or str(key),
                "source": EXTENT,
                "source_key": str(key),
            }
            for key in missing
        ],
    )
    west, south, east, north = box
    wider = (west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN)
    store.stretch_region(context.connection, str(fallback.key), wider, EXTENT)

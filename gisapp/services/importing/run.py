"""One import from the file to the record of it: read, recognise, check, place, store in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from sqlalchemy.exc import IntegrityError

from gisapp.analytics.crs import CGCS2000, Crs, parse_crs
from gisapp.domain.access import Reader, Role
from gisapp.errors import Conflict, InputError, OnemapError
from gisapp.services import derived
from gisapp.services.grid_activation import activate_due
from gisapp.services.importing import headings, wording
from gisapp.services.importing.identify import digests, distinguish_parts, refuse_repeated, source_keys
from gisapp.services.importing.importer import BY_SOURCE, Batch, Context, Importer, Stored
from gisapp.services.importing.locating import Fallback, assign_places, require_scope
from gisapp.services.importing.order import Order, Progress, checked
from gisapp.services.importing.reading import read
from gisapp.services.importing.registry import importer_for
from gisapp.services.importing.report import Outcome
from gisapp.services.importing.rows import prepare_rows
from gisapp.services.importing.shapes import Shape, check_own_crs
from gisapp.store import importing as store
from gisapp.store.database import Database
from gisapp.store.grid_locks import hold_grids_for_long, lock_borders

log = logging.getLogger("onemap.importing")


def import_layer(
    database: Database, reader: Reader, order: Order, progress: Progress = lambda _what, _done, _all: None
) -> Outcome:
    """Import one file.

    Raises:
        Forbidden: the reader is no grid manager.
        InputError: the order or the file as a whole cannot be accepted; single rows never raise, they are refused.
        Conflict: the account has imported numbers of this file before and no longer sees those rows, or others have changed
            rows meanwhile.
    """
    reader.require(Role.MANAGER)
    started = time.monotonic()
    order = checked(order)
    importer = importer_for(order.kind)
    crs = _stated_crs(importer, order)
    known = headings.known_words(importer.all_fields)
    progress("读取文件", 0, 0)
    raw = read(order.path, layer=order.layer, is_heading=lambda text: headings.normal(text) in known)
    note = check_own_crs(raw.own_crs, crs)
    if note:
        raw.notes.append(note)
    batch, outcome = prepare_rows(importer, raw, crs, order, progress)
    store_batches(database, reader, order, [(importer, batch, outcome)], progress)
    outcome.seconds = time.monotonic() - started
    return outcome


def store_batches(
    database: Database,
    reader: Reader,
    order: Order,
    batches: Sequence[tuple[Importer, Batch, Outcome]],
    progress: Progress,
) -> None:
    """Store batches of one file, of one kind or of several, in one transaction; a dry run is rolled back."""
    moves_borders = any(importer.moves_borders for importer, _, _ in batches)
    try:
        with database.begin(reader) as connection:
            # Before anything is read that a publication of grids could change.
            (lock_borders if moves_borders else hold_grids_for_long)(connection)
            trial = connection.begin_nested()
            touched: set[str] = set()
            for importer, batch, outcome in batches:
                context = Context(connection, reader, outcome.source, order.zone, order.key)
                store.lock(connection, importer.kind)
                stored = _store(importer, batch, context, order.fallback, outcome, progress)
                outcome.added, outcome.changed, outcome.unchanged = (
                    stored.added,
                    stored.changed,
                    stored.unchanged,
                )
                outcome.findings.sort()
                touched |= stored.touched
            if order.dry_run:
                trial.rollback()
                return
            progress("更新统计与搜索", 0, 0)
            derived.refresh(connection, _within(reader, touched))
            for _, _, outcome in batches:
                outcome.run = _record(connection, reader, order, outcome)
    except IntegrityError as error:
        raise Conflict(
            "文件中有编号与您先前导入、现已不在您管辖范围内的数据相同；没有写入任何数据。",
            remedy="请把文件改名（作为新的来源）后再导入，或由上级管理员导入。",
        ) from error
    if moves_borders:
        _try_due_grids(database)


def _try_due_grids(database: Database) -> None:
    """A version of grids that could not take effect may do so on the new border; the import is stored either way."""
    try:
        activate_due(database)
    except OnemapError as error:
        log.warning("due grids could not be looked for after an import: %s", error.code)


def _stated_crs(importer: Importer, order: Order) -> Crs:
    if importer.shape is Shape.NONE and not order.crs:
        return CGCS2000
    if not order.crs:
        raise InputError(
            "没有声明坐标系。",
            remedy=f"请用{wording.CRS}声明，例如 WGS84、CGCS2000、GCJ02、BD09、EPSG:4549。",
        )
    return parse_crs(order.crs)


def _store(
    importer: Importer,
    batch: Batch,
    context: Context,
    fallback: Fallback | None,
    outcome: Outcome,
    progress: Progress,
) -> Stored:
    if importer.prepare is not None:
        progress("核对登记", 0, 0)
        importer.prepare(batch, context)
        batch = batch.without_refused()
    if importer.place_from_location:
        progress("归入网格", 0, 0)
        instants = batch.columns.get(importer.instant) if importer.instant else None
        assign_places(batch, context, fallback, instants)
    else:
        require_scope(batch, context)
    batch = batch.without_refused()
    if importer.link is not None:
        importer.link(batch, context)
        batch = batch.without_refused()
    if importer.store is not None:
        stored = importer.store(batch, context)
        return replace(
            stored, touched=_communities(batch.place) if stored.added or stored.changed else frozenset()
        )
    return store_rows(importer, batch, context, outcome, progress)


def store_rows(
    importer: Importer, batch: Batch, context: Context, outcome: Outcome, progress: Progress
) -> Stored:
    """Stage, compare, apply: the way of all kinds that are plain rows of one table."""
    columns: dict[str, Any] = {name: batch.column(name) for name in importer.stored_fields}
    contents = digests(importer, batch, context.key)
    columns |= {
        "source": [context.source] * len(batch),
        "source_account": [context.account] * len(batch),
        "source_scope": [context.scope] * len(batch),
        "digest": contents,
    }
    keys: list[Any] = source_keys(importer, batch) if importer.match is None else [None] * len(batch)
    own = importer.key == BY_SOURCE
    if own:
        pieces = distinguish_parts(importer, batch, keys)
        if pieces:
            outcome.notes.append(
                f"有 {pieces} {outcome.unit}编号相同而位置不同，是同一对象的几段，已按位置区分。"
            )
    columns["source_key"] = keys
    columns["place"] = batch.place.tolist()
    refuse_repeated(batch, list(zip(*(columns[c] for c in importer.key), strict=True)), contents)
    refused = batch.findings.refused_rows
    keep = [i for i, row in enumerate(batch.rows.tolist()) if row not in refused]
    if len(keep) < len(batch):
        batch = batch.take(np.array(keep, dtype=np.int64))
        columns = {name: [values[i] for i in keep] for name, values in columns.items()}
    if not len(batch):
        return Stored(0, 0, 0)
    if importer.shape is not Shape.NONE:
        columns["geom"] = (batch.lon, batch.lat) if batch.shapes is None else _uniform(importer, batch.shapes)
    names = [*columns]
    total = len(batch)
    columns["n"] = np.arange(total)
    store.stage(context.connection, importer.table, columns, progress=lambda n: progress("写入", n, total))
    progress("比对", 0, 0)
    there, changed = store.match(context.connection, importer.table, importer.key, importer.match, own=own)
    touched: frozenset[str] = frozenset()
    if total > there or changed:
        touched = _communities(batch.place) | _communities(store.former_places(context.connection))
    stored = Stored(total - there, changed, there - changed, touched)
    progress("入库", 0, 0)
    store.apply(context.connection, importer.table, names, added=stored.added, changed=stored.changed)
    if importer.after is not None:
        importer.after(batch, context, stored)
    return stored


def _within(reader: Reader, places: Iterable[str]) -> list[str]:
    """Places, narrowed to the reader's scope where they reach beyond it."""
    prefixes = reader.scope.prefixes
    return sorted(
        {max(p, s, key=len) for p in places for s in prefixes if p.startswith(s) or s.startswith(p)}
    )


def _communities(places: Iterable[str | None]) -> frozenset[str]:
    return frozenset(place[:12] for place in set(places) if place is not None)


def _uniform(importer: Importer, shapes: np.ndarray[Any, np.dtype[np.object_]]) -> Any:
    """Polygons as multipolygons: tables of polygons hold those."""
    if importer.shape is not Shape.POLYGON:
        return shapes
    single = shapely.get_type_id(shapes) == 3
    out = shapes.copy()
    out[single] = [shapely.multipolygons([shape]) for shape in shapes[single]]
    return out


def _record(connection: Any, reader: Reader, order: Order, outcome: Outcome) -> int:
    prefixes = reader.scope.prefixes
    place = str(order.fallback.key) if order.fallback else prefixes[0] if prefixes else ""
    return store.record_run(
        connection,
        {
            "place": place,
            "kind": outcome.kind,
            "file_name": outcome.file,
            "crs": outcome.crs,
            "user_id": reader.user_id,
            "summary": outcome.counts() | {"来源": outcome.source},
        },
    )

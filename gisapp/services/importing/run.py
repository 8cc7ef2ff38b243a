"""One import from the file to the record of it: read, recognise, check, place, store in one transaction."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy.exc import IntegrityError

from gisapp.analytics.crs import CGCS2000, Crs, parse_crs
from gisapp.domain import clock
from gisapp.domain.access import Reader, Role
from gisapp.errors import Conflict, InputError
from gisapp.services.importing import headings
from gisapp.services.importing.fields import Field, convert
from gisapp.services.importing.identify import digests, distinguish_parts, refuse_repeated, source_keys
from gisapp.services.importing.importer import Batch, Context, Importer, Stored
from gisapp.services.importing.locating import Fallback, assign_places, require_scope
from gisapp.services.importing.reading import RawTable, read
from gisapp.services.importing.registry import importer_for
from gisapp.services.importing.report import Outcome
from gisapp.services.importing.shapes import Located, Shape, check_own_crs, from_wkt, locate_points, locate_shapes
from gisapp.store import importing as store
from gisapp.store.database import Database

Progress = Callable[[str, int, int], None]
"""Called with what is being done (Chinese), how much of it is done, and of how much."""


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


def import_layer(
    database: Database, reader: Reader, order: Order, progress: Progress = lambda _what, _done, _all: None
) -> Outcome:
    """Import one file.

    Raises:
        Forbidden: the reader is no grid manager.
        InputError: the order or the file as a whole cannot be accepted; single rows never raise, they are refused.
        Conflict: something of this file is registered where the reader may not see it.
    """
    reader.require(Role.MANAGER)
    started = time.monotonic()
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
    try:
        with database.begin(reader) as connection:
            trial = connection.begin_nested()
            for importer, batch, outcome in batches:
                context = Context(connection, reader, outcome.source, order.zone)
                store.lock(connection, importer.kind)
                stored = _store(importer, batch, context, order.fallback, outcome, progress)
                outcome.added, outcome.changed, outcome.unchanged = stored.added, stored.changed, stored.unchanged
                outcome.findings.sort()
            if order.dry_run:
                trial.rollback()
                return
            for _, _, outcome in batches:
                outcome.run = _record(connection, reader, order, outcome)
    except IntegrityError as error:
        raise Conflict(
            "文件中有编号已在您看不到的范围内登记，或与现有数据冲突；没有写入任何数据。",
            remedy="请核对编号；如需接管他人范围内的数据，请由上级管理员导入。",
        ) from error


def _stated_crs(importer: Importer, order: Order) -> Crs:
    if importer.shape is Shape.NONE and not order.crs:
        return CGCS2000
    if not order.crs:
        raise InputError("没有声明坐标系。", remedy="请用 --crs 声明，例如 WGS84、CGCS2000、GCJ02、BD09、EPSG:4549。")
    return parse_crs(order.crs)


def prepare_rows(
    importer: Importer, raw: RawTable, crs: Crs, order: Order, progress: Progress
) -> tuple[Batch, Outcome]:
    """Everything that needs no database: columns recognised, values checked, geometry in EPSG:4490."""
    file = order.file_name or order.path.name
    fields = importer.all_fields
    used = headings.recognise(fields, raw.headings, order.mapping)
    outcome = Outcome(
        importer.kind,
        importer.title,
        file,
        f"{crs.id}（{crs.title}）" if importer.shape is not Shape.NONE else "无坐标",
        order.source or source_name(file),
        raw.unit,
        len(raw.rows) + len(raw.findings.refused_rows),
        findings=raw.findings,
        unused=used.unused,
        notes=raw.notes,
        dry_run=order.dry_run,
    )
    by_name = {f.name: f for f in fields}
    outcome.columns = [
        (by_name[name].zh, "、".join(raw.headings[i] for i in at)) for name, at in used.columns.items()
    ]
    constants = _constants(importer, order.values)
    _require_columns(importer, used.columns, constants, raw)
    rows = raw.rows.tolist()
    columns: dict[str, list[Any]] = {}
    for number, f in enumerate(fields):
        progress("检查各列", number, len(fields))
        if f.name in constants:
            columns[f.name] = convert(f, [constants[f.name]] * len(rows), rows, raw.findings, order.zone)
        elif f.name in used.columns:
            at = used.columns[f.name]
            values = raw.columns[at[0]] if len(at) == 1 else _first_filled([raw.columns[i] for i in at])
            columns[f.name] = convert(f, values, rows, raw.findings, order.zone)
        elif f.stored and f.default is not None:
            columns[f.name] = [f.default] * len(rows)
    progress("换算坐标", 0, 0)
    located = _locate(importer, raw, columns, crs)
    return _batch(importer, raw, columns, located), outcome


def source_name(file: str) -> str:
    """Name of a source from the name of its file, without the marks of a copy."""
    stem = Path(file).stem
    stem = re.sub(r"\s*(\(\d+\)|（\d+）|[-_ ]*(副本|copy)( ?\d*))$", "", stem, flags=re.IGNORECASE)
    return stem.strip().casefold() or "import"


def _constants(importer: Importer, stated: Mapping[str, str]) -> dict[str, str]:
    words = {headings.normal(w): f for f in importer.all_fields for w in (f.name, f.zh)}
    found: dict[str, str] = {}
    for word, value in stated.items():
        field_ = words.get(headings.normal(word))
        if field_ is None:
            raise InputError(f"没有字段“{word}”。", remedy=f"可用的字段：{'、'.join(f.zh for f in importer.all_fields)}。")
        found[field_.name] = value
    return found


def _require_columns(
    importer: Importer, used: Mapping[str, Sequence[int]], constants: Mapping[str, str], raw: RawTable
) -> None:
    def there(f: Field) -> bool:
        return f.name in used or f.name in constants

    missing = [f.zh for f in importer.fields if f.required and not there(f)]
    needs_position = importer.shape is not Shape.NONE and raw.geometry is None and not importer.optional_location
    if needs_position and not (("lon" in used and "lat" in used) or "wkt" in used):
        missing.append("经度、纬度（或几何）" if importer.shape in (Shape.POINT, Shape.ANY) else "几何")
    if missing:
        raise InputError(
            f"文件缺少必需的列：{'、'.join(missing)}。",
            remedy=f"现有的列：{'、'.join(h for h in raw.headings if h) or '无'}。若名称不同，请指明对应关系（命令行用 --map 字段=列名）。",
            details={"missing": missing, "columns": raw.headings},
        )


def _first_filled(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Of several columns for one field, the first that is filled in each row."""
    return [next((v for v in values if v is not None and str(v).strip()), None) for values in zip(*columns, strict=True)]


def _locate(importer: Importer, raw: RawTable, columns: dict[str, list[Any]], crs: Crs) -> Located | None:
    """Positions of all rows; None for a kind without any."""
    if importer.shape is Shape.NONE:
        return None
    if raw.geometry is not None:
        return locate_shapes(raw.geometry, importer.shape, crs, raw.rows, raw.findings)
    if "wkt" in columns and any(v is not None for v in columns["wkt"]):
        shapes = from_wkt(columns["wkt"], raw.rows, raw.findings)
        return locate_shapes(shapes, importer.shape, crs, raw.rows, raw.findings)
    x, y = (np.array(columns.get(c, [None] * len(raw.rows)), dtype=np.float64) for c in ("lon", "lat"))
    if importer.shape not in (Shape.POINT, Shape.ANY):
        raise InputError(f"“{importer.title}”需要{importer.shape}，文件只有点坐标。", remedy="请导入带几何的文件。")
    if importer.optional_location:
        there = np.isfinite(x) | np.isfinite(y)
        inner = locate_points(x[there], y[there], crs, raw.rows[there], raw.findings)
        lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
        lon[np.flatnonzero(there)[inner.index]], lat[np.flatnonzero(there)[inner.index]] = inner.lon, inner.lat
        return Located(np.arange(len(x)), np.zeros(len(x), dtype=np.int64), lon, lat, None)
    return locate_points(x, y, crs, raw.rows, raw.findings)


def _batch(importer: Importer, raw: RawTable, columns: dict[str, list[Any]], located: Located | None) -> Batch:
    count = len(raw.rows)
    if located is None:
        nothing = np.full(count, np.nan)
        located = Located(np.arange(count), np.zeros(count, dtype=np.int64), nothing, nothing.copy(), None)
    kept = {name: values for name, values in columns.items() if name not in ("lon", "lat", "wkt")}
    at = located.index.tolist()
    if at != list(range(count)):
        kept = {name: [values[i] for i in at] for name, values in kept.items()}
    batch = Batch(
        rows=raw.rows[located.index],
        columns=kept,
        lon=located.lon,
        lat=located.lat,
        shapes=located.shapes,
        part=located.part,
        place=np.full(len(at), None, dtype=object),
        findings=raw.findings,
    )
    return batch.without_refused()


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
        days = batch.columns.get(importer.day) if importer.day else None
        assign_places(batch, context, fallback, days)
    else:
        require_scope(batch, context)
    batch = batch.without_refused()
    if importer.link is not None:
        importer.link(batch, context)
        batch = batch.without_refused()
    if importer.store is not None:
        return importer.store(batch, context)
    return store_rows(importer, batch, context, outcome, progress)


def store_rows(importer: Importer, batch: Batch, context: Context, outcome: Outcome, progress: Progress) -> Stored:
    """Stage, compare, apply: the way of all kinds that are plain rows of one table."""
    columns: dict[str, Any] = {name: batch.column(name) for name in importer.stored_fields}
    contents = digests(importer, batch)
    columns |= {"source": [context.source] * len(batch), "digest": contents}
    keys: list[Any] = source_keys(importer, batch) if importer.match is None else [None] * len(batch)
    if importer.key == ("source", "source_key"):
        pieces = distinguish_parts(importer, batch, keys)
        if pieces:
            outcome.notes.append(f"有 {pieces} {outcome.unit}编号相同而位置不同，是同一对象的几段，已按位置区分。")
    columns["source_key"] = keys
    refuse_repeated(batch, list(zip(*(columns[c] for c in importer.key), strict=True)), contents)
    refused = batch.findings.refused_rows
    keep = [i for i, row in enumerate(batch.rows.tolist()) if row not in refused]
    if len(keep) < len(batch):
        batch = batch.take(np.array(keep, dtype=np.int64))
        columns = {name: [values[i] for i in keep] for name, values in columns.items()}
    if not len(batch):
        return Stored(0, 0, 0)
    columns["place"] = batch.place.tolist()
    if importer.shape is not Shape.NONE:
        columns["geom"] = (batch.lon, batch.lat) if batch.shapes is None else _uniform(importer, batch.shapes)
    names = [*columns]
    total = len(batch)
    columns["n"] = np.arange(total)
    store.stage(context.connection, importer.table, columns, progress=lambda n: progress("写入", n, total))
    progress("比对", 0, 0)
    there, changed = store.match(context.connection, importer.table, importer.key, importer.match)
    stored = Stored(total - there, changed, there - changed)
    progress("入库", 0, 0)
    store.apply(context.connection, importer.table, names, added=stored.added, changed=stored.changed)
    if importer.after is not None:
        importer.after(batch, context, stored)
    return stored


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

"""From a file's columns to rows ready to be stored, as far as no database is needed for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gisapp.analytics.crs import Crs
from gisapp.errors import InputError
from gisapp.services.importing import headings, wording
from gisapp.services.importing.fields import Field, convert
from gisapp.services.importing.importer import Batch, Importer
from gisapp.services.importing.order import Order, Progress
from gisapp.services.importing.reading import RawTable
from gisapp.services.importing.report import Outcome
from gisapp.services.importing.shapes import Located, Shape, from_wkt, locate_points, locate_shapes


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
        len(raw.findings.refused_rows.union(raw.rows.tolist())),
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
            raise InputError(
                f"没有字段“{word}”。", remedy=f"可用的字段：{'、'.join(f.zh for f in importer.all_fields)}。"
            )
        found[field_.name] = value
    return found


def _require_columns(
    importer: Importer, used: Mapping[str, Sequence[int]], constants: Mapping[str, str], raw: RawTable
) -> None:
    def there(f: Field) -> bool:
        return f.name in used or f.name in constants

    missing = [f.zh for f in importer.fields if f.required and not there(f)]
    needs_position = (
        importer.shape is not Shape.NONE and raw.geometry is None and not importer.optional_location
    )
    if needs_position and not (("lon" in used and "lat" in used) or "wkt" in used):
        missing.append("经度、纬度（或几何）" if importer.shape in (Shape.POINT, Shape.ANY) else "几何")
    if missing:
        raise InputError(
            f"文件缺少必需的列：{'、'.join(missing)}。",
            remedy=f"现有的列：{'、'.join(h for h in raw.headings if h) or '无'}。若名称不同，请用{wording.MAPPING}写明 字段=列名。",
            details={"missing": missing, "columns": raw.headings},
        )


def _first_filled(columns: Sequence[Sequence[Any]]) -> list[Any]:
    """Of several columns for one field, the first that is filled in each row."""
    return [
        next((v for v in values if v is not None and str(v).strip()), None)
        for values in zip(*columns, strict=True)
    ]


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
        raise InputError(
            f"“{importer.title}”需要{importer.shape}，文件只有点坐标。", remedy="请导入带几何的文件。"
        )
    if importer.optional_location:
        there = np.isfinite(x) | np.isfinite(y)
        inner = locate_points(x[there], y[there], crs, raw.rows[there], raw.findings)
        lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
        lon[np.flatnonzero(there)[inner.index]], lat[np.flatnonzero(there)[inner.index]] = (
            inner.lon,
            inner.lat,
        )
        return Located(np.arange(len(x)), np.zeros(len(x), dtype=np.int64), lon, lat, None)
    return locate_points(x, y, crs, raw.rows, raw.findings)


def _batch(
    importer: Importer, raw: RawTable, columns: dict[str, list[Any]], located: Located | None
) -> Batch:
    count = len(raw.rows)
    if located is None:
        nothing = np.full(count, np.nan)
        located = Located(np.arange(count), np.zeros(count, dtype=np.int64), nothing, nothing.copy(), None)
    kept = {name: values for name, values in columns.items() if name not in ("lon", "lat", "wkt")}
    at = located.index.tolist()
    if at != list(range(count)):
        kept = {name: [values[i] for i in at] for name, values in kept.items()}
    codes = columns.get("code") or [None] * count
    batch = Batch(
        dropped={str(codes[i]) for i in set(range(count)) - set(at)},
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

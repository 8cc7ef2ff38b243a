"""PostgreSQL's binary representation of columns, encoded a column at a time (manual, COPY, binary format).

A column becomes either a block of fixed width (numbers, dates, points without NULL: ``dense``) or a run of bytes with a
length per row (−1 for NULL). Values pass through arrow arrays, which hold text as one run of UTF-8 with offsets: exactly
what the wire wants.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gisapp.errors import InputError

Bytes = NDArray[np.uint8]

#: days and microseconds from 1970-01-01 to PostgreSQL's epoch 2000-01-01
_EPOCH_DAYS = 10_957
_EPOCH_MICROSECONDS = _EPOCH_DAYS * 86_400 * 1_000_000
_TEXT_OID = 25
#: little-endian EWKB of a point: byte order, type with SRID flag, SRID, x, y
_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("srid", "<u4"), ("x", "<f8"), ("y", "<f8")])
_POINT_TYPE = 1 | 0x20000000


@dataclass(frozen=True)
class Column:
    """One encoded column.

    Attributes:
        width: bytes per value where ``block`` is used.
        block: (n, width) bytes, one row per value; None for values of varying length.
        run: all values one after another (varying length only).
        offsets: n + 1 positions in ``run``.
        nulls: True where NULL; None if there is none.
    """

    width: int = 0
    block: Bytes | None = None
    run: Bytes | None = None
    offsets: NDArray[np.int64] | None = None
    nulls: NDArray[np.bool_] | None = None

    @property
    def dense(self) -> bool:
        return self.block is not None and self.nulls is None

    def fixed(self, start: int, stop: int) -> Bytes:
        assert self.block is not None
        return self.block[start:stop]

    def lengths(self, start: int, stop: int) -> NDArray[np.int64]:
        """Bytes of each value, −1 for NULL."""
        if self.block is not None:
            lengths = np.full(stop - start, self.width, dtype=np.int64)
        else:
            assert self.offsets is not None
            lengths = np.diff(self.offsets[start : stop + 1])
        if self.nulls is not None:
            lengths = np.where(self.nulls[start:stop], -1, lengths)
        return lengths

    def data(self, start: int, stop: int) -> Bytes:
        """The values that are not NULL, one after another."""
        if self.block is not None:
            block = self.block[start:stop]
            return (block if self.nulls is None else block[~self.nulls[start:stop]]).reshape(-1)
        assert self.run is not None and self.offsets is not None
        return self.run[self.offsets[start] : self.offsets[stop]]


def encode_column(name: str, values: Any, typname: str, srid: int, *, count: int) -> Column:
    """Encode the values of one column.

    Args:
        name: of the column, for messages.
        values: as ``copy_frame`` takes them.
        typname: PostgreSQL's internal name of the column's type.
        srid: of a geometry column, else −1 or 0.
        count: number of rows.

    Raises:
        InputError: the type is not supported, or a value does not fit it.
    """
    try:
        if typname == "geometry":
            return _geometry(values, srid, count)
        if isinstance(values, (str, bytes, int, float, bool, dict, type(None))) or not hasattr(
            values, "__len__"
        ):
            values = [values] * count
        if typname.startswith("_"):
            return _array_column(values, typname)
        if typname in _FIXED:
            return _fixed(values, *_FIXED[typname])
        if typname in _TEXTS:
            return _text(values, typname)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, struct.error) as error:
        raise InputError(
            f"列“{name}”中有与类型 {typname} 不符的值：{error}", details={"column": name, "type": typname}
        ) from error
    raise InputError(f"列“{name}”的类型 {typname} 不能批量载入。", details={"column": name, "type": typname})


def _days(values: NDArray[Any]) -> NDArray[Any]:
    return values - _EPOCH_DAYS


def _microseconds(values: NDArray[Any]) -> NDArray[Any]:
    return values - _EPOCH_MICROSECONDS


_Shift = Callable[[NDArray[Any]], NDArray[Any]]
# arrow type, integer or float type on this machine, type on the wire, shift of the epoch
_FIXED: dict[str, tuple[pa.DataType, str, str, _Shift | None]] = {
    "bool": (pa.bool_(), "u1", "u1", None),
    "int2": (pa.int16(), "i2", ">i2", None),
    "int4": (pa.int32(), "i4", ">i4", None),
    "int8": (pa.int64(), "i8", ">i8", None),
    "float4": (pa.float32(), "f4", ">f4", None),
    "float8": (pa.float64(), "f8", ">f8", None),
    "date": (pa.date32(), "i4", ">i4", _days),
    "timestamp": (pa.timestamp("us"), "i8", ">i8", _microseconds),
    "timestamptz": (pa.timestamp("us", tz="UTC"), "i8", ">i8", _microseconds),
}
_TEXTS = {"text", "varchar", "bpchar", "name", "json", "jsonb", "bytea"}


def _arrow(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values.cast(kind)
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        return pa.array(values.data, type=kind, mask=mask)
    if isinstance(values, np.ndarray) and values.dtype.kind in "US":
        values = values.tolist()
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return pa.array(values.astype("datetime64[us]")).cast(kind)
    # Arrow cuts fractions off when it is told to make whole numbers, but refuses to cast them.
    whole = pa.types.is_integer(kind)
    made = pa.array(values, from_pandas=True) if whole else pa.array(values, type=kind, from_pandas=True)
    if isinstance(made, pa.ChunkedArray):
        made = made.combine_chunks()
    return made if made.type == kind else made.cast(kind)


def _nulls(array: pa.Array) -> NDArray[np.bool_] | None:
    return np.asarray(array.is_null()) if array.null_count else None


def _fixed(values: Any, kind: pa.DataType, local: str, wire: str, shift: _Shift | None) -> Column:
    array = _arrow(values, kind)
    nulls = _nulls(array)
    if pa.types.is_boolean(kind):
        plain = np.asarray(array.fill_null(False)).astype(np.uint8)
    else:
        buffer = array.buffers()[1]
        plain = np.frombuffer(buffer, dtype=local)[array.offset : array.offset + len(array)]
        plain = plain if shift is None else shift(plain)
    width = np.dtype(wire).itemsize
    block = np.ascontiguousarray(plain.astype(wire)).view(np.uint8).reshape(len(array), width)
    return Column(width=width, block=block, nulls=nulls)


def _text(values: Any, typname: str) -> Column:
    if typname in {"json", "jsonb"}:
        values = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
    if typname == "jsonb":
        # the wire wants a version number before the text
        values = [None if v is None else "\x01" + v for v in values]
    return _run(_arrow(values, pa.large_binary() if typname == "bytea" else pa.large_string()))


def _run(array: pa.Array) -> Column:
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    if not len(array):
        offsets = np.zeros(1, dtype=np.int64)
    buffer = array.buffers()[2]
    run = np.frombuffer(buffer, dtype=np.uint8) if buffer is not None else np.empty(0, dtype=np.uint8)
    return Column(run=run, offsets=offsets, nulls=_nulls(array))


# element type → its oid and packing
_ELEMENTS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "_text": (_TEXT_OID, lambda v: str(v).encode()),
    "_varchar": (1043, lambda v: str(v).encode()),
    "_int2": (21, struct.Struct(">h").pack),
    "_int4": (23, struct.Struct(">i").pack),
    "_int8": (20, struct.Struct(">q").pack),
    "_float8": (701, struct.Struct(">d").pack),
}


def _array_column(values: Any, typname: str) -> Column:
    """One-dimensional arrays: dimensions, flag, element type, length and lower bound, then the elements."""
    if typname not in _ELEMENTS:
        raise ValueError(f"array of {typname[1:]}")
    oid, pack = _ELEMENTS[typname]
    encoded: list[bytes | None] = []
    for value in values:
        if value is None or isinstance(value, float):  # a gap in a frame is a NaN
            encoded.append(None)
            continue
        items = [None if item is None else pack(item) for item in value]
        head = struct.pack(">iii", 1 if items else 0, int(None in items), oid)
        body = struct.pack(">ii", len(items), 1) if items else b""
        parts = (
            b"\xff\xff\xff\xff" if item is None else struct.pack(">i", len(item)) + item for item in items
        )
        encoded.append(head + body + b"".join(parts))
    return _run(pa.array(encoded, type=pa.large_binary()))


def _geometry(values: Any, srid: int, count: int) -> Column:
    if isinstance(values, tuple) and len(values) == 2:
        return _points(np.asarray(values[0], dtype=np.float64), np.asarray(values[1], dtype=np.float64), srid)
    if values is None or isinstance(values, (bytes, shapely.Geometry)):
        values = [values] * count
    items = np.asarray(values, dtype=object)
    first = next((v for v in items if v is not None), None)
    if isinstance(first, shapely.Geometry):
        if (shapely.get_type_id(items) == 0).all() and not (
            shapely.has_z(items) | shapely.is_empty(items)
        ).any():
            return _points(shapely.get_x(items), shapely.get_y(items), srid)
        items = shapely.to_wkb(shapely.set_srid(items, max(srid, 0)), include_srid=True, byte_order=1)
    return _run(pa.array(items.tolist(), type=pa.large_binary(), from_pandas=True))


def _points(x: NDArray[np.float64], y: NDArray[np.float64], srid: int) -> Column:
    record = np.zeros(len(x), dtype=_POINT)
    record["order"] = 1
    record["type"] = _POINT_TYPE
    record["srid"] = max(srid, 0)
    record["x"] = x
    record["y"] = y
    missing = np.isnan(x) | np.isnan(y)
    block = record.view(np.uint8).reshape(len(x), _POINT.itemsize)
    return Column(width=_POINT.itemsize, block=block, nulls=missing if missing.any() else None)

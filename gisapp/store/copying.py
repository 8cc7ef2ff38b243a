"""Fast loading: columns of arrays into a table through PostgreSQL's binary COPY.

The rows are encoded column by column with numpy into the wire format (PostgreSQL manual, COPY, binary format) while the
rows before are on their way to the server, so that one core encodes and another one sends. No text is formatted and no
row object is ever made. Everything happens in the caller's transaction: what fails leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table

from gisapp.errors import InputError
from gisapp.store.wire import Bytes, Column, encode_column

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"

#: rows encoded at a time: small enough for the processor's cache, large enough that Python's share does not show
CHUNK_ROWS = 1 << 15

_TYPES = """
SELECT a.attname, t.typname, postgis_typmod_srid(CASE WHEN t.typname = 'geometry' THEN a.atttypmod ELSE -1 END)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""


def copy_frame(
    connection: Connection,
    table: Table | str,
    columns: Mapping[str, Any],
    *,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Append rows to a table.

    Args:
        connection: its transaction is used; temporary tables of the session are seen.
        table: a table of the store, or a name as SQL writes it (``"onemap.building"``, ``"staged"``).
        columns: by name of the table's column, one of

            * a sequence of n values: numpy array, list, pandas series or arrow array. None, NaN, NaT and masked values
              become NULL. Instants for ``timestamptz`` are aware datetimes, or ``datetime64`` in UTC;
            * one plain value (text, number, None, …) for all rows;
            * for a geometry column: shapely geometries, WKB bytes, or a pair of arrays ``(x, y)`` for points
              (longitude, latitude in degrees for a geographic column).
        progress: called with the number of rows sent so far, chunk by chunk.

    Returns:
        number of rows sent.

    Raises:
        InputError: unknown table or column, columns of different length, or a value that does not fit its column.
    """
    name = table if isinstance(table, str) else _quoted(table)
    raw: Any = connection.connection
    with raw.cursor() as cursor:
        cursor.execute(_TYPES, (name,))
        types = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
        if not types:
            raise InputError(f"没有表“{name}”。", remedy="先运行数据库迁移。")
        unknown = [column for column in columns if column not in types]
        if unknown:
            raise InputError(f"表“{name}”没有列：{'、'.join(unknown)}。", details={"columns": unknown})
        count = _row_count(columns)
        encoded = [
            (column, encode_column(column, values, *types[column], count=count))
            for column, values in columns.items()
        ]
        # Columns of fixed width without a NULL first: together they are one block that moves in one piece per row.
        encoded.sort(key=lambda pair: not pair[1].dense)
        names = ", ".join(_quote(column) for column, _ in encoded)
        stream = _Stream(rows(tuple(c for _, c in encoded), count), progress)
        try:
            cursor.copy_expert(f"COPY {name} ({names}) FROM STDIN (FORMAT binary)", stream, 1 << 20)
        finally:
            stream.close()
        return count


def rows(columns: tuple[Column, ...], count: int, chunk: int = CHUNK_ROWS) -> Iterator[tuple[int, bytes]]:
    """The wire format of all rows: ``(rows so far, bytes)``, header and trailer included."""
    yield 0, _HEADER
    field_count = np.frombuffer(len(columns).to_bytes(2, "big"), dtype=np.uint8)
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        yield stop, _chunk(columns, start, stop, field_count)
    yield count, _TRAILER


def _chunk(columns: tuple[Column, ...], start: int, stop: int, field_count: Bytes) -> bytes:
    n = stop - start
    dense = [c for c in columns if c.dense]
    width = 2 + sum(4 + c.width for c in dense)
    block = np.empty((n, width), dtype=np.uint8)
    block[:, :2] = field_count
    at = 2
    for column in dense:
        block[:, at : at + 4] = np.frombuffer(column.width.to_bytes(4, "big"), dtype=np.uint8)
        block[:, at + 4 : at + 4 + column.width] = column.fixed(start, stop)
        at += 4 + column.width
    rest = [c for c in columns if not c.dense]
    if not rest:
        return block.tobytes()

    lengths = [c.lengths(start, stop) for c in rest]
    payloads = [np.maximum(length, 0) for length in lengths]
    row_sizes = np.full(n, width + 4 * len(rest), dtype=np.int64)
    for payload in payloads:
        row_sizes += payload
    ends = np.cumsum(row_sizes)
    out = np.empty(int(ends[-1]), dtype=np.uint8)
    cursor = ends - row_sizes
    _scatter_fixed(out, cursor, block)
    cursor = cursor + width
    for column, length, payload in zip(rest, lengths, payloads, strict=True):
        _scatter_fixed(out, cursor, length.astype(">i4").view(np.uint8).reshape(n, 4))
        cursor = cursor + 4
        _scatter(out, cursor, payload, column.data(start, stop))
        cursor = cursor + payload
    return out.tobytes()


def _scatter_fixed(out: Bytes, where: NDArray[np.int64], block: Bytes) -> None:
    out[where[:, None] + np.arange(block.shape[1])] = block


def _scatter(out: Bytes, where: NDArray[np.int64], sizes: NDArray[np.int64], data: Bytes) -> None:
    """Move consecutive pieces of ``data`` of the given sizes to the given places."""
    if not len(data):
        return
    source = np.cumsum(sizes) - sizes
    out[np.repeat(where - source, sizes) + np.arange(len(data))] = data


def _row_count(columns: Mapping[str, Any]) -> int:
    lengths: dict[str, int] = {}
    for name, values in columns.items():
        if isinstance(values, tuple) and len(values) == 2 and all(hasattr(v, "__len__") for v in values):
            lengths[name] = len(values[0])
        elif hasattr(values, "__len__") and not isinstance(values, (str, bytes, dict)):
            lengths[name] = len(values)
    sizes = set(lengths.values())
    if len(sizes) > 1:
        raise InputError(f"各列行数不一致：{lengths}。", details={"lengths": lengths})
    return sizes.pop() if sizes else 1


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(table: Table) -> str:
    return ".".join(_quote(part) for part in (table.schema, table.name) if part)


class _Stream:
    """A file to read from whose next piece a thread prepares meanwhile, so that encoding and sending overlap."""

    def __init__(self, chunks: Iterator[tuple[int, bytes]], progress: Callable[[int], None] | None) -> None:
        self._chunks = chunks
        self._progress = progress
        self._encoder = ThreadPoolExecutor(1, "copy-encoder")
        self._ahead = self._encoder.submit(next, chunks, None)

    def read(self, _size: int = -1) -> bytes:
        chunk = self._ahead.result()
        if chunk is None:
            return b""
        self._ahead = self._encoder.submit(next, self._chunks, None)
        done, data = chunk
        if self._progress is not None and done:
            self._progress(done)
        return data

    def close(self) -> None:
        self._encoder.shutdown(cancel_futures=True)

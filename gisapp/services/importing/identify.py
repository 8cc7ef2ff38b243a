"""What makes a row the same row next time, and how a change is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.importing.importer import Batch, Importer
from gisapp.services.importing.shapes import Shape

_SEPARATOR = "\x1f"


def row_digests(
    columns: Sequence[Sequence[Any]], count: int, *, size: int = 16, key: bytes = b""
) -> list[str]:
    """One hexadecimal digest a row over its values, which are taken in the order of the columns.

    Args:
        key: of at most 64 bytes; without it anybody can try out values until a digest fits.
    """
    if not columns:
        return [""] * count
    blake = hashlib.blake2b
    return [
        blake(_SEPARATOR.join(map(str, values)).encode(), digest_size=size, key=key).hexdigest()
        for values in zip(*columns, strict=True)
    ]


def positions(batch: Batch, decimals: int) -> list[str]:
    """Longitude and latitude of each row as text; 6 decimals are a decimetre."""
    lon, lat = batch.lon.round(decimals).tolist(), batch.lat.round(decimals).tolist()
    return [f"{x:.{decimals}f},{y:.{decimals}f}" for x, y in zip(lon, lat, strict=True)]


def source_keys(importer: Importer, batch: Batch) -> list[str]:
    """The second half of each row's identity: its number in the source, else a digest of what stands for it.

    These have no key, which could be lost and would then double every row; so they are never made of what is closed to
    readers (people are found by ``Importer.match`` instead).
    """
    columns = [batch.column(name) for name in importer.identity]
    if importer.at_position or not columns:
        columns.append(positions(batch, 6))
    made = row_digests(columns, len(batch), size=12)
    given = batch.column("source_key")
    keys = [str(g) if g is not None else m for g, m in zip(given, made, strict=True)]
    for i in np.flatnonzero(batch.part > 0):
        keys[i] = f"{keys[i]}/{int(batch.part[i]) + 1}"
    return keys


def distinguish_parts(importer: Importer, batch: Batch, keys: list[str]) -> int:
    """Tell apart the pieces of one line or area that a source (map tiles, sheets of a survey) has cut up: rows of one
    number at different positions get the position added to their key. Points of one number stay what they are, a mistake.

    Args:
        keys: changed in place.

    Returns:
        number of rows concerned.
    """
    if importer.shape not in (Shape.LINE, Shape.POLYGON) or batch.shapes is None:
        return 0
    rows_of: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        rows_of.setdefault(key, []).append(i)
    repeated = [i for rows in rows_of.values() if len(rows) > 1 for i in rows]
    if repeated:
        where = row_digests([positions(batch.take(np.array(repeated)), 6)], len(repeated), size=4)
        for i, mark in zip(repeated, where, strict=True):
            keys[i] = f"{keys[i]}@{mark}"
    return len(repeated)


def digests(importer: Importer, batch: Batch, key: bytes) -> list[str]:
    """A digest of all that an import stores of each row, geometry included, place key not.

    Args:
        key: for rows that hold personal data. With another key than last time a row counts as changed, and is stored as
            it is; it is not found by its digest, so it is never doubled.

    Raises:
        ValueError: personal data and no key (a programming error).
    """
    if importer.personal and not key:
        raise ValueError(f"digests of {importer.kind} need a key")
    columns: list[Sequence[Any]] = [batch.column(name) for name in importer.stored_fields]
    if batch.shapes is not None:
        columns.append([w.hex() for w in _wkb(batch.shapes)])
    elif np.isfinite(batch.lon).any():
        columns.append(positions(batch, 9))
    return row_digests(columns, len(batch), key=key if importer.personal else b"")


def _wkb(shapes: NDArray[np.object_]) -> list[bytes]:
    return list(shapely.to_wkb(shapes, byte_order=1))


def refuse_repeated(batch: Batch, keys: Sequence[tuple[Any, ...]], contents: Sequence[str]) -> None:
    """Of rows of equal key within one file the first is kept."""
    seen: dict[tuple[Any, ...], int] = {}
    for i, key in enumerate(keys):
        first = seen.setdefault(key, i)
        if first == i:
            continue
        row = int(batch.rows[first])
        if contents[first] == contents[i]:
            batch.refuse(i, "整行", "", f"与第 {row} 行完全相同", "已保留前一行，可删去这一行。")
        else:
            batch.refuse(
                i, "来源编号", "", f"与第 {row} 行编号相同而内容不同", "请改正编号，或删去其中一行。"
            )

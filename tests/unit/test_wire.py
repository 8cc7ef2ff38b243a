"""The wire format against a plain encoder that follows the manual word by word."""

import json
import struct
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gisapp.errors import InputError
from gisapp.store.copying import rows
from gisapp.store.wire import encode_column

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def plain_value(value, kind):
    """One value as the manual writes it."""
    if kind in {"int2", "int4", "int8", "float8"}:
        return struct.pack({"int2": ">h", "int4": ">i", "int8": ">q", "float8": ">d"}[kind], value)
    if kind == "bool":
        return b"\x01" if value else b"\x00"
    if kind == "date":
        return struct.pack(">i", (value - EPOCH.date()).days)
    if kind == "timestamptz":
        return struct.pack(">q", (value - EPOCH) // timedelta(microseconds=1))
    if kind == "jsonb":
        return b"\x01" + json.dumps(value, ensure_ascii=False).encode()
    if kind == "text":
        return value.encode()
    if kind == "_text":
        body = b"".join(struct.pack(">i", len(v.encode())) + v.encode() for v in value)
        head = struct.pack(">iii", 1 if value else 0, 0, 25)
        return head + (struct.pack(">ii", len(value), 1) if value else b"") + body
    return shapely.to_wkb(shapely.set_srid(value, 4490), include_srid=True, byte_order=1)


def plain_rows(columns, kinds):
    out = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
    for values in zip(*columns, strict=True):
        out += struct.pack(">h", len(kinds))
        for value, kind in zip(values, kinds, strict=True):
            if value is None:
                out += struct.pack(">i", -1)
            else:
                encoded = plain_value(value, kind)
                out += struct.pack(">i", len(encoded)) + encoded
    return out + struct.pack(">h", -1)


TEXT = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",)), max_size=12)
VALUES = {
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "date": st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    "timestamptz": st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    "text": TEXT,
    "jsonb": st.dictionaries(TEXT, st.integers(), max_size=3),
    "_text": st.lists(TEXT, max_size=4),
    "geometry": st.builds(shapely.Point, st.floats(-180, 180), st.floats(-90, 90))
    | st.builds(lambda x: shapely.box(x, 0, x + 1, 1), st.floats(-180, 180)),
}


@given(st.data())
def test_every_row_is_what_the_manual_says(data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
    count = data.draw(st.integers(0, 9))
    columns = [
        data.draw(
            st.lists(
                VALUES[kind] | st.none() if data.draw(st.booleans()) else VALUES[kind],
                min_size=count,
                max_size=count,
            )
        )
        for kind in kinds
    ]
    encoded = [encode_column("c", c, kind, 4490, count=count) for c, kind in zip(columns, kinds, strict=True)]
    order = sorted(range(len(kinds)), key=lambda i: not encoded[i].dense)
    chunk = data.draw(st.integers(1, 4))
    got = b"".join(piece for _, piece in rows(tuple(encoded[i] for i in order), count, chunk))
    assert got == plain_rows([columns[i] for i in order], [kinds[i] for i in order])


def test_arrays_series_and_arrow_give_what_lists_give():
    expected = encode_column("c", [1, 2, 3], "int4", 0, count=3).block.tobytes()
    for values in (
        np.array([1, 2, 3]),
        np.array([1.0, 2.0, 3.0]),
        pd.Series([1, 2, 3]),
        pa.array([1, 2, 3]),
        range(1, 4),
    ):
        assert encode_column("c", values, "int4", 0, count=3).block.tobytes() == expected
    sliced = encode_column("c", pa.array([0, 1, 2, 3])[1:], "int4", 0, count=3)
    assert sliced.block.tobytes() == expected
    texts = encode_column("c", pa.array(["x", "a", "b"])[1:], "text", 0, count=2)
    assert texts.data(0, 2).tobytes() == b"ab"


def test_gaps_become_null():
    for values, kind in (
        (np.array([1.0, np.nan]), "int4"),
        (np.array([1.0, np.nan]), "float8"),
        (pd.Series(["a", None]), "text"),
        (np.array(["2024-01-01", "NaT"], dtype="datetime64[s]"), "timestamptz"),
        (np.ma.MaskedArray([1, 2], mask=[False, True]), "int8"),
        ((np.array([1.0, np.nan]), np.array([1.0, 2.0])), "geometry"),
    ):
        assert encode_column("c", values, kind, 4490, count=2).nulls.tolist() == [False, True]


def test_points_as_arrays_are_points_as_shapes():
    shapes = np.array([shapely.Point(120, 30), shapely.Point(121, 31)], dtype=object)
    one = encode_column("g", (np.array([120.0, 121.0]), np.array([30.0, 31.0])), "geometry", 4490, count=2)
    two = encode_column("g", shapes, "geometry", 4490, count=2)
    assert one.block.tobytes() == two.block.tobytes() == b"".join(plain_value(s, "geometry") for s in shapes)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["x"], "int4"),
        ([2**40], "int4"),
        ([1.5], "int4"),
        (["a"], "tsvector"),
        ([[1]], "_uuid"),
        (["2024"], "date"),
    ],
)
def test_values_that_do_not_fit_name_their_column(values, kind):
    with pytest.raises(InputError, match="数量"):
        encode_column("数量", values, kind, 0, count=1)

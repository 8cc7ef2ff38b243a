"""Binary COPY against what PostgreSQL itself reads back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Connection, text

from gisapp.errors import InputError
from gisapp.store.copying import CHUNK_ROWS, copy_frame

TABLE = (
    "CREATE TEMPORARY TABLE pile (id bigint, small smallint, n integer, ratio double precision, rough real, ok boolean, "
    "day date, at timestamptz, note text, short varchar(20), extra jsonb, tags text[], codes integer[], "
    "geom geometry(Point, 4490), shape geometry(Geometry, 4490))"
)


@pytest.fixture
def pile(connection: Connection) -> Connection:
    connection.execute(text(TABLE))
    return connection


def test_every_type_with_values_and_gaps(pile):
    columns = {
        "id": np.arange(3),
        "small": 7,
        "n": np.array([1.0, np.nan, -3.0]),
        "ratio": [1.5, None, float("inf")],
        "rough": [0.5, None, 0.25],
        "ok": [True, None, False],
        "day": [date(2024, 2, 29), None, date(1899, 12, 31)],
        "at": [
            datetime(2024, 1, 1, 8, tzinfo=UTC),
            None,
            datetime(1969, 7, 20, 20, 17, 40, 123456, tzinfo=UTC),
        ],
        "note": ["你好，\t\\N", None, ""],
        "short": pd.Series(["a", None, "c"]),
        "extra": [{"名": [1, None]}, None, "[]"],
        "tags": [["x,y", '"{}'], None, []],
        "codes": [[1, None, 3], [], None],
        "geom": (np.array([120.1, np.nan, -180.0]), np.array([30.2, 1.0, 90.0])),
        "shape": [shapely.Point(1, 2), None, shapely.box(0, 0, 1, 1)],
    }
    assert copy_frame(pile, "pile", columns) == 3
    rows = pile.execute(text("SELECT * FROM pile ORDER BY id")).all()
    assert rows[0][:13] == (
        *(
            0,
            7,
            1,
            1.5,
            0.5,
            True,
            date(2024, 2, 29),
            datetime(2024, 1, 1, 8, tzinfo=UTC),
            "你好，\t\\N",
            "a",
        ),
        *({"名": [1, None]}, ["x,y", '"{}'], [1, None, 3]),
    )
    assert rows[1] == (1, 7, *[None] * 10, [], None, None)
    assert (
        rows[2][3] == float("inf")
        and rows[2][7] == columns["at"][2]
        and rows[2][8] == ""
        and rows[2][11] == []
    )
    shapes = pile.execute(text("SELECT ST_AsEWKT(geom), ST_AsEWKT(shape) FROM pile ORDER BY id")).all()
    assert shapes[0] == ("SRID=4490;POINT(120.1 30.2)", "SRID=4490;POINT(1 2)")
    assert shapes[2][1].startswith("SRID=4490;POLYGON")


def test_more_rows_than_one_chunk_with_progress(pile):
    count = 2 * CHUNK_ROWS + 17
    rng = np.random.default_rng(5)
    notes = [None if i % 7 == 0 else "字" * int(rng.integers(0, 9)) for i in range(count)]
    seen: list[int] = []
    copy_frame(pile, "pile", {"id": np.arange(count), "note": notes}, progress=seen.append)
    assert seen[-1] == count and seen == sorted(seen) and len(seen) >= 3
    found = pile.execute(text("SELECT count(*), count(note), sum(length(note)), sum(id) FROM pile")).one()
    there = [n for n in notes if n is not None]
    assert tuple(found) == (count, len(there), sum(map(len, there)), count * (count - 1) // 2)


def test_nothing_is_a_number_of_rows_too(pile):
    assert (
        copy_frame(
            pile, "pile", {"id": np.array([], dtype=int), "note": [], "geom": (np.array([]), np.array([]))}
        )
        == 0
    )


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": ["x"]}, "id"),
        ({"nothing": [1]}, "nothing"),
        ({"id": [1, 2], "n": [1]}, "行数不一致"),
        ({"n": [2**40]}, "n"),
        ({"n": [1.5]}, "n"),
        ({"extra": [{"a": {1, 2}}]}, "extra"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(pile, columns, said):
    with pytest.raises(InputError, match=said):
        copy_frame(pile, "pile", columns)
    assert pile.execute(text("SELECT count(*) FROM pile")).scalar() == 0


def test_an_unknown_table(pile):
    with pytest.raises(InputError, match="没有表"):
        copy_frame(pile, "onemap.nothing", {"id": [1]})


def test_a_failing_encoder_ends_the_copy(pile):
    class Angry(list):
        def __iter__(self):
            raise ValueError("no")

    with pytest.raises(InputError):
        copy_frame(pile, "pile", {"extra": Angry([json])})

"""Array literals carry exactly what a bound list would."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gisapp.domain.access import SYSTEM
from gisapp.store.arrays import instants, numbers, words
from gisapp.store.database import Database

several = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(database: Database, literal: str, type_: str) -> list[Any]:
    with database.begin(SYSTEM) as connection:
        found = connection.execute(text(f"SELECT CAST(:literal AS {type_}[])"), {"literal": literal})
        return list(found.scalar_one())


@several
@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_floating_numbers(database: Database, values: list[float | None]) -> None:
    found = read(database, numbers(values), "float8")
    assert found == values
    assert [math.copysign(1, v) for v in found if v is not None] == [
        math.copysign(1, v) for v in values if v is not None
    ]


@several
@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers(database: Database, values: list[int]) -> None:
    assert read(database, numbers(values), "bigint") == values


@several
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_texts_of_any_content(database: Database, values: list[str]) -> None:
    assert read(database, words(values), "text") == values


def test_texts_that_look_like_something_else(database: Database) -> None:
    values = ["", "NULL", "{}", "a,b", '"', "\\", '\\"', "' OR 1", " x ", "网格", ":name", "%s"]
    assert read(database, words(values), "text") == values


def test_instants_to_the_microsecond_in_any_zone(database: Database) -> None:
    at = datetime(2025, 3, 5, 23, 59, 59, 999_999, UTC)
    values = [
        at,
        at.astimezone(timezone(timedelta(hours=8))),
        at.astimezone(timezone(timedelta(minutes=-210))),
    ]
    assert read(database, instants(values), "timestamptz") == values

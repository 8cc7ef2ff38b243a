"""What statements leave behind: an error without their values, and a line in the log where they took long."""

from __future__ import annotations

import logging

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gisapp.domain.access import SYSTEM
from gisapp.errors import StorageFull, Unavailable
from gisapp.store import database as module
from gisapp.store.database import Database

SECRET = "张三丰"


def test_an_error_does_not_repeat_the_parameters(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.begin(SYSTEM) as connection:
        connection.execute(
            text("SELECT gone FROM onemap.event WHERE title = :title OR 1 = 2"), {"title": "x" + SECRET}
        )
    # The driver's own line shows a piece of the statement; what SQLAlchemy adds must not show the values.
    assert "hidden" in str(caught.value) and f"'title': 'x{SECRET}'" not in str(caught.value)


def test_only_a_statement_that_takes_long_is_named_and_without_its_values(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOW_S", 0.2)
    with caplog.at_level(logging.WARNING, "onemap.database"), database.begin(SYSTEM) as connection:
        connection.execute(text("SELECT :name, 1"), {"name": SECRET})
        connection.execute(text("SELECT :name, pg_sleep(0.3)"), {"name": SECRET})
        connection.execute(text("SELECT :name, 2"), {"name": SECRET})
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("a statement took 0.") and line.endswith("SELECT %(name)s, pg_sleep(0.3)")


@pytest.mark.parametrize(
    ("thrown", "expected"),
    [
        (psycopg2.errors.DiskFull("no space"), StorageFull),
        (psycopg2.OperationalError("gone"), Unavailable),
        (psycopg2.InterfaceError("connection already closed"), Unavailable),
    ],
)
def test_what_ends_a_copy_is_told_like_what_ends_a_statement(
    database: Database, thrown: psycopg2.Error, expected: type[Unavailable]
) -> None:
    with pytest.raises(Unavailable) as told, database.begin(SYSTEM):
        raise thrown
    assert type(told.value) is expected and told.value.remedy
    assert str(thrown) not in told.value.message

"""Who is behind a token: asked for together, answered each by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from gisapp.api.session import Sessions
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import Unavailable
from gisapp.services import accounts
from gisapp.store.database import Database

PASSWORD = "a-password-of-tests"


@pytest.fixture(scope="module")
def tokens(database: Database) -> dict[str, str]:
    """Tokens of three accounts by login."""
    found = {}
    for login in ("anna", "bei", "chen"):
        accounts.save_user(
            database, login=login, name=login, role=Role.LEADER, scopes=["330103"], password=PASSWORD
        )
        found[login] = accounts.sign_in(database, login, PASSWORD).token
    return found


def test_each_token_is_answered_by_its_own_account(database: Database, tokens: dict[str, str]) -> None:
    async def ask() -> list[str | None]:
        sessions = Sessions(database)
        wanted = [*tokens.values(), "unknown", *reversed(tokens.values())]
        readers = await asyncio.gather(*(sessions.reader(token) for token in wanted))
        return [reader and reader.login for reader in readers]

    assert asyncio.run(ask()) == ["anna", "bei", "chen", None, "chen", "bei", "anna"]


def test_those_that_ask_meanwhile_share_one_look_up(
    database: Database, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Event(), threading.Event()
    looked: list[list[str]] = []
    look = accounts.readers_of

    def slow(database: Database, asked: Sequence[str]) -> dict[str, tuple[Reader, datetime]]:
        looked.append(sorted(asked))
        begun.set()
        assert gate.wait(20)
        return look(database, asked)

    monkeypatch.setattr(accounts, "readers_of", slow)
    anna, bei, chen = tokens.values()

    async def ask() -> list[Any]:
        sessions = Sessions(database)
        first = asyncio.create_task(sessions.reader(anna))
        assert await asyncio.to_thread(begun.wait, 20)
        others = [asyncio.create_task(sessions.reader(token)) for token in (bei, chen, bei)]
        for _ in range(20):
            await asyncio.sleep(0)
        others[2].cancel()  # who gives up takes nothing away from who asked the same
        gate.set()
        readers = await asyncio.gather(first, *others[:2])
        again = [await sessions.reader(token) for token in (anna, bei)]
        return [reader and reader.login for reader in [*readers, *again]]

    assert asyncio.run(ask()) == ["anna", "bei", "chen", "anna", "bei"]
    assert looked == [[anna], sorted([bei, chen])]


def test_a_look_up_that_fails_is_told_and_the_next_one_is_tried(
    tokens: dict[str, str], database: Database
) -> None:
    async def ask() -> str:
        sessions = Sessions(Database("postgresql://nobody@127.0.0.1:1/nothing", connections=2))
        with pytest.raises(Unavailable):
            await sessions.reader(tokens["anna"])
        sessions._database = database
        reader = await sessions.reader(tokens["anna"])
        assert reader is not None
        return reader.login

    assert asyncio.run(ask()) == "anna"


def test_an_odd_token_does_not_trouble_those_that_are_looked_up_with_it(
    database: Database, tokens: dict[str, str]
) -> None:
    odd = ["\ud800", "\x00", "é" * 10_000, ""]

    async def ask() -> list[str | None]:
        sessions = Sessions(database)
        readers = await asyncio.gather(*(sessions.reader(token) for token in [*odd, tokens["anna"]]))
        return [reader and reader.login for reader in readers]

    assert asyncio.run(ask()) == [None, None, None, None, "anna"]


def test_a_record_that_makes_no_reader_is_nobody_and_the_others_are_found(
    database: Database, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = accounts._reader

    def strict(row: Any) -> Reader:
        if row["login"] == "bei":
            raise ValueError("no such role")
        return make(row)

    monkeypatch.setattr(accounts, "_reader", strict)
    found = accounts.readers_of(database, list(tokens.values()))
    assert sorted(reader.login for reader, _ in found.values()) == ["anna", "chen"]


def test_where_a_common_look_up_fails_each_is_looked_up_by_itself(
    database: Database, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = accounts.readers_of
    asked: list[int] = []

    def picky(database: Database, wanted: Sequence[str]) -> dict[str, tuple[Reader, datetime]]:
        asked.append(len(wanted))
        if tokens["bei"] in wanted:
            raise KeyError("a fault")
        return look(database, wanted)

    monkeypatch.setattr(accounts, "readers_of", picky)

    async def ask() -> list[Any]:
        sessions = Sessions(database)
        return await asyncio.gather(*(sessions.reader(t) for t in tokens.values()), return_exceptions=True)

    anna, bei, chen = asyncio.run(ask())
    assert (anna.login, chen.login) == ("anna", "chen") and isinstance(bei, KeyError)
    assert asked == [3, 1, 1, 1]


def test_an_account_that_is_withdrawn_or_signed_out_is_nobody(
    database: Database, tokens: dict[str, str]
) -> None:
    accounts.sign_out(database, tokens["bei"])
    with database.begin(SYSTEM) as connection:
        connection.execute(text("UPDATE onemap.app_user SET active = false WHERE login = 'chen'"))
    found = accounts.readers_of(database, list(tokens.values()))
    assert [reader.login for reader, _ in found.values()] == ["anna"]

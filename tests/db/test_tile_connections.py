"""Connections for tiles: long statements, connections that the server closes, waiters who go away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg2
import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM
from gisapp.errors import InputError
from gisapp.store.database import Database
from gisapp.store.tile_connections import TileConnections


def _with(database: Database, script: Callable[[TileConnections], Awaitable[None]], *, size: int = 1) -> None:
    async def run() -> None:
        connections = TileConnections(database, size)
        try:
            await script(connections)
        finally:
            connections.close()

    asyncio.run(run())


def test_a_statement_longer_than_what_a_socket_takes_at_once(database: Database) -> None:
    async def script(connections: TileConnections) -> None:
        long = "x" * 20_000_000
        assert await connections.fetch(f"SELECT length('{long}')") == (20_000_000,)
        assert await connections.fetch("SELECT 1; SELECT 2") == (2,)
        (back,) = await connections.fetch("SELECT repeat('y', 20000000)")
        assert len(back) == 20_000_000

    _with(database, script)


def test_a_connection_that_the_server_closed_is_opened_anew(database: Database) -> None:
    async def script(connections: TileConnections) -> None:
        (first,) = await connections.fetch("SELECT pg_backend_pid()")
        assert await connections.fetch("SELECT pg_backend_pid()") == (first,), "kept open"

        def end() -> None:
            with database.begin(SYSTEM) as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": first})

        await asyncio.to_thread(end)
        (second,) = await connections.fetch("SELECT pg_backend_pid()")
        assert second != first

    _with(database, script)


def test_a_closed_connection_is_not_watched_any_more(database: Database) -> None:
    async def script(connections: TileConnections) -> None:
        (pid,) = await connections.fetch("SELECT pg_backend_pid()")
        (wire,) = connections._idle
        descriptor = wire._descriptor

        def end() -> None:
            with database.begin(SYSTEM) as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})

        await asyncio.to_thread(end)
        # It is readable for ever: a loop that went on watching it would do nothing else.
        for _ in range(500):
            if wire._descriptor < 0:
                break
            await asyncio.sleep(0.02)
        assert wire._descriptor == -1
        assert not asyncio.get_running_loop().remove_reader(descriptor)

    _with(database, script)


def test_an_error_of_the_statement_is_told_and_costs_the_connection_only(database: Database) -> None:
    async def script(connections: TileConnections) -> None:
        with pytest.raises(psycopg2.errors.UndefinedColumn):
            await connections.fetch("SELECT no_such_column")
        with pytest.raises(InputError):  # of a value
            await connections.fetch("SELECT 1 / 0")
        assert await connections.fetch("SELECT 3") == (3,)

    _with(database, script)


def test_who_goes_away_leaves_no_half_read_answer(database: Database) -> None:
    async def script(connections: TileConnections) -> None:
        gone = asyncio.create_task(connections.fetch("SELECT pg_sleep(60), 'old'"))
        while connections._free != 0:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await connections.fetch("SELECT 'new'") == ("new",)

    _with(database, script)

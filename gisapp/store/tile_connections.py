"""Connections for tiles: non-blocking, in autocommit, one round trip a tile.

A tile is one simple query ``SELECT set_config(…, true), …; SELECT …``: PostgreSQL runs it as one implicit transaction, so
the reader's scope holds for exactly that statement. psycopg2's asynchronous mode lets the event loop wait for the
server; a thread for each tile would cost more than the tile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import psycopg2
from psycopg2 import extensions

from gisapp.domain.access import Reader
from gisapp.errors import OnemapError, Unavailable
from gisapp.store.database import Database, carried, unfit_value

_OPTIONS = (
    "-c search_path=onemap,public -c timezone=Asia/Shanghai -c jit=off -c statement_timeout=20000 "
    "-c max_parallel_workers_per_gather=0"
)
_CONNECT_SECONDS = 10.0
_WAIT_SECONDS = 20.0


def scope_statement(reader: Reader) -> str:
    """What has to stand before a tile's statement; place keys are digits, roles identifiers: nothing needs escaping."""
    values = carried(reader)
    carry = ", ".join(f"set_config('onemap.{name}', '{value}', true)" for name, value in values.items())
    return f"SELECT {carry}; "


class TileConnections:
    """A small pool of asynchronous connections of one event loop.

    Args:
        database: whose address and role are used.
        size: upper bound of open connections; further requests wait for their turn.
    """

    def __init__(self, database: Database, size: int = 8) -> None:
        self._dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._idle: list[_Wire] = []
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def fetch(self, statement: str) -> tuple[Any, ...]:
        """First row of the last statement of a simple query.

        Raises:
            Unavailable: the database does not answer in time.
            InputError: a value is one that the database cannot hold.
        """
        await self._take()
        try:
            while True:
                reused = bool(self._idle)
                connection = self._idle.pop() if reused else await self._connect()
                try:
                    row = await connection.run(statement)
                except BaseException as error:
                    # After a failure, or when the request was dropped half-way, the state is unknown.
                    connection.close()
                    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
                        if reused and not isinstance(error, extensions.QueryCanceledError):
                            continue  # the server closed it while it was idle
                        raise _silent() from error
                    if isinstance(error, (psycopg2.DataError, ValueError)):
                        raise unfit_value(error) from None
                    raise
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)
                return row
        finally:
            self._give()

    async def _connect(self) -> _Wire:
        try:
            connection = psycopg2.connect(self._dsn, options=_OPTIONS, async_=True)
            await asyncio.wait_for(_connected(connection), _CONNECT_SECONDS)
        except (psycopg2.Error, TimeoutError) as error:
            raise _silent() from error
        return _Wire(connection)

    async def _take(self) -> None:
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait_for(turn, _WAIT_SECONDS)
        except TimeoutError as error:
            raise _silent() from error
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give()
            raise

    def _give(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def close(self) -> None:
        """Close idle connections now and the others when their tile is done."""
        self._closed = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()


def _silent() -> OnemapError:
    return Unavailable("数据库暂时没有应答。", remedy="请稍后再试；若一直如此，请运行 ./onemap doctor 查看。")


async def _connected(connection: Any) -> None:
    """Wait until a connection stands; the descriptor may change on the way to it."""
    loop = asyncio.get_running_loop()
    while (state := connection.poll()) != extensions.POLL_OK:
        done: asyncio.Future[None] = loop.create_future()
        descriptor = connection.fileno()
        reading = state == extensions.POLL_READ
        add, remove = (
            (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
        )
        add(descriptor, _settle, done)
        try:
            await done
        finally:
            remove(descriptor)


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class _Wire:
    """One connection whose descriptor the event loop watches as long as it is open.

    To begin and end watching for each statement would cost two calls of the system and a handle a tile.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._descriptor: int = connection.fileno()
        self._waiter: asyncio.Future[None] | None = None
        self._writing = False
        self._loop.add_reader(self._descriptor, self._go_on)

    async def run(self, statement: str) -> tuple[Any, ...]:
        """First row of the last statement of a simple query."""
        cursor = self._connection.cursor()
        cursor.execute(statement)
        self._waiter = self._loop.create_future()
        self._go_on()
        try:
            await self._waiter
        finally:
            self._waiter = None
        row: tuple[Any, ...] = cursor.fetchone()
        return row

    def _go_on(self) -> None:
        """Take what has come; called when there is something to read, or room to write."""
        waiter = self._waiter
        try:
            state = self._connection.poll()
        except psycopg2.Error as error:
            # The server has closed it: readable for ever, so it is not watched any more; the next use says so.
            self._forget()
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
            return
        wants_to_write = state == extensions.POLL_WRITE
        if wants_to_write != self._writing:
            self._writing = wants_to_write
            if wants_to_write:
                self._loop.add_writer(self._descriptor, self._go_on)
            else:
                self._loop.remove_writer(self._descriptor)
        if state == extensions.POLL_OK and waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _forget(self) -> None:
        if self._descriptor >= 0 and not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
            if self._writing:
                self._loop.remove_writer(self._descriptor)
        self._descriptor = -1

    def close(self) -> None:
        """Close it, in whatever state it is."""
        self._forget()
        self._connection.close()

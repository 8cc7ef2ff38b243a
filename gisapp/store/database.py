"""The database as services see it: transactions that carry the reader's scope."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gisapp.domain.access import Reader
from gisapp.errors import InputError, StorageFull, Unavailable

log = logging.getLogger("onemap.database")

#: a statement that takes longer is named in the log, without its values; the server's own log would hold those
SLOW_S = 5.0
_BEGUN = "onemap_begun"

_CARRY = text(
    "SELECT set_config('onemap.scopes', :scopes, true), set_config('onemap.reader', :reader, true), "
    "set_config('onemap.role', :role, true)"
)
_SESSION_OPTIONS = (
    "-c search_path=onemap,public -c timezone=Asia/Shanghai -c jit=off -c statement_timeout=600000"
)


def engine_url(url: str | URL) -> URL:
    """The address with the one driver of the project, psycopg2, whatever driver it names."""
    return make_url(url).set(drivername="postgresql+psycopg2")


def make_engine(url: str | URL, **options: Any) -> Engine:
    """An engine for an address; every engine of the program is made here.

    Its errors do not repeat the parameters of a statement: they would carry names and numbers into logs.

    Args:
        options: as ``sqlalchemy.create_engine`` takes them.
    """
    return create_engine(engine_url(url), hide_parameters=True, **options)


class Database:
    """A pool of connections of the application's role; every transaction names its reader.

    Args:
        url: SQLAlchemy or libpq address (``postgresql://…``).
        connections: upper bound of open connections.
        options: further ``-c name=value`` settings of each session.
    """

    def __init__(self, url: str, *, connections: int = 24, options: str = "") -> None:
        self.url = engine_url(url)
        self.engine = make_engine(
            self.url,
            pool_size=min(8, connections),
            max_overflow=max(0, connections - 8),
            pool_timeout=20,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={"options": f"{_SESSION_OPTIONS} {options}".strip(), "connect_timeout": 10},
        )
        event.listen(self.engine, "before_cursor_execute", _begin_clock)
        event.listen(self.engine, "after_cursor_execute", _tell_if_slow)
        event.listen(self.engine, "handle_error", _refuse_value)

    @contextmanager
    def begin(self, reader: Reader) -> Iterator[Connection]:
        """One transaction carrying the reader's scope; committed at the end, rolled back on any error.

        Raises:
            Unavailable: the database does not answer, or its disk is full.
            InputError: a statement failed because of a value that the database cannot hold.
        """
        try:
            with self.engine.begin() as connection:
                connection.execute(_CARRY, carried(reader))
                yield connection
        # The driver's own errors are those of a COPY, which SQLAlchemy does not see.
        except (OperationalError, PoolTimeout, psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            if isinstance(getattr(error, "orig", error), psycopg2.errors.DiskFull):
                raise StorageFull(
                    "数据库所在的磁盘已满，没有保存。", remedy="请联系管理员清理磁盘后重试。"
                ) from error
            raise Unavailable(
                "数据库暂时没有应答。", remedy="请稍后再试；若一直如此，请运行 ./onemap doctor 查看。"
            ) from error
        except InputError as error:
            if isinstance(error.__cause__, (psycopg2.Error, ValueError, OverflowError)):
                error.__cause__ = error.__context__ = None  # the driver's words hold the value
            raise
        except psycopg2.DataError as error:  # of a COPY, which SQLAlchemy does not see
            raise unfit_value(error) from None
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable("与数据库的连接中断。", remedy="请稍后再试。") from error
            raise

    def listen(self) -> psycopg2.extensions.connection:
        """A connection of its own in autocommit, for LISTEN; the caller closes it."""
        connection = psycopg2.connect(
            self.url.set(drivername="postgresql").render_as_string(hide_password=False),
            options=_SESSION_OPTIONS,
            connect_timeout=10,
        )
        connection.autocommit = True
        return connection

    def close(self) -> None:
        """Close all idle connections."""
        self.engine.dispose()


def _refuse_value(context: ExceptionContext) -> None:
    """What services did not refuse themselves and the database or its driver cannot take: the last line, not the check.

    Raises:
        InputError: a text with NUL or half a character, a number or an instant out of the column's range.
    """
    error = context.original_exception
    if isinstance(error, (psycopg2.DataError, ValueError, OverflowError)):
        raise unfit_value(error) from None


def unfit_value(error: BaseException) -> InputError:
    """What to say where a value was refused by the database; its own words, which hold the value, are not kept."""
    log.warning(
        "a value was refused by the database: %s", getattr(error, "pgcode", None) or type(error).__name__
    )
    return InputError(
        "有一项内容超出了数据库能保存的范围，没有保存。",
        remedy="请核对所填的文字、数字和时间后重试。",
        details={"field": "value"},
    )


def carried(reader: Reader) -> Mapping[str, Any]:
    """What a transaction carries of its reader: the scope as a PostgreSQL array literal, the id, and the role."""
    prefixes = ",".join(f'"{prefix}"' for prefix in reader.scope.prefixes)
    return {"scopes": "{" + prefixes + "}", "reader": str(reader.user_id), "role": str(reader.role)}


def _begin_clock(connection: Connection, *_: Any) -> None:
    connection.info[_BEGUN] = time.monotonic()


def _tell_if_slow(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    seconds = time.monotonic() - connection.info.pop(_BEGUN, time.monotonic())
    if seconds > SLOW_S:
        log.warning("a statement took %.1f s: %s", seconds, " ".join(statement.split())[:300])

"""Who looks, and at which database: what pages and callbacks ask of the request they run for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from dash import Dash

from gisapp.api.session import reader_here
from gisapp.domain.access import Reader
from gisapp.errors import NotSignedIn
from gisapp.services.scopes import ScopeSummary, describe_scope
from gisapp.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")

_SCOPE_SECONDS = 60.0
_NOWHERE = ScopeSummary("", "", None)
_scope: ContextVar[ScopeSummary] = ContextVar("scope", default=_NOWHERE)


def current_reader() -> Reader:
    """The signed-in reader of this page or callback.

    Raises:
        NotSignedIn: nobody is signed in, or the session has ended.
    """
    reader = reader_here()
    if not reader.scope:
        raise NotSignedIn("尚未登录或登录已过期。", remedy="请重新登录后继续。")
    return reader


def database(app: Dash) -> Database:
    """The application's database, opened by its lifespan."""
    found: Database = app.server.state.database
    return found


async def call(
    app: Dash, service: Callable[Concatenate[Database, Reader, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run ``service(database, reader, …)`` in a thread: the event loop serves tiles meanwhile.

    Raises:
        NotSignedIn: nobody is signed in.
    """
    return await asyncio.to_thread(service, database(app), current_reader(), *args, **kwargs)


def scope_of(app: Dash, reader: Reader) -> ScopeSummary:
    """Name and box of a reader's scope, remembered for a minute: every page frames its map with it."""
    known: dict[Any, tuple[float, ScopeSummary]] = app.server.state.scope_cache
    found = known.get(reader.scope)
    if found is None or time.monotonic() - found[0] > _SCOPE_SECONDS:
        found = (time.monotonic(), describe_scope(database(app), reader))
        known[reader.scope] = found
    return found[1]


def scope_here() -> ScopeSummary:
    """Name and box of the reader's scope while a page is being laid out; empty elsewhere."""
    return _scope.get()


def set_scope_here(app: Dash, reader: Reader) -> ScopeSummary:
    """Look the reader's scope up for the layout that follows in this context."""
    found = scope_of(app, reader)
    _scope.set(found)
    return found

"""Opening the application's database outside the server: commands and notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gisapp.config import load_settings
from gisapp.store.database import Database


@contextmanager
def opened() -> Iterator[Database]:
    """The database that the settings name, closed at the end.

    Raises:
        InputError: the settings name none.
    """
    settings = load_settings()
    database = Database(settings.database_url, connections=settings.database_connections)
    try:
        yield database
    finally:
        database.close()

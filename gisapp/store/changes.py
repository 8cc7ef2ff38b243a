"""The record of changes that revisions of data are summed from."""

from __future__ import annotations

from sqlalchemy import Connection, func, select


def fold(connection: Connection) -> None:
    """Fold the rows of each family into one; every revision stays what it is."""
    connection.execute(select(func.onemap.fold_changes()))

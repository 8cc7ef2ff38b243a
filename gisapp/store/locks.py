"""Locks by district, for work that reads the records of places and writes what was derived from them.

Two who do so for one district would each overwrite what the other has added; those for different districts need not wait.
All are held until the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from gisapp.domain.keys import Level

_WHOLE = {
    True: text("SELECT pg_advisory_xact_lock_shared(hashtext(:name))"),
    False: text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
}
_DISTRICT = {
    True: text("SELECT pg_advisory_xact_lock_shared(hashtext(:name), :district)"),
    False: text("SELECT pg_advisory_xact_lock(hashtext(:name), :district)"),
}


def lock_districts(
    connection: Connection, name: str, prefixes: Iterable[str], *, shared: bool = False
) -> None:
    """Wait until nobody else works on the same districts, and keep others waiting until the end of the transaction.

    Args:
        name: of the work.
        prefixes: place keys or shorter prefixes; one above a district stands for all districts.
        shared: keep only those waiting who do not share.
    """
    found = set(prefixes)
    everywhere = any(len(prefix) < Level.DISTRICT for prefix in found)
    connection.execute(_WHOLE[shared or not everywhere], {"name": name})
    if not everywhere:
        # In one order, so that two can never wait for each other.
        for district in sorted({int(prefix[: Level.DISTRICT]) for prefix in found}):
            connection.execute(_DISTRICT[shared], {"name": name, "district": district})

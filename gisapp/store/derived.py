"""Derived data: counts of people by building, counts by cell for low zooms, entries of the search.

They are made from the registers after bulk changes, within the prefixes that have changed. Everything happens in the
caller's transaction, so that nobody sees registers and what was derived from them out of step.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, text

from gisapp.store.locks import lock_districts
from gisapp.store.sqlfiles import load_sql

ENTRY_COLUMNS = (
    "kind", "subject_id", "place", "title", "subtitle", "key", "code", "pinyin", "initials", "grams", "weight", "geom",
)  # fmt: skip
_NAMES = ", ".join(ENTRY_COLUMNS)
_STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS staged_entry (kind text, subject_id bigint, place text, title text, subtitle text, "
    "key text, code text, pinyin text, initials text, grams integer[], weight smallint, geom public.geometry(point, 4490)) "
    "ON COMMIT DELETE ROWS"
)
# What is the same stays as it is: most entries outlive most changes, and the index of pairs is dear to write.
_GONE = """
DELETE FROM onemap.search_entry e
 WHERE e.place ^@ ANY(CAST(:prefixes AS text[]))
   AND (CAST(:kind AS text) IS NULL OR e.kind = :kind AND e.subject_id = ANY(CAST(:ids AS bigint[])))
   AND NOT EXISTS (
     SELECT 1 FROM staged_entry s
      WHERE s.kind = e.kind AND s.subject_id = e.subject_id AND s.place = e.place AND s.title = e.title
        AND s.subtitle = e.subtitle AND s.key = e.key AND s.code = e.code AND s.weight = e.weight
        AND s.geom IS NOT DISTINCT FROM e.geom)
"""
_NEW = f"""
INSERT INTO onemap.search_entry ({_NAMES})
SELECT {", ".join("s." + name for name in ENTRY_COLUMNS)} FROM staged_entry s
 WHERE NOT EXISTS (
   SELECT 1 FROM onemap.search_entry e
    WHERE e.kind = s.kind AND e.subject_id = s.subject_id AND e.place = s.place)
   -- What lies above a reader's scope is seen by it, but not its to write.
   AND (NOT row_security_active('onemap.search_entry') OR s.place ^@ ANY(onemap.scopes()))
 ORDER BY s.weight, s.place
"""


def hold(connection: Connection, prefixes: Sequence[str]) -> None:
    """Let those who derive anew within the same districts take turns: before anything is read."""
    lock_districts(connection, "onemap.derived", prefixes)


def refresh_population(connection: Connection, prefixes: Sequence[str]) -> None:
    """Count people by building again."""
    hold(connection, prefixes)
    connection.execute(
        text("SELECT onemap.refresh_population(CAST(:prefixes AS text[]))"), {"prefixes": list(prefixes)}
    )


def refresh_density(connection: Connection, prefixes: Sequence[str]) -> None:
    """Count components by cell again."""
    hold(connection, prefixes)
    connection.execute(text(load_sql("derived/density")), {"prefixes": list(prefixes)})


def searchable(
    connection: Connection,
    prefixes: Sequence[str],
    type_names: Sequence[str],
    kind: str | None = None,
    ids: Sequence[int] | None = None,
) -> Sequence[Any]:
    """Rows ``kind, id, place, title, code, other, weight, geom`` (hexadecimal EWKB) of what can be searched for."""
    result = connection.execute(
        text(load_sql("derived/searchable")),
        {
            "prefixes": list(prefixes),
            "type_names": list(type_names),
            "kind": kind,
            "ids": None if ids is None else list(ids),
        },
    )
    return result.all()


def region_names(connection: Connection) -> dict[str, str]:
    """Names of regions and of the grids in force by place key."""
    rows = connection.execute(
        text(
            "SELECT place, name FROM onemap.region UNION ALL SELECT place, name FROM onemap.grid "
            "WHERE valid_to IS NULL"
        )
    )
    return {row.place: row.name for row in rows}


def replace_entries(
    connection: Connection,
    entries: Iterable[Sequence[str]],
    prefixes: Sequence[str],
    kind: str | None = None,
    ids: Sequence[int] | None = None,
) -> None:
    """Make the stored entries within the prefixes (or of the ids of a kind) equal to the given ones.

    Args:
        entries: values in the order of ``ENTRY_COLUMNS`` as PostgreSQL's text format has them, ``\\N`` for null.
    """
    connection.execute(text(_STAGE))
    connection.execute(text("TRUNCATE staged_entry"))
    raw: Any = connection.connection
    with raw.cursor() as cursor:
        cursor.copy_expert(f"COPY staged_entry ({_NAMES}) FROM STDIN", _Lines(entries), 1 << 18)
    connection.execute(text("ANALYZE staged_entry"))
    given = {"prefixes": list(prefixes), "kind": kind, "ids": list(ids or [])}
    connection.execute(text(_GONE), given)
    connection.execute(text(_NEW))


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class _Lines(io.RawIOBase):
    """Rows as a file that is made while it is read."""

    def __init__(self, rows: Iterable[Sequence[str]]) -> None:
        self._rows = iter(rows)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            lines = []
            for _, row in zip(range(2000), self._rows, strict=False):
                lines.append("\t".join(v if v == "\\N" else v.translate(_ESCAPES) for v in row))
            if not lines:
                break
            self._rest += ("\n".join(lines) + "\n").encode()
        size = len(self._rest) if size < 0 else size
        out, self._rest = self._rest[:size], self._rest[size:]
        return out

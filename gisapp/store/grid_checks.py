"""Whether every row that carries a place key carries the right one: set by set, in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, ForeignKeyConstraint, text

from gisapp.store.grid_rekeying import FAMILIES
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables import metadata


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A row with another key, or a count with another number, than it should have.

    Attributes:
        table: its table.
        id: what names it there: the id, a login, worker and instant of a position, the key of a count.
        stored: the key, or the number, that it has.
        wanted: what it should be; None where no grid holds it, or what it stands for is there no more.
    """

    table: str
    id: str
    stored: str
    wanted: str | None


def misplaced(connection: Connection, prefix: str, every: int) -> list[Misplaced]:
    """All rows within a prefix that do not carry the right key. Closed cases are facts and keep the grid that they had.

    Args:
        connection: of a reader who sees everything.
        prefix: place key that narrows; empty for all.
        every: of the positions, one of so many is looked at.
    """
    found: list[Misplaced] = []
    for table, statement in _statements():
        values = {"prefix": prefix, "every": every} if table == "fix" else {"prefix": prefix}
        for row in connection.execute(text(statement), values).mappings():
            found.append(Misplaced(row.get("table", table), row["id"], row["stored"], row["wanted"]))
    return found


def count_fixes(connection: Connection, prefix: str) -> int:
    """Number of stored positions within a prefix."""
    query = text("SELECT count(*) FROM onemap.fix WHERE place ^@ CAST(:prefix AS text)")
    return int(connection.execute(query, {"prefix": prefix}).scalar_one())


def _statements() -> Iterator[tuple[str, str]]:
    for family in FAMILIES:
        statement = load_sql("grids_check/family").replace("{table}", family.table)
        yield (
            family.table,
            statement.replace("{point}", family.point).replace("{condition}", family.condition),
        )
    for child, parent, column in _children():
        statement = load_sql("grids_check/child").replace("{child}", child)
        yield child, statement.replace("{parent}", parent).replace("{column}", column)
    yield "", load_sql("grids_check/named")
    yield "search_entry", load_sql("grids_check/search")
    yield "", load_sql("grids_check/counts")
    yield "fix", load_sql("grids_check/fixes")


def _children() -> Iterator[tuple[str, str, str]]:
    """Tables whose key follows that of another: child, parent, and the child's column with the parent's id."""
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint) and "place" in constraint.column_keys:
                (column,) = (name for name in constraint.column_keys if name != "place")
                yield table.name, constraint.referred_table.name, column

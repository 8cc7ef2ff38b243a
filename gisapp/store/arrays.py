"""Columns of values as PostgreSQL's array literals.

A list that is bound as it stands becomes one expression a value in the text of the statement, which takes longer to write
and to parse than the rows take to store. A literal is one text; ``CAST(:name AS bigint[])`` in the SQL reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def numbers(values: Iterable[float | None]) -> str:
    """Whole or floating numbers, exactly; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def instants(values: Iterable[datetime]) -> str:
    """Instants with their zone."""
    return "{" + ",".join([value.isoformat() for value in values]) + "}"


def words(values: Iterable[str]) -> str:
    """Texts of any content."""
    return "{" + ",".join([f'"{_escaped(value)}"' for value in values]) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"') if '"' in value or "\\" in value else value

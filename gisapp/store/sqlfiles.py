"""SQL in files: ``store/sql/NAME.sql``, each with a header that says purpose, parameters and index used."""

from __future__ import annotations

from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent / "sql"


@cache
def load_sql(name: str) -> str:
    """Text of ``store/sql/<name>.sql``; parameters are bound as ``:name`` by SQLAlchemy's ``text``.

    Raises:
        FileNotFoundError: no such file (a programming error).
    """
    return (ROOT / f"{name}.sql").read_text(encoding="utf-8")

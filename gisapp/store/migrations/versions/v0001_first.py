"""First version: all tables, functions and triggers, frozen as SQL; row security follows in ``env.py``."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Connection

from gisapp.store.sqlfiles import load_sql

revision = "0001"
down_revision = None

_LEAKPROOF = """
DO $$
BEGIN
  -- Under row security PostgreSQL uses an index only for operators that cannot leak values through errors.
  -- These only compare boxes, patterns and numbers; a server on which we are no superuser works without, but slower.
  ALTER FUNCTION public.geometry_overlaps(geometry, geometry) LEAKPROOF;
  ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
  ALTER FUNCTION pg_catalog.arraycontains(anyarray, anyarray) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'geometry_overlaps, textlike and arraycontains stay without LEAKPROOF';
END $$
"""


def _run(connection: Connection, script: str) -> None:
    """Run a script of several statements as it stands, percent signs included."""
    cursor = connection.connection.cursor()
    cursor.execute(script)
    cursor.close()


def upgrade() -> None:
    connection = op.get_bind()
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for script in ("v0001_before_tables", "v0001_tables", "v0001_functions"):
        _run(connection, load_sql(f"schema/{script}"))
    _run(connection, _LEAKPROOF)


def downgrade() -> None:
    op.execute("DROP SCHEMA onemap CASCADE")

"""Fifth version: every function finds what it names whatever the search path is, so that a dump can be restored."""

from __future__ import annotations

from alembic import op

from gisapp.store.sqlfiles import load_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(load_sql("schema/v0005_search_paths"))
    cursor.close()


def downgrade() -> None:
    """Nothing to undo: the functions do as before, and an older program calls them by the same names."""

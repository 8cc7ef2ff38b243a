"""Seventh version: who brought a row, whose numbers it is found by, and the stated instant of a step."""

from __future__ import annotations

from alembic import op

from gisapp.store.sqlfiles import load_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(load_sql("schema/v0007_origins"))
    cursor.close()


def downgrade() -> None:
    raise NotImplementedError("numbers that two accounts have given alike cannot stand under the older rule")

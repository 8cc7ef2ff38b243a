"""Third version: closed cases and people counted by cell beforehand, so that low zooms of a city need not count them."""

from __future__ import annotations

from alembic import op

from gisapp.store.sqlfiles import load_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(load_sql("schema/v0003_densities"))
    cursor.close()


def downgrade() -> None:
    op.execute("DROP TABLE onemap.case_density")
    op.execute("DELETE FROM onemap.density WHERE layer = 'people'")

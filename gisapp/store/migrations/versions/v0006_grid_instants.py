"""Sixth version: grids hold from an instant to an instant, and it is known which grid a worker had before it vanished."""

from __future__ import annotations

from alembic import op

from gisapp.store.sqlfiles import load_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(load_sql("schema/v0006_grid_instants"))
    cursor.close()


def downgrade() -> None:
    op.execute("DROP TABLE onemap.worker_former_grid")
    op.execute(
        "ALTER TABLE onemap.grid "
        "ALTER COLUMN valid_from TYPE date USING (valid_from AT TIME ZONE 'Asia/Shanghai')::date, "
        "ALTER COLUMN valid_to TYPE date USING (valid_to AT TIME ZONE 'Asia/Shanghai')::date"
    )
    op.execute(
        "ALTER TABLE onemap.grid_version ALTER COLUMN valid_from TYPE date "
        "USING coalesce((valid_from AT TIME ZONE 'Asia/Shanghai')::date, planned_for)"
    )
    op.execute("ALTER TABLE onemap.grid_version ALTER COLUMN valid_from SET NOT NULL")
    op.execute(
        "ALTER TABLE onemap.grid_version DROP COLUMN planned_for, DROP COLUMN problem, DROP COLUMN problem_since"
    )

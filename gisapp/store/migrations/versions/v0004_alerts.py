"""Fourth version: a withdrawn alert is not an open one, and alerts are found by worker."""

from __future__ import annotations

from alembic import op

from gisapp.store.sqlfiles import load_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(load_sql("schema/v0004_alerts"))
    cursor.close()


def downgrade() -> None:
    op.execute("DROP INDEX onemap.ix_alert_worker")
    # What the older index would refuse: withdrawn ones that never ended.
    op.execute(
        "UPDATE onemap.alert SET returned_at = raised_at WHERE withdrawn_at IS NOT NULL AND returned_at IS NULL"
    )
    op.execute("DROP INDEX onemap.ux_alert_open")
    op.execute(
        "CREATE UNIQUE INDEX ux_alert_open ON onemap.alert (rule, worker_id) "
        "WHERE returned_at IS NULL AND worker_id IS NOT NULL"
    )

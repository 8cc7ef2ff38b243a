"""Second version: gateways read nothing, and digests of people are no longer what anybody could compute."""

from __future__ import annotations

from alembic import op

from gisapp.store.sqlfiles import load_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(load_sql("schema/v0002_gateways"))
    cursor.close()


def downgrade() -> None:
    raise NotImplementedError("an older program must not take a gateway for somebody who may read")

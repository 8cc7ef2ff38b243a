"""Alembic's environment: one connection, one transaction for all versions."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from gisapp.store.database import engine_url
from gisapp.store.tables import SCHEMA, metadata

engine = create_engine(engine_url(context.config.attributes["url"]))
with engine.connect() as connection:
    # Two programs that start at once migrate one after the other.
    connection.execute(text("SELECT pg_advisory_lock(hashtext('onemap.migrate'))"))
    connection.commit()
    context.configure(
        connection=connection, target_metadata=metadata, version_table_schema=SCHEMA, include_schemas=True
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    connection.execute(text("SELECT pg_advisory_unlock(hashtext('onemap.migrate'))"))
    connection.commit()
engine.dispose()

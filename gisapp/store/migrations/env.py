"""Alembic's environment: one connection, one transaction for all versions, and row security derived anew after them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import inspect, text

from gisapp.store.database import make_engine
from gisapp.store.migrations.options import APP_ROLE_ATTRIBUTE
from gisapp.store.security import LEAK_PROOF, is_secured, statements
from gisapp.store.tables import SCHEMA, metadata

engine = make_engine(context.config.attributes["url"])
applied: list[str] = []


def note(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """Remember that a version was applied."""
    applied.append(str(step.up_revision_id))


with engine.connect() as connection:
    # Two programs that start at once migrate one after the other.
    connection.execute(text("SELECT pg_advisory_lock(hashtext('onemap.migrate'))"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        on_version_apply=note,
    )
    app_role = context.config.attributes[APP_ROLE_ATTRIBUTE]
    role = connection.dialect.identifier_preparer.quote(app_role)
    with context.begin_transaction():
        context.run_migrations()
        # A dump holds neither the application's role nor, restored under other names, its grants.
        secured = is_secured(connection, app_role)
        # The server compares the version with its own, see ``store/readiness.py``.
        connection.execute(text(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}"))
        connection.execute(text(f"GRANT SELECT ON {SCHEMA}.alembic_version TO {role}"))
        if applied or not secured:
            # In the same transaction: no table is ever there without its policy.
            found = inspect(connection).get_multi_columns(schema=SCHEMA)
            there = {
                str(name): {column["name"] for column in columns} for (_, name), columns in found.items()
            }
            for statement in statements(metadata, role, there):
                connection.execute(text(statement))
        connection.execute(text(LEAK_PROOF))
    connection.commit()
    connection.execute(text("SELECT pg_advisory_unlock(hashtext('onemap.migrate'))"))
    connection.commit()
engine.dispose()

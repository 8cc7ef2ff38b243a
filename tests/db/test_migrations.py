"""Migrations: what they make is what the tables declare, and running them again changes nothing."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from gisapp.store.database import engine_url
from gisapp.store.migrate import upgrade
from gisapp.store.tables import metadata


def test_the_migrated_database_is_what_the_tables_declare(admin_url: str) -> None:
    engine = create_engine(engine_url(admin_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": "onemap",
                "include_name": lambda name, kind, _parent: kind != "schema" or name == "onemap",
                # Partitions of fixes are made day by day.
                "include_object": lambda _o, name, kind, reflected, _c: (
                    not (kind == "table" and reflected and str(name).startswith("fix_"))
                ),
                "compare_type": True,
                "compare_server_default": False,
            },
        )
        different = compare_metadata(context, metadata)
    engine.dispose()
    assert different == []


def test_columns_are_generated_as_declared(admin_url: str) -> None:
    engine = create_engine(engine_url(admin_url))
    found = inspect(engine)
    for table in metadata.sorted_tables:
        stored = {c["name"] for c in found.get_columns(table.name, schema="onemap") if c.get("computed")}
        assert stored == {c.name for c in table.columns if c.computed is not None}, table.name
    engine.dispose()


def test_running_again_changes_nothing(admin_url: str, app_role: str) -> None:
    engine = create_engine(engine_url(admin_url))
    count = text("SELECT count(*), max(oid::bigint) FROM pg_policy")
    with engine.connect() as connection:
        before = connection.execute(count).one()
    assert upgrade(admin_url, app_role) == "0001"
    with engine.connect() as connection:
        assert connection.execute(count).one() == before
    engine.dispose()

"""Row security and grants, derived from what the tables say of themselves.

``Table.info["scope"]`` names the policy, ``Column.info["personal"]`` the columns that the application's role may not
select, ``Table.info["append_only"]`` the tables that can only grow. So a new table is secured by being declared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection, MetaData, Table, text

_IN_SCOPE = "place ^@ ANY ((SELECT onemap.scopes())::text[])"
_SOMEBODY = "cardinality((SELECT onemap.scopes())) > 0"
"""Whoever sees anything at all. What has no place key (users, sessions) is so closed to a transaction without a scope, and
to a gateway's, which has none to read."""
_POLICIES = {
    "prefix": (_IN_SCOPE, _IN_SCOPE),
    # What lies above the reader is seen (the district of one's street), what is changed lies within.
    "both_ways": (
        f"{_IN_SCOPE} OR EXISTS (SELECT 1 FROM unnest((SELECT onemap.scopes())) s WHERE s ^@ place)",
        _IN_SCOPE,
    ),
    "everyone": (_SOMEBODY, _IN_SCOPE),
    "somebody": (_SOMEBODY, _SOMEBODY),
    "open": ("true", "true"),
}
_NOT_WATCHED = {
    "fix",
    "data_change",
    "app_session",
    "rule_state",
    "look",
    "grid_worker",
    "worker_former_grid",
    "search_entry",
    "grid_draft",
}
"""Tables whose changes no tile shows, or that change with every message."""

LEAK_PROOF = """
DO $$
DECLARE
  found record;
BEGIN
  -- Under row security PostgreSQL uses an index only for operators that cannot leak values through errors.
  -- These only compare boxes, patterns and numbers. The marks belong to the server's own functions, so no dump holds
  -- them; a server on which we are no superuser works without, but slower.
  FOR found IN
    SELECT oid::regprocedure AS name FROM pg_proc
     WHERE NOT proleakproof AND current_setting('is_superuser') = 'on'
       AND oid IN (to_regprocedure('public.geometry_overlaps(public.geometry, public.geometry)'),
                   to_regprocedure('pg_catalog.textlike(text, text)'),
                   to_regprocedure('pg_catalog.arraycontains(anyarray, anyarray)'))
  LOOP
    EXECUTE format('ALTER FUNCTION %s LEAKPROOF', found.name);
  END LOOP;
END $$
"""


def is_secured(connection: Connection, role: str) -> bool:
    """Whether the grants of the application's role are there: they are given all together, in one transaction.

    Args:
        role: name of the application's role.
    """
    return bool(
        connection.scalar(
            text("SELECT has_schema_privilege(CAST(:role AS name), 'onemap', 'USAGE')"), {"role": role}
        )
    )


def keyed_tables(metadata: MetaData) -> list[Table]:
    """All tables that carry a place key, in order of creation."""
    return [table for table in metadata.sorted_tables if "place" in table.columns]


def statements(
    metadata: MetaData, role: str, there: Mapping[str, Collection[str]] | None = None
) -> Iterator[str]:
    """SQL that secures all tables for the application's role; safe to run again.

    Args:
        role: name of the application's role, already quoted for SQL.
        there: names of the tables that the database has, each with those of its columns, where it may be at an earlier
            version; None for all.
    """
    yield f"GRANT USAGE ON SCHEMA onemap, public TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA onemap TO {role}"
    yield "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA onemap FROM PUBLIC"
    yield f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA onemap TO {role}"
    for table in metadata.sorted_tables:
        if there is None or table.name in there:
            yield from _table_statements(table, role, None if there is None else there[table.name])


def _table_statements(table: Table, role: str, there: Collection[str] | None) -> Iterator[str]:
    name = f"onemap.{table.name}"
    columns = [column for column in table.columns if there is None or column.name in there]
    personal = [column.name for column in columns if column.info.get("personal")]
    yield f"REVOKE ALL ON {name} FROM {role}"
    if personal:
        open_columns = ", ".join(f'"{c.name}"' for c in columns if not c.info.get("personal"))
        yield f"GRANT SELECT ({open_columns}) ON {name} TO {role}"
    else:
        yield f"GRANT SELECT ON {name} TO {role}"
    yield f"GRANT INSERT ON {name} TO {role}"
    if not table.info.get("append_only"):
        yield f"GRANT UPDATE, DELETE ON {name} TO {role}"
    visible, writable = _POLICIES[table.info.get("scope", "somebody")]
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"DROP POLICY IF EXISTS reader_scope ON {name}"
    yield f"DROP POLICY IF EXISTS reader_scope_write ON {name}"
    if visible == writable:
        yield f"CREATE POLICY reader_scope ON {name} USING ({visible}) WITH CHECK ({writable})"
    else:
        yield f"CREATE POLICY reader_scope ON {name} FOR SELECT USING ({visible})"
        yield f"CREATE POLICY reader_scope_write ON {name} FOR ALL USING ({writable}) WITH CHECK ({writable})"
    if table.info.get("append_only"):
        yield f"DROP TRIGGER IF EXISTS refuse_rewrite ON {name}"
        yield (
            f"CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION onemap.refuse_rewrite()"
        )
    if "place" in table.columns and table.name not in _NOT_WATCHED:
        yield f"DROP TRIGGER IF EXISTS note_change ON {name}"
        yield (
            f"CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION onemap.note_change()"
        )

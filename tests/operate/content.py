"""What a database holds, in words that two databases can be compared by: rows, counters, and everything around them."""

from __future__ import annotations

import psycopg2

Content = dict[str, str]

# Order-independent: the sum of a digest of each row, and the number of rows.
_ROWS = "SELECT count(*) || ' rows, digest ' || coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint), 0) FROM {} t"
_TABLES = (
    "SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'onemap'::regnamespace AND relkind IN ('r', 'p') "
    "ORDER BY 1"
)
_COUNTERS = "SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'onemap'::regnamespace AND relkind = 'S' ORDER BY 1"
_AROUND = {
    "column": "SELECT attrelid::regclass || '.' || attname, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, "
    "attidentity, attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(attrelid, attnum), attcollation::regcollation) "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef d ON d.adrelid = attrelid "
    "AND d.adnum = attnum WHERE relnamespace = 'onemap'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 "
    "AND NOT attisdropped",
    "table": "SELECT oid::regclass::text, concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity, "
    "pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class')) FROM pg_class "
    "WHERE relnamespace = 'onemap'::regnamespace AND relkind IN ('r', 'p')",
    "index": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'onemap'",
    "constraint": "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'onemap'::regnamespace",
    "policy": "SELECT tablename || '.' || policyname, concat_ws(' ', permissive, roles::text, cmd, qual, with_check) "
    "FROM pg_policies WHERE schemaname = 'onemap'",
    "trigger": "SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(t.oid) || tgenabled::text FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = 'onemap'::regnamespace AND NOT tgisinternal",
    "function": "SELECT oid::regprocedure::text, pg_get_functiondef(oid) FROM pg_proc "
    "WHERE pronamespace = 'onemap'::regnamespace",
    "leakproof": "SELECT oid::regprocedure::text, proleakproof::text FROM pg_proc WHERE oid IN "
    "('public.geometry_overlaps(geometry, geometry)'::regprocedure, 'textlike(text, text)'::regprocedure, "
    "'arraycontains(anyarray, anyarray)'::regprocedure)",
    "grant": "SELECT c.oid::regclass || ' ' || pg_get_userbyid(grantee) || ' ' || privilege_type, is_grantable::text "
    "FROM pg_class c, aclexplode(relacl) WHERE relnamespace = 'onemap'::regnamespace",
    "column grant": "SELECT attrelid::regclass || '.' || attname || ' ' || pg_get_userbyid(grantee) || ' ' || privilege_type, "
    "'' FROM pg_attribute JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl) "
    "WHERE relnamespace = 'onemap'::regnamespace",
    "function grant": "SELECT p.oid::regprocedure || ' ' || grantee::regrole || ' ' || privilege_type, '' FROM pg_proc p, "
    "aclexplode(proacl) WHERE pronamespace = 'onemap'::regnamespace",
    "schema grant": "SELECT grantee::regrole || ' ' || privilege_type, '' FROM pg_namespace, aclexplode(nspacl) "
    "WHERE nspname = 'onemap'",
    "owner": "SELECT c.oid::regclass::text, pg_get_userbyid(relowner) FROM pg_class c "
    "WHERE relnamespace = 'onemap'::regnamespace",
    "extension": "SELECT extname, extversion || ' ' || extnamespace::regnamespace FROM pg_extension",
    "role": "SELECT rolname, concat_ws(' ', rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin) FROM pg_roles "
    "WHERE rolname LIKE 'onemap%'",
}
"""Each gives names and what they are."""


def rows(url: str) -> Content:
    """Number and digest of the rows of every table, and the state of every counter."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path = onemap, public")
        found = {}
        for kind, tables, question in (
            ("rows", _TABLES, _ROWS),
            ("counter", _COUNTERS, "SELECT last_value || ' ' || is_called FROM {}"),
        ):
            cursor.execute(tables)
            for (name,) in cursor.fetchall():
                cursor.execute(question.format(name))
                found[f"{kind} of {name}"] = str(cursor.fetchone()[0])
    connection.close()
    return found


def around(url: str, *, whole: bool = True) -> Content:
    """Columns, keys, policies, triggers, functions, grants, marks, owners, extensions and roles.

    Args:
        whole: fail where there is nothing of a kind.
    """
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path = onemap, public")
        found = {}
        for kind, question in _AROUND.items():
            cursor.execute(question)
            there = cursor.fetchall()
            assert there or not whole, f"no {kind} at all"
            found |= {f"{kind} {name}": str(what) for name, what in there}
    connection.close()
    return found


def different(first: Content, second: Content) -> dict[str, tuple[str | None, str | None]]:
    """What two contents differ in."""
    return {
        key: (first.get(key), second.get(key))
        for key in sorted(first.keys() | second.keys())
        if first.get(key) != second.get(key)
    }


_VALUES = {
    "bigint": "1",
    "integer": "1",
    "smallint": "1",
    "text": "'测试'",
    "text[]": "'{测试}'",
    "jsonb": """'{"甲": 1}'""",
    "boolean": "false",
    "double precision": "1.5",
    "date": "'2026-01-02'",
    "timestamp with time zone": "'2026-01-02 03:04:05+08'",
    "geometry(Point,4490)": "st_setsrid(st_makepoint(120.16, 30.27), 4490)",
    "geometry(Polygon,4490)": "st_makeenvelope(120.16, 30.27, 120.17, 30.28, 4490)",
}


def fill_empty_tables(url: str) -> list[str]:
    """Give every table that the demo place leaves empty one row; their names."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path = onemap, public")
        cursor.execute(_TABLES)
        filled = []
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT EXISTS (SELECT FROM {table}), relispartition FROM pg_class WHERE oid = %s::regclass",
                [table],
            )
            there, part = cursor.fetchone()
            if there or part:
                continue
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass "
                "AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''",
                [table],
            )
            values = {
                n: "'330103003051001'" if n == "place" else _VALUES[kind] for n, kind in cursor.fetchall()
            }
            cursor.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})")
            filled.append(table)
    connection.close()
    return filled

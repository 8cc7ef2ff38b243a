"""Migrations: what they make is what the tables declare, and running them again changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gisapp.store.database import engine_url
from gisapp.store.migrate import upgrade
from gisapp.store.state import _head
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
    assert upgrade(admin_url, app_role) == _head()
    with engine.connect() as connection:
        assert connection.execute(count).one() == before
    engine.dispose()


def test_the_second_version_makes_a_gateway_of_the_old_device_account(
    older_database: Callable[[str], str], app_role: str
) -> None:
    """A database of the first version: its device account was an administrator, digests of people had no key."""
    url = older_database("0001")
    engine = create_engine(engine_url(url))
    with engine.begin() as connection:
        connection.execute(text("SET search_path = onemap, public"))
        connection.execute(
            text(
                "INSERT INTO app_user(login, name, role, scopes, password_hash) VALUES "
                "('device', '终端网关（演示）', 'admin', '{\"\"}', 'x'), ('chief', '管理员', 'admin', '{\"\"}', 'x')"
            )
        )
        connection.execute(
            text(
                "WITH b AS (INSERT INTO building(place, code, geom) VALUES ('330103003051001', 'b', "
                "ST_Multi(ST_MakeEnvelope(120.16, 30.27, 120.161, 30.271, 4490))) RETURNING id, place), "
                "u AS (INSERT INTO building_unit(place, building_id, name, number) SELECT place, id, '1单元', 1 FROM b "
                "RETURNING id, place, building_id), "
                "r AS (INSERT INTO room(place, building_id, unit_id, floor, number) SELECT place, building_id, id, 1, '101' "
                "FROM u RETURNING id, place) "
                "INSERT INTO person(place, room_id, name, id_number, birth_date, sex, residence, digest) "
                "SELECT place, id, '测试甲', '9', '1950-01-01', '女', 'registered', 'unkeyed' FROM r"
            )
        )
    assert upgrade(url, app_role) == _head()
    with engine.begin() as connection:
        accounts = connection.execute(text("SELECT login, role FROM onemap.app_user ORDER BY login")).all()
        assert [tuple(row) for row in accounts] == [("chief", "admin"), ("device", "device")]
        assert connection.execute(text("SELECT digest FROM onemap.person")).scalar_one() is None
        connection.execute(text(f"SET LOCAL ROLE {app_role}"))
        connection.execute(text("SELECT set_config('onemap.scopes', '{\"\"}', true)"))
        count = text("SELECT count(*) FROM onemap.app_user")
        assert connection.execute(count).scalar_one() == 2
        connection.execute(text("SELECT set_config('onemap.role', 'device', true)"))
        assert connection.execute(count).scalar_one() == 0
    engine.dispose()


def test_the_fourth_version_lets_an_alert_follow_one_that_was_withdrawn(
    older_database: Callable[[str], str], app_role: str
) -> None:
    url = older_database("0003")
    assert upgrade(url, app_role) == _head()
    engine = create_engine(engine_url(url))
    add = text(
        "INSERT INTO onemap.alert (place, rule, worker_id, title, opened_at, raised_at, withdrawn_at) "
        "VALUES ('330103003051001', 'outside_grid', 1, '测试', now(), now(), CAST(:gone AS timestamptz))"
    )
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO onemap.grid_worker (id, place, code, name) VALUES (1, '330103003051001', 'w', '测试')"
            )
        )
        connection.execute(add, {"gone": "2026-01-01T00:00:00+08:00"})
        connection.execute(add, {"gone": None})
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(add, {"gone": None})
    engine.dispose()


def test_the_seventh_version_gives_reports_to_whoever_reported(
    older_database: Callable[[str], str], app_role: str
) -> None:
    """Keys of reports were shared by all of a channel, files' rows by whoever saw them; both are still found."""
    url = older_database("0004")
    engine = create_engine(engine_url(url))
    add = text(
        "WITH e AS (INSERT INTO event(place, number, matter_code, class, channel, title, state, reported_at, due_at, geom, "
        "source, source_key) VALUES ('330103003051001', :number, '01001', '01', :channel, '井盖', 'reported', :at, :at, "
        "ST_SetSRID(ST_MakePoint(120.16, 30.27), 4490), :source, :key) RETURNING id, place) "
        "INSERT INTO event_step(place, event_id, number, action, from_state, to_state, actor_id, actor, note, at, recorded_at) "
        "SELECT place, id, 1, 'report', 'reported', 'reported', :actor, '甲', :note, :at, :recorded FROM e"
    )
    at, minute, later = "2026-11-25T08:00:00+08:00", "2026-11-25T08:01:00+08:00", "2026-11-25T08:01:01+08:00"
    reports = [
        # number, channel, source, key, reporter, note, recorded
        ("1", "patrol", "patrol", "k", 5, "", at),
        ("2", "hotline", "hotline", "k", 5, "", minute),
        ("3", "citizen", "citizen", "k", 6, "", later),
        ("4", "patrol", "patrol", "", 5, "", at),
        ("5", "patrol", "patrol", None, 0, "", at),
        ("6", "hotline", "案件", "k", 5, "由文件导入", later),
    ]
    with engine.begin() as connection:
        connection.execute(text("SET search_path = onemap, public"))
        connection.execute(
            text(
                "INSERT INTO app_user(id, login, name, role, scopes, password_hash) VALUES "
                "(5, 'five', '五', 'manager', '{330103001,330103003}', 'x')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO poi(place, name, kind, geom, source, source_key) VALUES ('330103003051001', '甲', '学校', "
                "ST_SetSRID(ST_MakePoint(120.16, 30.27), 4490), 'file', '1')"
            )
        )
        names = ("number", "channel", "source", "key", "actor", "note", "recorded")
        for values in reports:
            connection.execute(add, {"at": at, **dict(zip(names, values, strict=True))})
    assert upgrade(url, app_role) == _head()
    with engine.begin() as connection:
        found = connection.execute(
            text(
                "SELECT e.number, e.source, e.source_key, e.source_account, e.source_scope, s.imported, "
                "s.stated_at IS NOT NULL AS stated FROM onemap.event e JOIN onemap.event_step s ON s.event_id = e.id ORDER BY 1"
            )
        ).all()
        own = "330103001,330103003"
        assert [tuple(row) for row in found] == [
            ("1", "", "k", 5, own, False, False),
            ("2", "", "k", 5, f"{own}#2", False, False),
            ("3", "", "k", 6, "", False, True),
            ("4", "", None, 5, own, False, False),
            ("5", "", None, 0, "", False, False),
            ("6", "案件", "k", None, None, True, False),
        ]
        assert tuple(
            connection.execute(text("SELECT source, source_key, source_account FROM onemap.poi")).one()
        ) == (
            "file",
            "1",
            None,
        )
        with pytest.raises(DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(text("UPDATE onemap.event_step SET note = 'x'"))
    engine.dispose()

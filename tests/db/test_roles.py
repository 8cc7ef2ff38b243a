"""The database and the application's role: made, left alone, or refused with what to do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from gisapp.errors import Conflict, Unavailable
from gisapp.store import roles
from gisapp.store.database import engine_url, make_engine
from gisapp.store.migrate import refuse_newer, upgrade
from gisapp.store.state import describe


def run(url: str | URL, *statements: str) -> None:
    engine = create_engine(engine_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def fresh(server_url: str) -> Iterator[tuple[str, str]]:
    """Addresses (owner, application) of a database that does not exist yet."""
    name = f"onemap_roles_{secrets.token_hex(4)}"
    admin = engine_url(server_url).set(drivername="postgresql", database=name)
    app = admin.set(username=f"{name}_app", password="first")
    yield admin.render_as_string(hide_password=False), app.render_as_string(hide_password=False)
    run(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"DROP ROLE IF EXISTS {name}_app")


def test_database_and_role_are_made_once(fresh: tuple[str, str]) -> None:
    admin, app = fresh
    assert roles.ensure_database(admin)
    assert not roles.ensure_database(admin)
    role = roles.ensure_app_role(admin, app)
    assert role == make_url(app).username
    assert roles.ensure_app_role(admin, app) == role
    upgrade(admin, role)
    assert roles.is_empty(admin)
    state = describe(admin, app)
    assert state["current"]
    assert state["secure"]
    assert "postgis" in state["extensions"]


def test_errors_of_the_application_are_kept_out_of_the_servers_log(fresh: tuple[str, str]) -> None:
    admin, app = fresh
    roles.ensure_database(admin)
    for _ in range(2):  # set once, and left alone from then on
        role = roles.ensure_app_role(admin, app)
        owner, served = make_engine(admin), make_engine(app)
        with owner.connect() as connection:
            asked = text("SELECT rolconfig FROM pg_roles WHERE rolname = :role")
            assert connection.execute(asked, {"role": role}).scalar_one() == ["log_min_messages=log"]
        with served.connect() as connection:
            assert connection.execute(text("SHOW log_min_messages")).scalar_one() == "log"
        owner.dispose()
        served.dispose()


def test_an_owner_who_is_no_superuser_leaves_the_log_as_it_is(
    server_url: str, fresh: tuple[str, str]
) -> None:
    admin, app = fresh
    owner = f"{make_url(admin).database}_owner"
    run(server_url, f"CREATE ROLE {owner} LOGIN CREATEROLE CREATEDB PASSWORD 'x'")
    try:
        as_owner = make_url(admin).set(username=owner, password="x").render_as_string(hide_password=False)
        roles.ensure_database(as_owner)
        role = roles.ensure_app_role(as_owner, app)
        engine = make_engine(admin)
        with engine.connect() as connection:
            asked = text("SELECT rolconfig FROM pg_roles WHERE rolname = :role")
            assert connection.execute(asked, {"role": role}).scalar_one() is None
        engine.dispose()
    finally:
        run(
            server_url,
            f"DROP DATABASE IF EXISTS {make_url(admin).database} WITH (FORCE)",
            f"DROP ROLE IF EXISTS {make_url(app).username}",
            f"DROP ROLE IF EXISTS {owner}",
        )


def test_role_that_bypasses_row_security_is_refused(fresh: tuple[str, str]) -> None:
    admin, app = fresh
    roles.ensure_database(admin)
    role = roles.ensure_app_role(admin, app)
    run(admin, f"ALTER ROLE {role} BYPASSRLS")
    with pytest.raises(Conflict, match="行级权限"):
        upgrade(admin, role)
    assert not describe(admin, app)["secure"]


def test_newer_database_is_left_untouched(fresh: tuple[str, str]) -> None:
    admin, app = fresh
    roles.ensure_database(admin)
    role = roles.ensure_app_role(admin, app)
    refuse_newer(admin)
    upgrade(admin, role)
    refuse_newer(admin)
    run(admin, "UPDATE onemap.alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match=r"9999.*比本程序新"):
        refuse_newer(admin)
    with pytest.raises(Conflict, match=r"9999.*比本程序新") as refused:
        upgrade(admin, role)
    assert refused.value.remedy is not None
    assert not describe(admin, app)["current"]


def test_owner_without_the_right_to_make_roles_is_told_what_to_ask_for(
    server_url: str, fresh: tuple[str, str]
) -> None:
    admin, app = fresh
    roles.ensure_database(admin)
    owner = f"owner_{secrets.token_hex(4)}"
    run(admin, f"CREATE ROLE {owner} LOGIN PASSWORD 'x' NOSUPERUSER NOCREATEROLE NOCREATEDB")
    try:
        poor = engine_url(admin).set(drivername="postgresql", username=owner, password="x")
        with pytest.raises(Unavailable, match="CREATEROLE") as refused:
            roles.ensure_app_role(poor.render_as_string(hide_password=False), app)
        assert "CREATE ROLE" in str(refused.value.remedy)
        missing = poor.set(database=f"missing_{secrets.token_hex(4)}")
        with pytest.raises(Unavailable, match="没有数据库"):
            roles.ensure_database(missing.render_as_string(hide_password=False))
    finally:
        run(server_url, f"DROP ROLE {owner}")


def test_owner_who_may_not_make_extensions_is_told_what_to_ask_for(
    server_url: str, fresh: tuple[str, str]
) -> None:
    admin, app = fresh
    owner = f"owner_{secrets.token_hex(4)}"
    run(server_url, f"CREATE ROLE {owner} LOGIN PASSWORD 'x' CREATEROLE CREATEDB")
    poor = engine_url(admin).set(drivername="postgresql", username=owner, password="x")
    url = poor.render_as_string(hide_password=False)
    try:
        assert roles.ensure_database(url)
        with pytest.raises(Unavailable, match="建立扩展 p") as refused:
            roles.ensure_extensions(url)
        assert "CREATE EXTENSION postgis;" in str(refused.value.remedy)
        run(admin, "CREATE EXTENSION postgis", "CREATE EXTENSION pg_trgm")
        roles.ensure_extensions(url)
        upgrade(url, roles.ensure_app_role(url, app))
        assert describe(url, app)["current"]
    finally:
        run(server_url, f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")
        run(server_url, f"DROP ROLE IF EXISTS {make_url(app).username}", f"DROP ROLE {owner}")


def test_server_that_does_not_answer(fresh: tuple[str, str]) -> None:
    nowhere = "postgresql://somebody:secret@127.0.0.1:1/nothing"
    with pytest.raises(Unavailable, match="连接不上") as refused:
        roles.ensure_database(nowhere)
    assert "secret" not in refused.value.message
    with pytest.raises(Unavailable, match="连接不上"):
        describe(nowhere, fresh[1])

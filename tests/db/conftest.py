"""A real PostGIS for tests: one database made from the migrations, each test in it rolled back or on its own.

``ONEMAP_TEST_DATABASE_URL`` names a server on which a superuser may create databases; ``./onemap test`` sets it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.store import roles
from gisapp.store.database import Database, engine_url
from gisapp.store.migrate import _config, upgrade
from tests.db import grid_world

APP_ROLE = "onemap_app_test"
# The same in every process that tests against one server: a second run must not lock the first one out.
APP_PASSWORD = "onemap-test"


@pytest.fixture(scope="session")
def server_url() -> str:
    """Address of the test server for a superuser."""
    url = os.environ.get("ONEMAP_TEST_DATABASE_URL")
    if not url:
        pytest.fail("set ONEMAP_TEST_DATABASE_URL, or run ./onemap test db")
    return url


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(engine_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def app_role(server_url: str) -> str:
    """The application's role on the test server, without any right to pass row security."""
    _execute(
        server_url,
        f"DO $$ BEGIN CREATE ROLE {APP_ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {APP_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{APP_PASSWORD}'",
    )
    return APP_ROLE


@pytest.fixture(scope="session")
def make_database(server_url: str, app_role: str) -> Iterator[Callable[[], tuple[str, str]]]:
    """A function that makes a fresh migrated database and gives its (admin, application) addresses."""
    made: list[str] = []

    def make() -> tuple[str, str]:
        name = f"onemap_test_{secrets.token_hex(4)}"
        _execute(server_url, f"CREATE DATABASE {name}")
        made.append(name)
        admin = engine_url(server_url).set(drivername="postgresql", database=name)
        app = admin.set(username=app_role, password=APP_PASSWORD)
        upgrade(admin.render_as_string(hide_password=False), app_role)
        return admin.render_as_string(hide_password=False), app.render_as_string(hide_password=False)

    yield make
    for name in made:
        _execute(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def older_database(server_url: str, app_role: str) -> Iterator[Callable[[str], str]]:
    """A function that makes a database of an earlier version and gives its address for the role that owns the tables."""
    made: list[str] = []

    def make(version: str) -> str:
        name = f"onemap_old_{secrets.token_hex(4)}"
        made.append(name)
        address = engine_url(server_url).set(drivername="postgresql", database=name)
        url = address.render_as_string(hide_password=False)
        roles.ensure_database(url)
        roles.ensure_extensions(url)
        engine = create_engine(engine_url(url))
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS onemap"))
        engine.dispose()
        command.upgrade(_config(url, app_role), version)
        return url

    yield make
    for name in made:
        _execute(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def urls(make_database: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """Addresses (admin, application) of a database that one module of tests shares."""
    return make_database()


@pytest.fixture(scope="module")
def database(urls: tuple[str, str]) -> Iterator[Database]:
    """The module's database, as the application sees it."""
    found = Database(urls[1], connections=8)
    yield found
    found.close()


@pytest.fixture(scope="module")
def admin_url(urls: tuple[str, str]) -> str:
    """The module's database, for the role that owns the tables."""
    return urls[0]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction of the system on the module's database that is rolled back at the end."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SELECT set_config('onemap.scopes', '{\"\"}', true)"))
        yield connection
        transaction.rollback()


@pytest.fixture
def reader() -> Callable[..., Reader]:
    """A function that makes a reader: ``reader(Role.MANAGER, '330103003')``."""

    def make(
        role: Role = Role.MANAGER, *scopes: str, user_id: int = 1, worker_id: int | None = None
    ) -> Reader:
        return Reader(user_id, role.value, f"测试{role.value}", role, Scope(scopes), worker_id)

    return make


@pytest.fixture
def system() -> Reader:
    """The system itself: sees everything."""
    return SYSTEM


@pytest.fixture(scope="session")
def template(make_database: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """Addresses (admin, application) of a database with two communities, to be copied."""
    admin, application = make_database()
    database = Database(application, connections=1)
    with database.begin(SYSTEM) as connection:
        grid_world.build(connection)
    database.close()
    return admin, application


@pytest.fixture
def world(template: tuple[str, str], server_url: str) -> Iterator[Database]:
    """A copy of the template for one test: publishing commits, so nothing can be rolled back."""
    name = f"onemap_test_{secrets.token_hex(4)}"
    source = engine_url(template[0]).database
    server = create_engine(engine_url(server_url), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {source}"))
    address = engine_url(template[1]).set(drivername="postgresql", database=name)
    database = Database(address.render_as_string(hide_password=False), connections=6)
    yield database
    database.close()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def manager(reader: Callable[..., Reader]) -> Reader:
    """The grid manager of the western community of ``world``."""
    return reader(Role.MANAGER, grid_world.WEST)

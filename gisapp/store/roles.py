"""The database itself and the application's role: made before the first migration."""

from __future__ import annotations

from psycopg2 import errors
from psycopg2.extensions import connection as DriverConnection
from psycopg2.extensions import quote_ident
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from gisapp.errors import Unavailable
from gisapp.store.database import engine_url, make_engine

EXTENSIONS = ("postgis", "pg_trgm")


def ensure_database(admin_url: str) -> bool:
    """Create the database that an address names, where the server has none of that name.

    Returns:
        whether it was created.

    Raises:
        Unavailable: the server does not answer, or the role may not create databases.
    """
    url = engine_url(admin_url)
    try:
        _ask(url, "SELECT 1")
        return False
    except OperationalError as error:
        if f'database "{url.database}" does not exist' not in str(error.orig):
            raise _unreachable(url) from error
    engine = make_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            name = quote_ident(str(url.database), _driver(connection.connection.driver_connection))
            connection.execute(text(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
    except (OperationalError, ProgrammingError) as error:
        raise Unavailable(
            f"服务器上没有数据库 {url.database}，当前角色也不能建立它。",
            remedy=f"请数据库管理员执行：CREATE DATABASE {url.database} OWNER {url.username}; 再运行一次。",
        ) from error
    finally:
        engine.dispose()
    return True


def ensure_app_role(admin_url: str, app_url: str) -> str:
    """Have the application's role: may sign in, may not bypass row security.

    A role that exists and can sign in as the address says is left alone.

    Returns:
        the role's name.

    Raises:
        Unavailable: it is missing and the administrator's role may not create it.
    """
    app = engine_url(app_url)
    role, password = str(app.username), app.password
    engine = make_engine(admin_url)
    try:
        with engine.begin() as connection:
            driver = _driver(connection.connection.driver_connection)
            name = quote_ident(role, driver)
            known = connection.scalar(text("SELECT true FROM pg_roles WHERE rolname = :role"), {"role": role})
            if not known:
                connection.execute(
                    text(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
                )
            _keep_values_out_of_the_log(connection, role, name)
            if password is not None and not (known and _signs_in(app)):
                connection.execute(text(f"ALTER ROLE {name} PASSWORD :password"), {"password": str(password)})
    except ProgrammingError as error:
        if not isinstance(error.orig, errors.InsufficientPrivilege):
            raise
        raise Unavailable(
            f"当前角色 {make_url(admin_url).username} 没有建立角色的权限（CREATEROLE），无法建立应用角色 {role}。",
            remedy=f"请数据库管理员执行：CREATE ROLE {role} LOGIN NOBYPASSRLS PASSWORD '…'; "
            "并把它的地址放进 ONEMAP_DATABASE_URL；或给当前角色 CREATEROLE。",
        ) from error
    except OperationalError as error:
        raise _unreachable(engine.url) from error
    finally:
        engine.dispose()
    return role


def _keep_values_out_of_the_log(connection: Connection, role: str, name: str) -> None:
    """Let the server's log hold no text of the application's errors: it repeats values, such as a name that is no number.

    The application writes them down itself, without values. Only a superuser may set this; on a server of somebody else
    it is left to whoever looks after it.

    Args:
        name: the role, quoted.
    """
    wanted = "log_min_messages=log"
    if connection.scalar(
        text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    ) and not connection.scalar(
        text("SELECT :wanted = ANY (rolconfig) FROM pg_roles WHERE rolname = :role"),
        {"wanted": wanted, "role": role},
    ):
        connection.execute(text(f"ALTER ROLE {name} SET log_min_messages = 'log'"))


def ensure_extensions(admin_url: str) -> None:
    """Have the extensions that the schema needs, of those that the server has (what it lacks, the migration names).

    Raises:
        Unavailable: the role may not create them; only a superuser may create PostGIS.
    """
    url = engine_url(admin_url)
    engine = make_engine(url)
    missing = text(
        "SELECT name FROM pg_available_extensions WHERE installed_version IS NULL AND name = ANY(:wanted)"
    )
    name = ""
    try:
        with engine.begin() as connection:
            for name in connection.scalars(missing, {"wanted": list(EXTENSIONS)}).all():
                connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {name}"))
    except ProgrammingError as error:
        if not isinstance(error.orig, errors.InsufficientPrivilege):
            raise
        raise Unavailable(
            f"当前角色 {url.username} 没有权限在数据库 {url.database} 中建立扩展 {name}。",
            remedy=f"请数据库管理员在该库执行：{' '.join(f'CREATE EXTENSION {e};' for e in EXTENSIONS)} 再运行一次。",
        ) from error
    finally:
        engine.dispose()


def is_empty(admin_url: str) -> bool:
    """Whether a migrated database holds no region yet."""
    return not _ask(engine_url(admin_url), "SELECT EXISTS (SELECT FROM onemap.region)")


def _driver(connection: object) -> DriverConnection:
    assert isinstance(connection, DriverConnection)
    return connection


def _ask(url: URL, question: str) -> object:
    engine = make_engine(url, connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            return connection.scalar(text(question))
    finally:
        engine.dispose()


def _signs_in(url: URL) -> bool:
    try:
        _ask(url, "SELECT 1")
    except OperationalError:
        return False
    return True


def _unreachable(url: URL) -> Unavailable:
    return Unavailable(
        f"连接不上数据库 {url.set(drivername='postgresql').render_as_string(hide_password=True)}。",
        remedy="请检查地址、口令、网络，以及数据库服务是否已启动。",
    )

"""Bring a database to the newest version of the schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from gisapp.errors import Conflict, Unavailable
from gisapp.store.database import make_engine
from gisapp.store.migrations.options import APP_ROLE_ATTRIBUTE

_EXTENSIONS = ("postgis", "pg_trgm")


def _config(admin_url: str, app_role: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = admin_url
    config.attributes[APP_ROLE_ATTRIBUTE] = app_role
    return config


def upgrade(admin_url: str, app_role: str) -> str:
    """Migrate to the newest version, in one transaction.

    Args:
        admin_url: address for the role that owns the tables.
        app_role: role that the application connects as; it must exist and may not bypass row security.

    Returns:
        the version reached.

    Raises:
        Unavailable: the server does not answer or has no PostGIS.
        Conflict: the database is newer than this program, or the role could bypass row security.
    """
    config = _config(admin_url, app_role)
    scripts = ScriptDirectory.from_config(config)
    engine = make_engine(admin_url)
    try:
        with engine.begin() as connection:
            _check_role(connection, app_role)
            _check_extensions(connection)
            _refuse_newer(connection, scripts)
    except OperationalError as error:
        raise _unreachable(admin_url) from error
    finally:
        engine.dispose()
    command.upgrade(config, "head")
    return scripts.get_current_head() or ""


def refuse_newer(admin_url: str) -> None:
    """Refuse a database whose version this program does not know; changes nothing.

    Args:
        admin_url: address for the role that owns the tables.

    Raises:
        Unavailable: the server does not answer.
        Conflict: the database is newer than this program.
    """
    engine = make_engine(admin_url, connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            _refuse_newer(connection, ScriptDirectory.from_config(_config(admin_url, "")))
    except OperationalError as error:
        raise _unreachable(admin_url) from error
    finally:
        engine.dispose()


def _refuse_newer(connection: Connection, scripts: ScriptDirectory) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "onemap"})
    here = context.get_current_revision()
    if here is not None and here not in {script.revision for script in scripts.walk_revisions()}:
        raise Conflict(
            f"数据库的版本（{here}）比本程序新。", remedy="请升级本程序后再启动；数据库未作任何改动。"
        )


def _unreachable(admin_url: str) -> Unavailable:
    return Unavailable(
        f"连接不上数据库 {make_url(admin_url).render_as_string(hide_password=True)}。",
        remedy="请检查地址、口令和数据库服务是否已启动。",
    )


def _check_role(connection: Connection, app_role: str) -> None:
    row = connection.execute(
        text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role"), {"role": app_role}
    ).first()
    if row is None:
        raise Unavailable(
            f"数据库中没有应用角色 {app_role}。", remedy="请用 ./onemap up 启动，它会建立该角色。"
        )
    if row[0]:
        raise Conflict(
            f"应用角色 {app_role} 可以绕过行级权限，不能使用。",
            remedy=f"执行 ALTER ROLE {app_role} NOSUPERUSER NOBYPASSRLS。",
        )


def _check_extensions(connection: Connection) -> None:
    known = set(connection.scalars(text("SELECT name FROM pg_available_extensions")))
    missing = [name for name in _EXTENSIONS if name not in known]
    if missing:
        raise Unavailable(
            f"数据库服务器没有安装扩展 {'、'.join(missing)}。",
            remedy="请在该服务器上安装 PostGIS 3.3 以上及 postgresql-contrib，或去掉 DATABASE_URL 使用自带的数据库。",
        )
    elsewhere = connection.scalar(
        text("SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'postgis'")
    )
    if elsewhere not in (None, "public"):
        raise Conflict(
            f"数据库的 PostGIS 装在模式 {elsewhere} 里，本程序需要它在 public 里。",
            remedy="请数据库管理员另建一个数据库，在其中执行 CREATE EXTENSION postgis SCHEMA public;，再换用它的地址。",
        )
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS onemap"))

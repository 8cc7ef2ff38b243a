"""What a database is: server, extensions, version of the schema, the application's role."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from gisapp.errors import Unavailable
from gisapp.store.database import engine_url


class State(TypedDict):
    """The state of one database.

    ``current`` says whether its schema is this program's, ``secure`` whether the application's role is bound by row
    security, ``megabytes`` the size on disk.
    """

    server: str
    extensions: dict[str, str]
    version: str
    current: bool
    role: str
    secure: bool
    megabytes: int


def describe(admin_url: str, app_url: str) -> State:
    """The state of the database, seen by the role that owns it.

    Raises:
        Unavailable: the server does not answer.
    """
    engine = create_engine(engine_url(admin_url), connect_args={"connect_timeout": 10})
    role = str(make_url(app_url).username)
    try:
        with engine.connect() as connection:
            version = _version(connection)
            bound = connection.scalar(
                text("SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = :role"),
                {"role": role},
            )
            extensions = connection.execute(
                text("SELECT extname, extversion FROM pg_extension ORDER BY extname")
            )
            return State(
                server=f"PostgreSQL {connection.scalar(text('SHOW server_version'))}",
                extensions={name: number for name, number in extensions if name != "plpgsql"},
                version=version,
                current=version == _head(),
                role=f"{role}，{'受行级权限约束' if bound else '不受行级权限约束或不存在'}",
                secure=bool(bound),
                megabytes=int(
                    connection.scalar(text("SELECT pg_database_size(current_database()) >> 20")) or 0
                ),
            )
    except OperationalError as error:
        raise Unavailable(
            f"连接不上数据库 {make_url(admin_url).render_as_string(hide_password=True)}。",
            remedy="请检查地址、口令和数据库服务是否已启动。",
        ) from error
    finally:
        engine.dispose()


def _version(connection: Connection) -> str:
    if connection.scalar(text("SELECT to_regclass('onemap.alembic_version') IS NULL")):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM onemap.alembic_version")) or "")


def _head() -> str:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head() or ""

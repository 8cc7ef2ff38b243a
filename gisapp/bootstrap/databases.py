"""Which database a command works on: the private cluster, or the server that ``DATABASE_URL`` names."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap.cluster import Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import ROOT, DataDirectory, write_whole
from gisapp.bootstrap.trouble import SetupError, from_os_error


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of one database for its two roles.

    Attributes:
        admin: for the role that owns the tables.
        app: for the application's role, which cannot bypass row security.
    """

    admin: str
    app: str

    def environment(self, data: DataDirectory, *, admin: bool = True) -> dict[str, str]:
        """Environment of a program of the application.

        Args:
            admin: give it the owner's address too; a server that cannot change tables goes without, also under the
                name by which the user gave it to us.
        """
        env = application_environment()
        env.update(ONEMAP_DATABASE_URL=self.app, ONEMAP_DATA=str(data.path))
        if admin:
            env["ONEMAP_ADMIN_DATABASE_URL"] = self.admin
        else:
            for name in ("ONEMAP_ADMIN_DATABASE_URL", "DATABASE_URL"):
                env.pop(name, None)
        return env


def application_environment() -> dict[str, str]:
    """Environment in which the project's packages are found from any folder."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "VIRTUAL_ENV")}
    env["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, [str(ROOT), env.get("PYTHONPATH", "")])))
    env.setdefault("PYTHONUTF8", "1")
    return env


def private_cluster(data: DataDirectory) -> Cluster:
    """The cluster of a data directory."""
    return Cluster(data.cluster, f"onemap-{data.key}")


def external_url() -> str | None:
    """The server that the user names, if any."""
    return os.environ.get("DATABASE_URL") or None


def connect(console: Console, data: DataDirectory) -> Addresses:
    """Have a database to work on: start the private cluster, or take the user's server.

    Raises:
        SetupError: neither is possible.
    """
    external, used_external = external_url(), data.run / "external"
    if external is not None:
        write_whole(used_external, "DATABASE_URL\n")
        return external_addresses(external, data, os.environ.get("ONEMAP_DATABASE_URL"))
    if used_external.exists():
        console.line("没有设置 DATABASE_URL：这次使用自带的数据库，上次是您的服务器。")
        used_external.unlink()
    cluster = private_cluster(data)
    clusters.start(console, cluster)
    return Addresses(cluster.address(clusters.ADMIN_ROLE), cluster.address(clusters.APP_ROLE))


def external_addresses(url: str, data: DataDirectory, app_url: str | None = None) -> Addresses:
    """Addresses on a server of the user's: the application's role is named after the database, ``<database>_app``.

    Args:
        app_url: address for the application's role, where the administrator made one.

    Raises:
        SetupError: the address is not one of a PostgreSQL database.
    """
    parts = urlsplit(url)
    database = parts.path.lstrip("/")
    if not re.fullmatch(r"postgres(ql)?(\+\w+)?", parts.scheme) or not database:
        raise SetupError(
            "DATABASE_URL 不是 PostgreSQL 数据库的地址。",
            remedy="写法：postgresql://用户:口令@主机:5432/数据库名",
        )
    admin = parts._replace(scheme="postgresql").geturl()
    if app_url:
        return Addresses(admin, app_url)
    place = parts.netloc.rpartition("@")[2]
    who = f"{quote(database + '_app', safe='')}:{_password(data)}"
    return Addresses(admin, parts._replace(scheme="postgresql", netloc=f"{who}@{place}").geturl())


def _password(data: DataDirectory) -> str:
    """The application role's password on an external server, made once."""
    path = data.secrets / "app-password"
    try:
        kept = path.read_text().strip()
    except FileNotFoundError:
        kept = ""
    except OSError as error:
        raise from_os_error(error) from error
    if not kept:
        kept = secrets.token_urlsafe(24)
        write_whole(path, kept + "\n", 0o600)
    return kept

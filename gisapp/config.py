"""Settings: one frozen object, read once from the environment. Thresholds of a rule stand in that rule, not here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gisapp.errors import InputError


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the running application; ``VARIABLES`` names the environment variable of each.

    Attributes:
        database_url: address of the database for the application's own role, which has no BYPASSRLS.
        admin_database_url: address for the role that owns the tables (migrations, demo loads); empty in a server
            that shall not be able to change tables.
        data_dir: where the application keeps its own files (uploads, reports, logs).
        host: address that the server listens on.
        port: port that the server listens on.
        session_hours: hours until a sign-in must be repeated.
        database_connections: upper bound of connections that one process opens.
        tile_cache_mb: memory for ready tiles, in MiB.
        proxy: addresses of reverse proxies whose word on client, scheme and host is taken; ``*`` for whoever connects.
    """

    database_url: str
    admin_database_url: str = ""
    data_dir: Path = Path(".onemap/data")
    host: str = "127.0.0.1"
    port: int = 8050
    session_hours: int = 12
    database_connections: int = 24
    tile_cache_mb: int = 256
    proxy: str = "127.0.0.1"


VARIABLES: dict[str, str] = {
    "database_url": "ONEMAP_DATABASE_URL",
    "admin_database_url": "ONEMAP_ADMIN_DATABASE_URL",
    "data_dir": "ONEMAP_DATA",
    "host": "ONEMAP_HOST",
    "port": "ONEMAP_PORT",
    "session_hours": "ONEMAP_SESSION_HOURS",
    "database_connections": "ONEMAP_DATABASE_CONNECTIONS",
    "tile_cache_mb": "ONEMAP_TILE_CACHE_MB",
    "proxy": "ONEMAP_PROXY",
}

_WHOLE_NUMBERS = {
    "port": (1, 65535),
    "session_hours": (1, 24 * 31),
    "database_connections": (2, 500),
    "tile_cache_mb": (0, 65536),
}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises:
        InputError: a value is missing or out of range, naming the variable and the remedy.
    """
    environ = os.environ if environ is None else environ
    given = {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}
    if "database_url" not in given:
        raise InputError(
            "没有设置数据库地址 ONEMAP_DATABASE_URL。", remedy="用 ./onemap 启动，它会准备数据库并给出地址。"
        )
    values: dict[str, str | int | Path] = dict(given)
    for name, (low, high) in _WHOLE_NUMBERS.items():
        if name not in given:
            continue
        text = given[name]
        if not (text.isascii() and text.isdigit() and len(text) < 10) or not low <= int(text) <= high:
            raise InputError(
                f"设置 {VARIABLES[name]} 的值“{text}”无效。", remedy=f"请填写 {low} 到 {high} 之间的整数。"
            )
        values[name] = int(text)
    if "data_dir" in given:
        values["data_dir"] = Path(given["data_dir"])
    return Settings(**values)  # type: ignore[arg-type]

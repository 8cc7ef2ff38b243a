"""``restore``: a backup in the place of what the database holds now, all of it or nothing.

The backup is read into a database of its own beside the one in use, migrated there, and takes its name only then. Until
that moment a failure, a kill or a full disk leaves the old data as they were.
"""

from __future__ import annotations

import contextlib
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from gisapp.bootstrap import databases, dumps, up
from gisapp.bootstrap.cluster import ADMIN_ROLE, APP_ROLE, DATABASE, Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.content import migrate
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import INSTALLED, DataDirectory, choose_data, remember_data
from gisapp.bootstrap.postgis import Programs
from gisapp.bootstrap.trouble import SetupError, require_space, require_writable

_RESTORING = f"{DATABASE}_restoring"
_REPLACED = f"{DATABASE}_replaced"
_TIMES_THE_FILE = 16
"""A restored database, with its log, takes about so much more than its backup."""


def restore(options: Namespace) -> int:
    """Restore a backup; server and simulator are stopped, and ``up`` starts them again.

    Raises:
        SetupError: with what has become of the data that were there.
    """
    console, data = Console(INSTALLED.log), choose_data(options.data)
    file = Path(options.file).expanduser().absolute()
    if not file.is_file():
        raise SetupError(f"没有文件 {file}。", remedy="请指定由 ./onemap backup 写出的文件。")
    private = databases.external_url() is None
    programs = dumps.programs_for(console, databases.private_cluster(data).version() if private else None)
    with console.step("检查备份") as step:
        version = dumps.check(step, programs, file)
        step.note = f"结构版本 {version}"
    dumps.require_known(version, file)
    data.prepare()
    up.install(console)
    remember_data(data)
    kept: Path | None = None
    with up.data_lock(console, data) as descriptor:
        console.lock_descriptor = descriptor
        addresses = databases.connect(console, data)
        if private:
            kept = _replace(console, data, programs, file, version, keep=not options.discard)
        else:
            _fill_empty(console, data, programs, addresses, file, version)
        console.lock_descriptor = None
    _tell(data, kept)
    return 0


def _tell(data: DataDirectory, kept: Path | None) -> None:
    if kept is not None:
        print(f"恢复之前的数据另存为：{kept}")
    key = data.path / "keys" / "import-digest"
    if not key.exists():
        print(f"这里没有导入用的密钥。如有保存，请在启动前放到：{key}")
    print("启动：./onemap up")


def _replace(
    console: Console, data: DataDirectory, programs: Programs, file: Path, version: str, *, keep: bool
) -> Path | None:
    """Put a backup in the place of the private database.

    Args:
        keep: save what is there first.

    Returns:
        The file that holds what was there, if anything was.
    """
    cluster = databases.private_cluster(data)
    require_space(data.path, 64 + _TIMES_THE_FILE * file.stat().st_size // 2**20, "恢复")
    up.stop_old(console, data)
    with _old_data_untouched(programs, cluster):
        kept = _save_what_is_there(console, data, programs, cluster) if keep else None
        fresh = Addresses(cluster.address(ADMIN_ROLE, _RESTORING), cluster.address(APP_ROLE, _RESTORING))
        _make_anew(programs, cluster)
        with console.step("恢复数据") as step:
            dumps.fill(step, programs, fresh.admin, file, version)
        with console.step("准备数据库结构") as step:
            step.note = f"版本 {migrate(step, data, fresh.environment(data))['version']}"
        # A demo place that was loaded by half is not to be loaded into what takes its place.
        for note in ("demo-loading", "prepared.json"):
            (data.run / note).unlink(missing_ok=True)
        _swap(programs, cluster)
    dumps.ask(programs, _server(cluster), f"DROP DATABASE IF EXISTS {_REPLACED} WITH (FORCE)")
    return kept


@contextlib.contextmanager
def _old_data_untouched(programs: Programs, cluster: Cluster) -> Iterator[None]:
    """Give back the space of what did not come to its end, and say what has become of the data."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(SetupError):
            dumps.ask(programs, _server(cluster), f"DROP DATABASE IF EXISTS {_RESTORING} WITH (FORCE)")
        if isinstance(error, SetupError):
            error.remedy = f"{error.remedy or ''}原来的数据没有改动，运行 ./onemap up 即可继续使用。"
        raise


def _server(cluster: Cluster) -> str:
    """Address of the database that is always there."""
    return cluster.address(ADMIN_ROLE, "postgres")


def _save_what_is_there(
    console: Console, data: DataDirectory, programs: Programs, cluster: Cluster
) -> Path | None:
    if not _named(programs, _server(cluster), DATABASE):
        return None
    address = cluster.address(ADMIN_ROLE)
    if dumps.ask(programs, address, "SELECT to_regclass('onemap.region') IS NULL") == "t":
        return None
    holds = "SELECT EXISTS (SELECT FROM onemap.region) OR EXISTS (SELECT FROM onemap.app_user)"
    if dumps.ask(programs, address, holds) != "t":
        return None
    folder = data.path / "backups"
    require_writable(folder, "数据目录")
    folder.chmod(0o700)
    file = folder / f"before-restore-{time.strftime('%Y%m%d-%H%M%S')}.dump"
    with console.step("另存现有的数据") as step:
        dumps.save(step, programs, address, file)
    return file


def _named(programs: Programs, server: str, name: str) -> bool:
    """Whether a server has a database of that name."""
    return bool(dumps.ask(programs, server, f"SELECT datname FROM pg_database WHERE datname = '{name}'"))


def _make_anew(programs: Programs, cluster: Cluster) -> None:
    """An empty database to restore into; remains of a restore that was killed go first."""
    dumps.ask(
        programs,
        _server(cluster),
        *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in (_RESTORING, _REPLACED)),
        f"CREATE DATABASE {_RESTORING} ENCODING 'UTF8' TEMPLATE template0",
    )


def _swap(programs: Programs, cluster: Cluster) -> None:
    """Give the restored database the name of the one in use, in one transaction."""
    server = _server(cluster)
    there = _named(programs, server, DATABASE)
    renames = [f"ALTER DATABASE {DATABASE} RENAME TO {_REPLACED}"] if there else []
    renames.append(f"ALTER DATABASE {_RESTORING} RENAME TO {DATABASE}")
    end_others = (
        "SELECT FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname IN ('{DATABASE}', '{_RESTORING}')) gone"
    )
    dumps.ask(programs, server, end_others, f"BEGIN; {'; '.join(renames)}; COMMIT")


def _fill_empty(
    console: Console,
    data: DataDirectory,
    programs: Programs,
    addresses: Addresses,
    file: Path,
    version: str,
) -> None:
    """Restore into an empty database of the user's server; emptied again if that fails."""
    if dumps.ask(programs, addresses.admin, "SELECT to_regnamespace('onemap') IS NULL") != "t":
        raise SetupError(
            "DATABASE_URL 指向的数据库里已有本程序的数据，恢复不会覆盖它。",
            remedy="请新建一个空数据库，把 DATABASE_URL 换成它的地址再恢复。没有作任何改动。",
        )
    up.stop_old(console, data)
    try:
        with console.step("恢复数据") as step:
            dumps.fill(step, programs, addresses.admin, file, version)
    except BaseException:
        with contextlib.suppress(SetupError):
            dumps.ask(programs, addresses.admin, "DROP SCHEMA IF EXISTS onemap CASCADE")
        raise
    with console.step("准备数据库结构") as step:
        step.note = f"版本 {migrate(step, data, addresses.environment(data))['version']}"

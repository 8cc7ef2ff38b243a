"""``backup``: the database of a running copy into one file, while it runs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from gisapp.bootstrap import databases, dumps, up
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import INSTALLED, DataDirectory, choose_data
from gisapp.bootstrap.trouble import SetupError
from gisapp.bootstrap.unprivileged import import_key


def backup(options: Namespace) -> int:
    """Write the backup and say what is not in it.

    Raises:
        SetupError: there is nothing to back up, the file exists, or the dump failed.
    """
    console, data = Console(INSTALLED.log), choose_data(options.data)
    file = Path(options.file).expanduser().absolute()
    _require_free(file)
    _require_database(data)
    with up.data_lock(console, data):
        addresses = databases.connect(console, data)
    private = databases.external_url() is None
    programs = dumps.programs_for(console, databases.private_cluster(data).version() if private else None)
    with console.step("备份数据库") as step:
        version = dumps.save(step, programs, addresses.admin, file)
        step.note = f"结构版本 {version}，{file.stat().st_size / 2**20:.1f} MB"
    print(f"备份：{file}")
    print(f"导入用的密钥不在备份里，请另存到别处：{import_key(data)}")
    print(f"恢复：./onemap restore {file}")
    return 0


def _require_free(file: Path) -> None:
    """Refuse to write over a file, or into a folder that is not there."""
    if file.exists():
        raise SetupError(f"{file} 已存在。", remedy="请换一个文件名，例如带上日期；已有的备份不会被覆盖。")
    if not file.parent.is_dir():
        raise SetupError(f"没有文件夹 {file.parent}。", remedy="请先建立它，或换一个位置。")


def _require_database(data: DataDirectory) -> None:
    if databases.external_url() is None and databases.private_cluster(data).version() is None:
        raise SetupError(
            f"数据目录 {data.path} 里还没有数据库，没有可备份的。",
            remedy="请先运行 ./onemap up，或用 --data 指定要备份的数据目录。",
        )

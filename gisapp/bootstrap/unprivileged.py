"""Who server and simulator run as when set-up is root: a system user of their own.

It is another one than the cluster's: what owns the cluster may do anything to the data, what serves pages connects as the
role that row security binds and as nothing else (``pg_ident.conf``). It owns two folders of the data directory, reads
one secret, and can write nothing else, neither the program nor the notes about processes that ``down`` goes by.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap import copies
from gisapp.bootstrap.cluster import SERVER_USER
from gisapp.bootstrap.layout import DataDirectory, write_whole
from gisapp.bootstrap.processes import Account
from gisapp.bootstrap.trouble import SetupError, from_os_error

_OWN = ("uploads", "cache")
# Of root's environment: where its own files are, who it is, and what it may not keep.
_OF_ROOT = (
    "HOME",
    "USER",
    "LOGNAME",
    "MAIL",
    "PWD",
    "OLDPWD",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    # The account has a folder of its own for what is compiled; without it every start compiles all packages anew.
    "PYTHONDONTWRITEBYTECODE",
)


def ensure_account(data: DataDirectory) -> Account:
    """The account of server and simulator, with its folders.

    Raises:
        SetupError: there is no such user and it cannot be made.
    """
    clusters.ensure_system_user(SERVER_USER)
    account = _account()
    try:
        hand_over(data, account)
    except OSError as error:
        raise from_os_error(error) from error
    return account


def require_reachable(data: DataDirectory, account: Account) -> None:
    """Refuse a data directory that the account cannot walk to.

    Raises:
        SetupError: naming the folder that is closed.
    """
    own = data.path / _OWN[0]
    if copies.closed_to(account, [own]):
        raise SetupError(
            f"服务器以系统用户 {account.name} 运行，它进不去 {closed_folder(own) or own}。",
            remedy="请用 --data 换一个它能到达的目录，例如 /var/lib/onemap/我的数据。",
        )


def _account() -> Account:
    entry = pwd.getpwnam(SERVER_USER)
    groups = []
    # The cluster's group may enter the folder of its socket; with a database of the user's there may be no such user.
    with contextlib.suppress(KeyError):
        groups.append(pwd.getpwnam(clusters.SYSTEM_USER).pw_gid)
    return Account(SERVER_USER, entry.pw_uid, entry.pw_gid, tuple(groups))


def require_port(port: int) -> None:
    """Refuse a port that only root may listen on.

    Raises:
        SetupError: naming the ports that everybody may use.
    """
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        first = 1024
    if port < first:
        raise SetupError(
            f"端口 {port} 只有 root 可以监听，而服务器从不以 root 运行。",
            remedy=f"请改用 {first} 以上的端口，例如 ./onemap up --port 8050，由前面的反向代理提供 {port}。",
        )


def closed_folder(path: Path) -> Path | None:
    """The first folder above a path that not everybody may pass."""
    for folder in reversed(path.absolute().parents):
        try:
            if not folder.stat().st_mode & 0o001:
                return folder
        except OSError:
            return folder
    return None


def environment(env: Mapping[str, str], data: DataDirectory, account: Account) -> dict[str, str]:
    """An environment for a program of the account: nothing of root's, caches in its own folder."""
    kept = {key: value for key, value in env.items() if key not in _OF_ROOT and not key.startswith("SUDO_")}
    folder = Path(kept.get("TMPDIR", "/tmp"))
    if not folder.is_dir() or not folder.stat().st_mode & 0o002:
        kept.pop("TMPDIR", None)
    cache = data.path / "cache"
    return kept | {
        "HOME": str(cache),
        "USER": account.name,
        "LOGNAME": account.name,
        "XDG_CACHE_HOME": str(cache),
        # The program's own folders are closed to writing: what is compiled is kept here.
        "PYTHONPYCACHEPREFIX": str(compiled(data)),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
    }


def compiled(data: DataDirectory) -> Path:
    """Where what the account's Python compiles is kept, below it by the path of each source."""
    return data.path / "cache" / "python"


def hand_over(data: DataDirectory, account: Account) -> None:
    """Give the account its folders, and let it read the key of imports."""
    for name in _OWN:
        folder = data.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != account.uid:
            # From a time when the server ran as root. Once it is the account's, root no longer walks in it.
            for inside in folder.rglob("*"):
                os.chown(inside, account.uid, account.gid, follow_symlinks=False)
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    key = import_key(data)
    for path, mode in ((key.parent, 0o750), (key, 0o640)):
        shutil.chown(path, group=account.gid)
        path.chmod(mode)


def import_key(data: DataDirectory) -> Path:
    """The file with the key of the digests of imported people (``services/importing/keys.py``), made when missing."""
    path = data.path / "keys" / "import-digest"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        write_whole(path, secrets.token_hex(32) + "\n", 0o600)
    return path

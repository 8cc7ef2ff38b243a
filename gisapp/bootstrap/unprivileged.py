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
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap.cluster import SERVER_USER
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, ROOT, DataDirectory, write_whole
from gisapp.bootstrap.processes import Account
from gisapp.bootstrap.trouble import SetupError

_OWN = ("uploads", "cache")
_PARTS = ("gisapp", "layers", "dash_app", "data", "node_modules", "package-lock.json")
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

_PROBE = """
import os, sys
def closed():
    for top in sys.argv[1:]:
        if not os.access(top, os.R_OK):
            return top
        for folder, folders, files in os.walk(top):
            if "__pycache__" in folders:
                folders.remove("__pycache__")
            for name in folders + files:
                path = os.path.join(folder, name)
                wanted = os.R_OK | os.X_OK if name in folders else os.R_OK
                if os.path.exists(path) and not os.access(path, wanted):
                    return path
for folder in (os.environ["ONEMAP_DATA"] + "/uploads", os.environ["ONEMAP_DATA"] + "/cache"):
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        sys.exit("file " + folder)
if path := closed():
    sys.exit("file " + path)
try:
    import psycopg2
    psycopg2.connect(os.environ["ONEMAP_DATABASE_URL"], connect_timeout=10).close()
except Exception as error:
    sys.exit("database " + " ".join(str(error).split())[:200])
"""


def choose(
    console: Console, data: DataDirectory, addresses: Addresses, port: int, *, settled: bool = False
) -> Account | None:
    """The account of server and simulator; None to run them as who we are. As root that is said with the remedy.

    Args:
        settled: a server of this program is running as that user already.
    """
    if not IS_ROOT:
        return None
    try:
        clusters.ensure_system_user(SERVER_USER)
        account = _account()
        if settled:
            return account
        hand_over(data, account)
    except (SetupError, OSError) as error:
        obstacle = str(error)
    else:
        obstacle = obstacle_of_port(port) or _obstacle(data, addresses, account)
        if not obstacle:
            return account
    console.line(f"服务器和模拟器以 root 运行：{obstacle}")
    return None


def _account() -> Account:
    entry = pwd.getpwnam(SERVER_USER)
    groups = []
    # The cluster's group may enter the folder of its socket; with a database of the user's there may be no such user.
    with contextlib.suppress(KeyError):
        groups.append(pwd.getpwnam(clusters.SYSTEM_USER).pw_gid)
    return Account(SERVER_USER, entry.pw_uid, entry.pw_gid, tuple(groups))


def obstacle_of_port(port: int) -> str:
    """Why only root can listen on a port; empty where everybody can."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        first = 1024
    if port >= first:
        return ""
    return f"端口 {port} 只有 root 可以监听。请改用 {first} 以上的端口，由前面的反向代理提供 {port}。"


def _obstacle(data: DataDirectory, addresses: Addresses, account: Account) -> str:
    """What keeps the account from running the program, with the remedy; empty if nothing does."""
    env = environment(addresses.environment(data, admin=False), data, account)
    parts = [ROOT / name for name in _PARTS] + [INSTALLED.venv]
    command = [str(INSTALLED.python), "-c", _PROBE, *(str(part) for part in parts if part.exists())]
    try:
        done = subprocess.run(
            command,
            env=env,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=list(account.groups),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return _closed(data, account, INSTALLED.python)
    if done.returncode == 0:
        return ""
    kind, _, what = (done.stderr.strip().splitlines() or ["? "])[-1].partition(" ")
    if kind == "database":
        return f"系统用户 {account.name} 连不上数据库（{what}）。请检查数据库地址里用到的文件它能否读取。"
    return _closed(data, account, Path(what) if kind == "file" else INSTALLED.python)


def _closed(data: DataDirectory, account: Account, path: Path) -> str:
    """The message about a path that the account cannot reach: the folder above it that is closed, or itself."""
    real = path.resolve()
    found = closed_folder(path) or closed_folder(real) or path
    own = found if found.is_dir() else found.parent
    command = f"chmod o+x {found}" if found in (*path.parents, *real.parents) else f"chmod -R a+rX {own}"
    if path.is_relative_to(data.path) and found not in ROOT.parents:
        elsewhere = "用 --data 换一个它能到达的目录"
    elif found in ROOT.parents or found.is_relative_to(ROOT):
        elsewhere = "把程序放到 /opt 或 /srv 下"
    else:  # an interpreter that root installed for itself
        elsewhere = f"删除 {INSTALLED.venv} 并改用系统的 Python"
    return f"系统用户 {account.name} 读不到 {found}。请{elsewhere}，或执行 {command}，再运行 ./onemap up。"


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
        "PYTHONPYCACHEPREFIX": str(cache / "python"),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
    }


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

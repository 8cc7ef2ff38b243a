"""What server and simulator run on, and as whom: never as root.

An ordinary user's run as that user. As root they run as a system user of their own, on copies where that user cannot read
the originals; where even that is impossible, ``up`` refuses and says what to do.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gisapp.bootstrap import copies, unprivileged
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, ROOT, DataDirectory
from gisapp.bootstrap.processes import Account
from gisapp.bootstrap.trouble import SetupError

_CONNECT = """
import os, sys
try:
    import psycopg2
    psycopg2.connect(os.environ["ONEMAP_DATABASE_URL"], connect_timeout=10).close()
except Exception as error:
    sys.exit(" ".join(str(error).split())[:300])
"""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a program of the application runs on.

    Attributes:
        account: the user to become; None for who we are.
        python: the interpreter.
        root: folder of the program.
        libraries: folder of shared libraries that the interpreter needs, if any.
        copy: the copy that all this is in, if any.
    """

    account: Account | None
    python: Path = INSTALLED.python
    root: Path = ROOT
    libraries: Path | None = None
    copy: Path | None = None

    def command(self, words: Sequence[str]) -> list[str]:
        """A command of the application on this interpreter."""
        return [str(self.python), *words[1:]]

    def environment(self, env: Mapping[str, str], data: DataDirectory) -> dict[str, str]:
        """The environment of a program of the application, changed to find everything here."""
        if self.account is None:
            return dict(env)
        found = unprivileged.environment(env, data, self.account)
        # What else root's environment adds to the search is not known to be readable.
        found["PYTHONPATH"] = str(self.root)
        if self.libraries is not None:
            known = found.get("LD_LIBRARY_PATH", "")
            found["LD_LIBRARY_PATH"] = f"{self.libraries}:{known}" if known else str(self.libraries)
        return found

    def require_database(self, data: DataDirectory, addresses: Addresses) -> None:
        """Make sure that the account reaches the database.

        Raises:
            SetupError: with what the driver says.
        """
        account = self.account
        if account is None:
            return
        env = self.environment(addresses.environment(data, admin=False), data)
        try:
            done = subprocess.run(
                [str(self.python), "-c", _CONNECT],
                env=env,
                cwd="/",
                user=account.uid,
                group=account.gid,
                extra_groups=list(account.groups),
                capture_output=True,
                text=True,
                check=False,
            )
            obstacle = done.stderr.strip()[-400:] if done.returncode else ""
        except OSError as error:
            raise SetupError(
                f"系统用户 {account.name} 运行不了 {self.python}：{error.strerror}",
                remedy="请用 --data 换一个该用户能到达、允许执行程序的目录，再运行 ./onemap up。",
            ) from error
        if obstacle:
            raise SetupError(
                f"系统用户 {account.name} 连不上数据库（{obstacle}）。",
                remedy="请检查数据库地址里用到的文件（证书、口令文件、套接字）该用户能否读取，再运行 ./onemap up。",
            )


def choose(console: Console, data: DataDirectory, port: int, code: str) -> Runtime:
    """What server and simulator shall run on.

    Args:
        code: version of the program.

    Raises:
        SetupError: as root, where another user than root cannot run them; the remedy says what to do.
    """
    if not IS_ROOT:
        return Runtime(None)
    unprivileged.require_port(port)
    account = unprivileged.ensure_account(data)
    unprivileged.require_reachable(data, account)
    with console.step("准备服务器的运行环境") as step:
        found = copies.ensure(data, account, code)
        step.note = "使用副本" if found.folder else ""
    return Runtime(account, found.python, found.root, found.libraries, found.folder)


def clear(data: DataDirectory, runtime: Runtime) -> None:
    """Remove copies that earlier servers ran on, and what was compiled of them."""
    account = runtime.account
    if account is None:
        return
    for folder in copies.clear(data, runtime.copy):
        compiled = f"{unprivileged.compiled(data)}{folder}"
        # As the account: root does not walk in folders of somebody else.
        subprocess.run(
            ["rm", "-rf", compiled], user=account.uid, group=account.gid, extra_groups=[], check=False
        )

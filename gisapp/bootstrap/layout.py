"""Where set-up keeps things: what is installed (in the checkout) and what belongs to one running copy (its data)."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gisapp.bootstrap.trouble import SetupError, from_os_error, owner_name, require_writable

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0


def digest(*parts: bytes | str | Path) -> str:
    """A short digest of texts and of the contents of files."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        total.update(part.encode() if isinstance(part, str) else part)
        total.update(b"\0")
    return total.hexdigest()[:16]


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that it is there whole or not at all, however the program ends."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise from_os_error(error) from error


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    """Write JSON so that it is there whole or not at all."""
    write_whole(path, json.dumps(value, ensure_ascii=False), mode)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where the file is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Installed:
    """What set-up installs, all of it in one folder of the checkout that git ignores."""

    home: Path

    @property
    def venv(self) -> Path:
        """Environment of the application."""
        return self.home / "venv"

    @property
    def python(self) -> Path:
        """The project's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def bench(self) -> Path:
        """Environment of the peers that benchmarks run against."""
        return self.home / "venv-bench"

    @property
    def tools(self) -> Path:
        """uv."""
        return self.home / "tools"

    @property
    def node(self) -> Path:
        """node from the package index, where the machine has none."""
        return self.home / "node"

    @property
    def debian(self) -> Path:
        """Debian packages unpacked by a user without root."""
        return self.home / "debian"

    @property
    def log(self) -> Path:
        """Everything that the programs run by set-up wrote."""
        return self.home / "setup.log"


INSTALLED = Installed(ROOT / ".onemap")


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The files of one running copy: cluster, logs, process notes, secrets."""

    path: Path

    @property
    def cluster(self) -> Path:
        """The private PostgreSQL cluster."""
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        """Log files."""
        return self.path / "log"

    @property
    def run(self) -> Path:
        """Notes about running processes."""
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        """Passwords, readable by the owner only."""
        return self.path / "secrets"

    @property
    def key(self) -> str:
        """Short digest of the path: keeps socket folders of several copies apart."""
        return digest(str(self.path))[:10]

    def prepare(self) -> None:
        """Create the folders.

        Raises:
            SetupError: the place is not writable for this user.
        """
        require_writable(self.path, "数据目录")
        owner = self.path.stat().st_uid
        if not IS_ROOT and owner != os.geteuid():
            raise SetupError(
                f"数据目录 {self.path} 属于用户 {owner_name(self.path)}。",
                remedy="请用该用户运行，或用 --data 指定自己的目录。",
            )
        for folder, mode in ((self.log, 0o750), (self.run, 0o755), (self.secrets, 0o700)):
            require_writable(folder, "数据目录")
            folder.chmod(mode)


def default_data_path() -> Path:
    """``/var/lib/onemap/<name>-<digest of the checkout's path>`` for root, a folder in the checkout for others."""
    if not IS_ROOT:
        return INSTALLED.home / "data"
    name = re.sub(r"[^a-z0-9]+", "-", ROOT.name.lower()).strip("-")[:24] or "copy"
    return Path("/var/lib/onemap") / f"{name}-{digest(str(ROOT))[:8]}"


_REMEMBERED = INSTALLED.home / "data-directories.json"


def known_data_paths() -> list[Path]:
    """Data directories that this checkout has used, the current one last."""
    return [Path(p) for p in read_json(_REMEMBERED).get("paths", []) if isinstance(p, str)]


def remember_data(data: DataDirectory) -> None:
    """Make this the data directory of later commands that name none."""
    others = [p for p in known_data_paths() if p != data.path and p.is_dir()]
    if known_data_paths() != [*others, data.path]:
        INSTALLED.home.mkdir(parents=True, exist_ok=True)
        write_whole(
            _REMEMBERED, json.dumps({"paths": [str(p) for p in (*others, data.path)]}, ensure_ascii=False)
        )


def choose_data(given: str | None) -> DataDirectory:
    """The data directory of a command: named, from ``ONEMAP_DATA``, the last one used, or the default."""
    named = given or os.environ.get("ONEMAP_DATA")
    if named:
        return DataDirectory(Path(named).expanduser().resolve())
    for path in reversed(known_data_paths()):
        if path.is_dir():
            return DataDirectory(path)
    return DataDirectory(default_data_path())


def private_folder(name: str, owner: int | None = None, group: int | None = None) -> Path:
    """A folder under the system's temporary one that only its owner can enter (short, because the path of a socket
    may have at most 107 bytes).

    Args:
        group: number of a group that may pass through too, without seeing what is in it.

    Raises:
        SetupError: somebody else holds that name.
    """
    base = Path("/run") if IS_ROOT and os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
    if len(str(base)) > 70:
        base = Path("/tmp")
    folder = base / name
    owner = os.geteuid() if owner is None else owner
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if owner != os.geteuid():
            os.chown(folder, owner, -1)
    found = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or found.st_uid not in (owner, os.geteuid()):
        raise SetupError(
            f"{folder} 被别的用户占用。", remedy="请系统管理员删除它，或设置 TMPDIR 换一个临时目录。"
        )
    if found.st_uid != owner or group not in (None, found.st_gid):
        os.chown(folder, owner, -1 if group is None else group)
    folder.chmod(0o700 if group is None else 0o710)
    return folder


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None], seconds: float = 1800) -> Iterator[int]:
    """Hold a lock that the kernel releases when its holders end, however they end.

    The descriptor is handed to the programs that set-up runs: if set-up is killed and one of them lives on, the next
    start waits for it instead of working beside it.

    Args:
        waiting: called once when somebody else holds the lock.

    Raises:
        SetupError: not free within the time.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise from_os_error(error) from error
    try:
        deadline, told = time.monotonic() + seconds, False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    waiting()
                    told = True
                if time.monotonic() > deadline:
                    raise SetupError(
                        f"另一个 onemap 一直没有结束（锁 {path}）。", remedy="请结束那个进程后再运行一次。"
                    ) from None
                time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)

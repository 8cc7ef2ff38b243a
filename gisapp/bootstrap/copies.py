"""A copy of what the server's user cannot read: the interpreter, and where the checkout is closed to it, the program.

It stands in ``program/`` of the data directory, belongs to root, and is made whole or not at all: under another name first.
Its name is a digest of what it was made from, so a newer program or interpreter gets a new copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gisapp.bootstrap.layout import INSTALLED, ROOT, DataDirectory, digest
from gisapp.bootstrap.processes import Account
from gisapp.bootstrap.trouble import SetupError, from_os_error, require_space

PROGRAM = ("gisapp", "layers", "dash_app", "data", "node_modules", "package-lock.json")
_FORM = "1"
"""Changes when copies are laid out in another way."""
_SKIPPED = frozenset({"site-packages", "dist-packages", "test", "idlelib", "ensurepip"})
_MEGABYTES = 500

_LOOK = """
import json, os, sys
who = json.loads(sys.argv[1])
os.setgroups(who["groups"])
os.setgid(who["gid"])
os.setuid(who["uid"])
def closed(top):
    if not os.access(top, os.R_OK):
        return True
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            if name == "__pycache__":
                continue
            path = os.path.join(folder, name)
            if os.path.exists(path) and not os.access(path, os.R_OK | os.X_OK if name in folders else os.R_OK):
                return True
    return False
print("\\n".join(top for top in sys.argv[2:] if closed(top)))
"""
_TELL = """
import json, sys, sysconfig
print(json.dumps([sys.version.split()[0], sys.base_prefix, sysconfig.get_path("purelib"),
                  sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter and where it keeps what it needs.

    Attributes:
        program: the executable, no link.
        base: folder that its own files are found from.
        packages: the packages of the environment that it was asked for.
        library: its standard library, one or two folders.
        shared: shared libraries that do not belong to the system.
    """

    program: Path
    base: Path
    packages: Path
    library: tuple[Path, ...]
    shared: tuple[Path, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Where the server's user finds everything.

    Attributes:
        python: the interpreter of an environment with all packages.
        root: folder of the program.
        libraries: folder of copied shared libraries, if any.
        folder: the copy; None where nothing had to be copied.
    """

    python: Path
    root: Path
    libraries: Path | None = None
    folder: Path | None = None


def interpreter(python: Path) -> Interpreter:
    """What there is to know about an interpreter.

    Raises:
        SetupError: it does not run.
    """
    asked = subprocess.run([str(python), "-I", "-c", _TELL], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise SetupError(
            f"{python} 不能运行：{asked.stderr.strip()[-300:]}",
            remedy=f"请删除 {INSTALLED.venv} 后再运行 ./onemap up。",
        )
    version, base, packages, *library = json.loads(asked.stdout)
    program = python.resolve()
    found = tuple(Path(path) for path in dict.fromkeys(library) if Path(path).is_dir())
    extensions = [path for folder in found for path in folder.glob("lib-dynload/*.so")]
    return Interpreter(
        program, Path(base), Path(packages), found, shared_libraries([program, *extensions]), version
    )


def shared_libraries(files: Iterable[Path]) -> tuple[Path, ...]:
    """Libraries that these files load from places that are not the system's."""
    listed = subprocess.run(
        ["ldd", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout
    found: dict[str, Path] = {}
    for line in listed.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        path = Path(rest.split(" (")[0]) if arrow else Path()
        if path.is_absolute() and not path.is_relative_to("/lib") and not path.is_relative_to("/usr"):
            found.setdefault(name, path)
    return tuple(found.values())


def closed_to(account: Account, paths: Sequence[Path]) -> set[Path]:
    """Those of some files and folders that a user cannot read in full; ``__pycache__`` does not count.

    The question is asked by a process of root's that becomes the user once it runs: the interpreter may be closed too.
    """
    who = json.dumps(account.as_json())
    asked = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LOOK, who, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if asked.returncode != 0:
        raise SetupError(
            f"无法检查系统用户 {account.name} 能读到什么：{asked.stderr.strip()[-300:]}",
            remedy="请确认以 root 运行且该用户存在，再运行 ./onemap up。",
        )
    return {Path(line) for line in asked.stdout.splitlines() if line}


def ensure(data: DataDirectory, account: Account, code: str) -> Copy:
    """Have everything where the server's user can read it, copied where need be.

    Args:
        code: version of the program.

    Raises:
        SetupError: it cannot be copied.
    """
    found = interpreter(INSTALLED.python)
    own = [found.program, *found.library, *found.shared]
    program = [ROOT / name for name in PROGRAM if (ROOT / name).exists()] + [found.packages]
    closed = closed_to(account, [*own, *program, INSTALLED.python])
    with_python = bool(closed & set(own))
    with_program = bool(closed & set(program))
    if not closed:
        return Copy(INSTALLED.python, ROOT)
    parts = [_FORM, str(found.program), str(found.packages), found.version]
    if with_python:
        stat = found.program.stat()
        parts += ["python", f"{stat.st_size}:{stat.st_mtime_ns}"]
    if with_program:
        parts += ["program", code]
    folder = data.path / "program" / digest(*parts)
    try:
        if not folder.is_dir():
            require_space(data.path, _MEGABYTES, "复制解释器和程序")
            _make(folder, found, with_python=with_python, with_program=with_program)
    except OSError as error:
        raise from_os_error(error) from error
    return Copy(
        folder / "venv" / "bin" / "python",
        folder / "app" if with_program else ROOT,
        folder / "python" / "shared" if with_python and found.shared else None,
        folder,
    )


def clear(data: DataDirectory, keep: Path | None) -> list[Path]:
    """Remove copies that nobody runs on any more; which."""
    old = [folder for folder in (data.path / "program").glob("*") if folder != keep]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return old


def _make(folder: Path, found: Interpreter, *, with_python: bool, with_program: bool) -> None:
    folder.parent.mkdir(mode=0o755, exist_ok=True)
    folder.parent.chmod(0o755)
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o755)
    program = found.program
    if with_python:
        program = folder / "python" / "bin" / found.program.name
        mirror(found.program, new / "python" / "bin" / found.program.name)
        for library in found.library:
            inside = library.is_relative_to(found.base)
            place = library.relative_to(found.base) if inside else Path("lib", library.name)
            target = new / "python" / place
            if not target.exists():
                mirror(library, target, share=True, skip=_SKIPPED)
        for path in found.shared:
            mirror(path, new / "python" / "shared" / path.name)
    packages = new / "venv" / found.packages.relative_to(INSTALLED.venv)
    packages.parent.mkdir(parents=True)
    (new / "venv" / "bin").mkdir()
    (new / "venv" / "bin" / "python").symlink_to(program)
    (new / "venv" / "pyvenv.cfg").write_text(
        f"home = {program.parent}\ninclude-system-site-packages = false\nversion = {found.version}\n"
    )
    if with_program:
        mirror(found.packages, packages, share=True)
        for name in PROGRAM:
            if (ROOT / name).exists():
                mirror(ROOT / name, new / "app" / name, share=name == "node_modules")
    else:
        packages.symlink_to(found.packages)
    _open(new)
    os.sync()
    new.rename(folder)


def _open(top: Path) -> None:
    """Let everybody read what is root's umask that closed it."""
    for folder in (top, *(path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o755)
    config = top / "venv" / "pyvenv.cfg"
    config.chmod(0o644)


def mirror(source: Path, target: Path, *, share: bool = False, skip: frozenset[str] = frozenset()) -> None:
    """Copy a file or folder so that everybody can read it.

    Args:
        share: give large files that nobody edits in place a second name instead of a copy, where the disk allows it.
        skip: names to leave out, at the top only.
    """
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for entry in sorted(source.iterdir()):
            if entry.name not in skip and (entry.exists() or entry.is_symlink()):
                mirror(entry, target / entry.name, share=share)
        return
    if not source.exists():
        return  # a link that leads nowhere
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = source.stat().st_mode
    if share and mode & 0o444 == 0o444 and not source.is_symlink():
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)
    target.chmod((mode & 0o777) | 0o444 | (0o111 if mode & 0o100 else 0))

"""``test``: what tests need, a database that is thrown away, and pytest or the whole gate."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap import toolchain
from gisapp.bootstrap.browser import ensure_browser
from gisapp.bootstrap.cluster import Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import application_environment
from gisapp.bootstrap.images import ensure_image_tools
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, ROOT, digest
from gisapp.bootstrap.processes import processes_in, signal_all
from gisapp.bootstrap.up import install_lock
from gisapp.bootstrap.words import PARTS, Parser

_GATE: tuple[tuple[str, list[str]], ...] = (
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy", ["-m", "mypy"]),
    ("import-linter", ["-c", "from importlinter.cli import lint_imports_command as main; main()"]),
)
_NEEDS_DATABASE = ("db", "browser", "contracts", "operate")


def parser() -> Parser:
    """Options of ``test``."""
    parser = Parser("test", f"[{'|'.join(PARTS)}] [pytest 的参数]")
    parser.add_argument(
        "part", nargs="?", choices=PARTS, help="只运行这一部分；不写则先做静态检查，再运行全部。"
    )
    return parser


def test(arguments: list[str]) -> int:
    """Run tests; the exit status is pytest's, or that of the first check that failed."""
    if arguments[:1] in (["-h"], ["--help"]):
        parser().parse_args(["--help"])
    part = arguments[0] if arguments and arguments[0] in PARTS else None
    rest = arguments[1:] if part else arguments
    console = Console(INSTALLED.log)
    parts = [part] if part else [name for name in PARTS if (ROOT / "tests" / name).is_dir()]
    tools: dict[str, str] = {}
    with install_lock(console) as descriptor:
        console.lock_descriptor = descriptor
        toolchain.ensure_application(console)
        toolchain.ensure_packages(console, "test")
        if "browser" in parts:
            tools |= ensure_browser(console)
        if "images" in parts:
            tools |= ensure_image_tools(console)
        console.lock_descriptor = None
    env = {**own_environment(), **tools}
    failed = {} if part else _gate(env)
    with contextlib.ExitStack() as stack:
        if set(parts) & set(_NEEDS_DATABASE) and not env.get("ONEMAP_TEST_DATABASE_URL"):
            env["ONEMAP_TEST_DATABASE_URL"] = stack.enter_context(throwaway_database(console))
        command = [str(INSTALLED.python), "-m", "pytest", *(f"tests/{name}" for name in parts), *rest]
        status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    if failed:
        print(f"✗ 静态检查没有通过：{'、'.join(failed)}", file=sys.stderr)
    return status or next(iter(failed.values()), 0)


def own_environment() -> dict[str, str]:
    """Environment of tests and benchmarks: an address of a running copy must never reach them."""
    env = application_environment()
    for name in ("ONEMAP_DATABASE_URL", "ONEMAP_ADMIN_DATABASE_URL", "ONEMAP_DATA", "DATABASE_URL"):
        env.pop(name, None)
    return env


def _gate(env: dict[str, str]) -> dict[str, int]:
    """Run the checks that need no test; exit status of each that failed."""
    failed = {}
    for title, words in _GATE:
        print(f"── {title}", flush=True)
        status = subprocess.run([str(INSTALLED.python), *words], cwd=ROOT, env=env, check=False).returncode
        if status:
            failed[title] = status
    return failed


# --- a database to throw away ---------------------------------------------------------------------------------------


def _prefix() -> str:
    return f"onemap-test-{digest(str(ROOT))[:8]}-"


def _sweep() -> None:
    """Remove the clusters of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        match = re.fullmatch(rf"{_prefix()}(\d+)-.*", folder.name)
        if match and not Path("/proc", match[1]).exists():
            _remove(folder)


def _remove(folder: Path) -> None:
    cluster = Cluster(folder / "cluster", folder.name, throwaway=True)
    signal_all(processes_in(cluster.folder), force=True)
    with contextlib.suppress(Exception):
        shutil.rmtree(cluster.socket())
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def throwaway_database(console: Console) -> Iterator[str]:
    """Address of a superuser's database on a cluster of its own, durable against nothing, removed afterwards."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_prefix()}{os.getpid()}-"))
    cluster = Cluster(folder / "cluster", folder.name, throwaway=True)
    try:
        clusters.ensure_system_user()
        if IS_ROOT:
            os.chown(folder, pwd.getpwnam(clusters.SYSTEM_USER).pw_uid, -1)
        clusters.start(console, cluster, "启动测试用的数据库")
        yield cluster.address(clusters.ADMIN_ROLE, "postgres")
    finally:
        # silent, so that pytest's closing line is the last
        silent = Console(console.log, quiet_below=float("inf"))
        with contextlib.suppress(Exception), silent.step("移除测试用的数据库") as step:
            clusters.stop(step, cluster, at_once=True)
        _remove(folder)

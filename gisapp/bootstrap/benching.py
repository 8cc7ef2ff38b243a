"""``bench``: what a benchmark needs, a database that is thrown away, and the benchmark in the foreground."""

from __future__ import annotations

import contextlib

from gisapp.bootstrap import toolchain, words
from gisapp.bootstrap.browser import ensure_browser
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import INSTALLED, ROOT
from gisapp.bootstrap.processes import run_here
from gisapp.bootstrap.testing import own_environment, throwaway_database
from gisapp.bootstrap.up import install_lock

_FOLDER = ROOT / "tests" / "bench"


def bench(arguments: list[str]) -> int:
    """Run a benchmark by its name; its exit status, 2 where there is none of that name."""
    names = sorted(path.stem for path in _FOLDER.glob("[a-z]*.py"))
    if not arguments or arguments[0] in ("-h", "--help") or arguments[0] not in names:
        known = "、".join(names) or "（还没有）"
        print(f"用法：./onemap bench 名称 [--json]\n\n{words.WORDS['bench']}\n可用的名称：{known}")
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    name, *rest = arguments
    source = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
    inside, beside = "PEERS_INSIDE" in source, "ONEMAP_BENCH_PYTHON" in source
    console = Console(INSTALLED.log)
    env = own_environment()
    with install_lock(console) as descriptor:
        console.lock_descriptor = descriptor
        toolchain.ensure_application(console)
        if inside or beside:
            # Only benchmarks that name their peers wait for them: they are large and nothing else needs them.
            toolchain.ensure_packages(console, "bench", INSTALLED.bench)
            env["ONEMAP_BENCH_PYTHON"] = str(INSTALLED.bench / "bin" / "python")
        if not inside:
            toolchain.ensure_packages(console, "test")
        if "playwright" in source:
            env.update(ensure_browser(console))
        console.lock_descriptor = None
    python = INSTALLED.bench / "bin" / "python" if inside else INSTALLED.python
    with contextlib.ExitStack() as stack:
        if "DATABASE_URL" in source and not env.get("ONEMAP_TEST_DATABASE_URL"):
            env["ONEMAP_TEST_DATABASE_URL"] = stack.enter_context(throwaway_database(console))
        return run_here([python, "-m", f"tests.bench.{name}", *rest], env, cwd=ROOT)

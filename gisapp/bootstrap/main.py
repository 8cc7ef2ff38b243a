"""The door behind ``./onemap``: set-up's own words, and everything else to the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from gisapp.bootstrap import content, databases, toolchain, up, words
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import INSTALLED, ROOT, choose_data, remember_data
from gisapp.bootstrap.logs import trim
from gisapp.bootstrap.processes import run_here
from gisapp.bootstrap.trouble import from_os_error
from gisapp.errors import OnemapError


def main(arguments: Sequence[str]) -> int:
    """Run one word; an error becomes its message, its remedy and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    trim(INSTALLED.log)
    try:
        return _dispatch(list(arguments))
    except OnemapError as error:
        _complain(error)
    except OSError as error:
        _complain(from_os_error(error))
    except KeyboardInterrupt:
        print("\n已中断；再次运行同一命令会接着做完。", file=sys.stderr)
        return 130
    return 1


def _complain(error: OnemapError) -> None:
    print(f"✗ {error.message}", file=sys.stderr)
    if error.remedy:
        print(f"  → {error.remedy}", file=sys.stderr)


def _dispatch(arguments: list[str]) -> int:
    word, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    own: dict[str, Callable[[list[str]], int]] = {
        "up": lambda rest: up.up(words.up_parser().parse_args(rest)),
        "down": lambda rest: up.down(words.down_parser().parse_args(rest)),
        "backup": _backup,
        "restore": _restore,
        "doctor": _doctor,
        "test": _test,
        "bench": _bench,
        "python": _python,
        "notebook": _notebook,
    }
    if word in own:
        return own[word](rest)
    return _command(arguments)


def _backup(rest: list[str]) -> int:
    from gisapp.bootstrap.backup import backup

    return backup(words.backup_parser().parse_args(rest))


def _restore(rest: list[str]) -> int:
    from gisapp.bootstrap.restore import restore

    return restore(words.restore_parser().parse_args(rest))


def _doctor(rest: list[str]) -> int:
    from gisapp.bootstrap.doctor import doctor

    return doctor(words.doctor_parser().parse_args(rest))


def _test(rest: list[str]) -> int:
    from gisapp.bootstrap.testing import test

    return test(rest)


def _environment(console: Console, *, database: bool = True) -> dict[str, str]:
    """Everything installed, the database running and migrated; the environment for a program of the application."""
    up.install(console)
    if not database:
        return databases.application_environment()
    data = choose_data(None)
    data.prepare()
    with up.data_lock(console, data):
        addresses = databases.connect(console, data)
        content.prepare_database(console, data, addresses, None)
    remember_data(data)
    return addresses.environment(data)


def _bench(rest: list[str]) -> int:
    from gisapp.bootstrap.benching import bench

    return bench(rest)


def _python(rest: list[str]) -> int:
    console = Console(INSTALLED.log)
    env = _environment(console)
    return run_here([INSTALLED.python, *rest], env)


def _notebook(rest: list[str]) -> int:
    console = Console(INSTALLED.log)
    env = _environment(console)
    with up.install_lock(console):
        toolchain.ensure_packages(console, "notebook")
    options = ["--allow-root"] if os.geteuid() == 0 else []
    return run_here(
        [INSTALLED.python, "-m", "jupyterlab", *options, *(rest or [str(ROOT / "notebooks")])], env
    )


def _command(arguments: list[str]) -> int:
    """Any other word: the application's command line."""
    asks_help = not arguments or any(word in ("-h", "--help") for word in arguments)
    if asks_help and not (INSTALLED.venv / ".onemap-run").exists():
        print(words.overview())
        return 0
    console = Console(INSTALLED.log)
    env = _environment(console, database=not asks_help)
    return run_here(content.command_line(*(arguments or ["--help"])), env)

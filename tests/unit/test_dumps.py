"""Backups: what is told to whom, and what is refused before anything is touched."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gisapp.bootstrap import dumps, words
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.postgis import Programs
from gisapp.bootstrap.trouble import SetupError

PROGRAMS = Programs(Path("/usr/lib/postgresql/15/bin"), 15)


def test_the_password_of_an_address_is_not_among_the_words_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others on the machine see the words of a call, and the log of set-up keeps them."""
    address = "postgresql://owner:p%40ss@host:5433/site?sslmode=require"
    monkeypatch.setenv("DATABASE_URL", address)
    command, env = dumps._call(PROGRAMS, "pg_dump", address)
    assert command == [
        "/usr/lib/postgresql/15/bin/pg_dump",
        "--dbname=postgresql://owner@host:5433/site?sslmode=require",
    ]
    assert env["PGPASSWORD"] == "p@ss"
    assert "PGOPTIONS" not in env, "only a superuser may set what the private cluster is told"


def test_the_private_cluster_is_told_to_keep_rows_out_of_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    command, env = dumps._call(PROGRAMS, "psql", "postgresql://onemap_admin@/onemap?host=/run/x&port=5432")
    assert command[1] == "--dbname=postgresql://onemap_admin@/onemap?host=/run/x&port=5432"
    assert env["PGOPTIONS"] == "-c log_error_verbosity=terse -c log_min_error_statement=panic"
    assert "PGPASSWORD" not in env


def test_lines_that_hold_rows_reach_neither_log_nor_message(tmp_path: Path) -> None:
    console = Console(tmp_path / "setup.log", quiet_below=float("inf"))
    told = "pg_restore: error: COPY failed\nCONTEXT:  COPY person, line 1: 张三\nDETAIL:  Key (姓名)=(张三)\nlast"
    with console.step("恢复") as step:
        done = step.run([sys.executable, "-c", f"print({told!r})"], leave_out=dumps._ROWS)
    assert done.stdout == "pg_restore: error: COPY failed\nlast\n"
    # the command itself is logged, which here holds the text; the lines that it wrote follow it
    written = console.log.read_text(encoding="utf-8").rpartition("\npg_restore: error")[2]
    assert "last" in written and "张三" not in written


def test_versions_of_this_program_are_known_and_later_ones_refused() -> None:
    known = dumps.known_versions()
    assert known[:5] == ["0001", "0002", "0003", "0004", "0005"]
    assert known == sorted(set(known))
    for version in known:
        dumps.require_known(version, Path("x.dump"))
    with pytest.raises(SetupError, match=r"9999.*新") as refused:
        dumps.require_known("9999", Path("x.dump"))
    assert "升级本程序" in str(refused.value.remedy)


def test_options_of_backup_and_restore() -> None:
    assert words.backup_parser().parse_args(["a.dump"]).file == "a.dump"
    options = words.restore_parser().parse_args(["a.dump", "--discard", "--data", "/x"])
    assert (options.file, options.discard, options.data) == ("a.dump", True, "/x")
    assert not words.restore_parser().parse_args(["a.dump"]).discard
    with pytest.raises(SystemExit):
        words.backup_parser().parse_args([])

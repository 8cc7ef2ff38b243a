"""A database in one file: written by ``pg_dump``, checked, and read into a database that is empty by ``pg_restore``.

Only the schema ``onemap`` is in the file. Extensions, roles and grants are not: the place where it is restored has its
own, and the migration makes them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gisapp.bootstrap import databases, postgis
from gisapp.bootstrap.console import Console, Step
from gisapp.bootstrap.layout import ROOT
from gisapp.bootstrap.postgis import Programs
from gisapp.bootstrap.trouble import ProgramFailed, SetupError

_NEEDS_SEARCH_PATH = "0004"
"""Up to this version the function of a generated column found PostGIS by the search path, which is empty in a restore."""
# What PostgreSQL says of a refused row holds the row.
_ROWS = r"CONTEXT:|DETAIL:|STATEMENT:"
_ROWLESS = "-c log_error_verbosity=terse -c log_min_error_statement=panic"


def programs_for(console: Console, cluster_version: int | None) -> Programs:
    """Programs that read and write dumps: those of a cluster's version, or the newest that the machine has.

    Args:
        cluster_version: major version of the private cluster; None for another server.

    Raises:
        SetupError: there are none and none can be had.
    """
    if cluster_version is None and postgis.choose(None) is None and (tool := shutil.which("pg_restore")):
        return Programs(Path(tool).resolve().parent, 0)
    return postgis.ensure_programs(console, cluster_version)


def _call(programs: Programs, tool: str, url: str) -> tuple[list[str], dict[str, str]]:
    """The first words of a call and its environment; the password goes by the environment, which others cannot read."""
    env, parts = programs.environment(), urlsplit(url)
    if parts.password:
        env["PGPASSWORD"] = unquote(parts.password)
        user, _, place = parts.netloc.rpartition("@")
        url = parts._replace(netloc=f"{user.partition(':')[0]}@{place}").geturl()
    if databases.external_url() is None:
        env["PGOPTIONS"] = _ROWLESS
    return [str(programs.folder / tool), f"--dbname={url}"], env


def ask(programs: Programs, url: str, *statements: str) -> str:
    """Run statements, one transaction each, and give what they answer.

    Raises:
        SetupError: one of them was refused.
    """
    command, env = _call(programs, "psql", url)
    command += ["-qAtX", "-v", "ON_ERROR_STOP=1", *(word for text in statements for word in ("-c", text))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = re.sub(rf"(?m)^(?:{_ROWS}).*\n?", "", done.stderr).strip()
        raise SetupError(f"数据库没有照办：{words}", remedy="请排除上述原因后再次运行同一命令。")
    return done.stdout.strip()


# --- writing --------------------------------------------------------------------------------------------------------


def save(step: Step, programs: Programs, url: str, file: Path) -> str:
    """Write a database into a file that only its owner can read; it is there whole and readable, or not at all.

    Returns:
        The version of the schema in it.

    Raises:
        SetupError: it cannot be written, or not read again.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        command, env = _call(programs, "pg_dump", url)
        command += ["--format=custom", "--schema=onemap", "--verbose", f"--file={part}"]
        step.run(command, env=env, leave_out=_ROWS)
        version = check(step, programs, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return version


# --- reading --------------------------------------------------------------------------------------------------------


def known_versions() -> list[str]:
    """Versions of the schema that this program knows, the oldest first."""
    folder = ROOT / "gisapp" / "store" / "migrations" / "versions"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("v*.py")]
    return sorted(
        found[1] for text in texts if (found := re.search(r'^revision = "(\w+)"', text, re.MULTILINE))
    )


def check(step: Step, programs: Programs, file: Path) -> str:
    """Read a backup from beginning to end.

    Returns:
        The version of the schema in it.

    Raises:
        SetupError: damaged, or not one of this program's.
    """
    tool, env = str(programs.folder / "pg_restore"), programs.environment()
    try:
        step.run([tool, "--file=/dev/null", file], env=env)
    except ProgramFailed as error:
        raise _unreadable(file, error) from None
    told = subprocess.run(
        [tool, "--data-only", "--schema=onemap", "--table=alembic_version", "--file=-", file],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^COPY onemap\.alembic_version .*\n(\w+)\n", told.stdout, re.MULTILINE)
    if found is None:
        raise SetupError(
            f"{file} 不是本程序的数据库备份。", remedy="请指定由 ./onemap backup 写出的文件。没有作任何改动。"
        )
    return found[1]


def require_known(version: str, file: Path) -> None:
    """Refuse a backup of a schema that this program does not know.

    Raises:
        SetupError: it was made by a newer program.
    """
    known = known_versions()
    if version not in known:
        raise SetupError(
            f"备份 {file} 的结构版本（{version}）比本程序（{known[-1]}）新。",
            remedy="请先升级本程序再恢复。没有作任何改动。",
        )


def _unreadable(file: Path, error: ProgramFailed) -> SetupError:
    if "unsupported version" in error.output:
        return SetupError(
            f"备份 {file} 由更新的 PostgreSQL 写出，这里的程序读不了。",
            remedy="请在装有同样新或更新的 PostgreSQL 的机器上恢复。没有作任何改动。",
        )
    words = (error.output.strip().splitlines() or ["没有说明原因"])[-1]
    return SetupError(
        f"备份 {file} 已损坏或不是备份：{words}",
        remedy="请换一份备份，或重新复制这份文件。没有作任何改动。",
    )


def fill(step: Step, programs: Programs, url: str, file: Path, version: str) -> None:
    """Read a backup into a database that has no schema ``onemap`` yet; the first error ends it.

    Args:
        version: of the schema in the file, from :func:`check`.

    Raises:
        SetupError: what is then in the database is incomplete, and to be thrown away.
    """
    ask(
        programs,
        url,
        "CREATE EXTENSION IF NOT EXISTS postgis",
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        "CREATE SCHEMA onemap",
    )
    command, env = _call(programs, "pg_restore", url)
    # Owner and grants are those of this place, not those of the place where the backup was made.
    command += ["--schema=onemap", "--no-owner", "--no-privileges", "--exit-on-error", "--verbose"]
    at_once = f"--jobs={min(4, os.cpu_count() or 1)}"
    step.run([*command, "--section=pre-data", file], env=env, leave_out=_ROWS)
    if version <= _NEEDS_SEARCH_PATH:
        ask(
            programs, url, "ALTER FUNCTION onemap.tile_key(public.geometry) SET search_path = public, pg_temp"
        )
    for section in ("data", "post-data"):
        step.run([*command, f"--section={section}", at_once, file], env=env, leave_out=_ROWS)
    ask(programs, url, "ANALYZE")

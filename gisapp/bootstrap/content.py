"""What is in the database: its schema brought up to date, the demo place loaded into an empty one."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from gisapp.bootstrap import databases, postgis
from gisapp.bootstrap.cluster import ADMIN_ROLE
from gisapp.bootstrap.console import Console, Step
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import INSTALLED, ROOT, DataDirectory, digest, read_json, write_whole
from gisapp.bootstrap.trouble import ProgramFailed, SetupError, require_space

_TITLES = {"street": "载入演示街道", "district": "载入演示区", "city": "载入演示城市"}
_MEGABYTES = {"street": 600, "district": 6000, "city": 60000}
# Whatever the last preparation found and wrote down: which database (a restore makes the tables anew), schema, emptiness,
# accounts (the simulator's own comes later).
_STATE = (
    "SELECT concat_ws(':', 'onemap.region'::regclass::oid, (SELECT version_num FROM onemap.alembic_version), EXISTS (SELECT FROM onemap.region),"
    " (SELECT md5(string_agg(concat(login, password_hash, active), ',' ORDER BY login)) FROM onemap.app_user"
    " WHERE login <> 'simulator'))"
)


def command_line(*words: str) -> list[str]:
    """A command of the application."""
    return [str(INSTALLED.python), "-m", "gisapp.cli", *words]


def prepare_database(console: Console, data: DataDirectory, addresses: Addresses, size: str | None) -> None:
    """Migrate, and load the demo place into a database that is empty.

    Args:
        size: of the demo place; None to load none.

    Raises:
        SetupError: for instance a newer database, or a server without PostGIS.
    """
    note, loading = data.run / "prepared.json", data.run / "demo-loading"
    if not loading.exists() and _is_prepared(data, addresses):
        return
    env = addresses.environment(data)
    with console.step("准备数据库结构") as step:
        found = migrate(step, data, env)
        step.note = f"版本 {found['version']}"
    if size is not None and (found["empty"] or loading.exists()):
        if databases.external_url() is None:
            require_space(data.path, _MEGABYTES[size], "演示数据")
        with console.step(_TITLES[size]) as step:
            # The note outlives a killed load; the next start then loads again what may be half there.
            write_whole(loading, size)
            _load_demo(step, size, env)
            loading.unlink()
            migrate(step, data, env)
    write_whole(note, json.dumps({"program": _program(addresses), "state": _state(data)}))


def require_not_newer(console: Console, data: DataDirectory, addresses: Addresses) -> None:
    """Refuse a database that a newer program has used, while the server of that program still runs on it.

    Raises:
        SetupError: it is newer; nothing has been changed.
    """
    if _is_prepared(data, addresses):
        return
    with console.step("检查数据库结构的版本") as step:
        try:
            step.run(command_line("migrate", "--check"), env=addresses.environment(data))
        except ProgramFailed as error:
            raise _from_command(error) from None


def _is_prepared(data: DataDirectory, addresses: Addresses) -> bool:
    """Whether the private database is just as the last preparation by this program left it: asked of the database
    itself, in milliseconds where the command line would take a second or more."""
    note = read_json(data.run / "prepared.json")
    state = _state(data) if note.get("program") == _program(addresses) else ""
    return bool(state) and note.get("state") == state


def _program(addresses: Addresses) -> str:
    """Changes with the migrations on disk and with the database."""
    folder = ROOT / "gisapp" / "store"
    scripts = [*(folder / "migrations").rglob("*.py"), *(folder / "sql" / "schema").rglob("*.sql")]
    return digest(addresses.admin, *sorted(scripts))


def _state(data: DataDirectory) -> str:
    """What there is to know about the private database; empty when it is another's, or cannot be asked."""
    if databases.external_url() is not None:
        return ""
    cluster = databases.private_cluster(data)
    programs = postgis.choose(cluster.version())
    if programs is None or not (programs.folder / "psql").exists():
        return ""
    command = [str(programs.folder / "psql"), "-qAtX", "-c", _STATE, cluster.address(ADMIN_ROLE)]
    asked = subprocess.run(command, env=programs.environment(), capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _load_demo(step: Step, size: str, env: Mapping[str, str]) -> None:
    """Load the demo place; tried for a while, because the server still finishes what a killed load had asked of it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            step.run(command_line("demo", "--size", size), env=env)
            return
        except ProgramFailed as error:
            if "另一个批量载入正在进行" not in error.output or time.monotonic() > deadline:
                raise _from_command(error) from None
        time.sleep(2)


def migrate(step: Step, data: DataDirectory, env: Mapping[str, str]) -> dict[str, Any]:
    """Migrate and note which demo users there are; what the command tells of the database."""
    try:
        done = step.run(command_line("migrate", "--json"), env=env)
    except ProgramFailed as error:
        raise _from_command(error) from None
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    write_whole(data.run / "demo-users.json", json.dumps({"users": found["demo_users"]}), 0o600)
    return found


def _from_command(error: ProgramFailed) -> SetupError:
    """An error of our own command line says it all: hand its message on instead of wrapping it."""
    lines = error.output.strip().splitlines()
    marks = [index for index, line in enumerate(lines) if line.startswith("✗ ")]
    if not marks:
        return error
    message = [line.removeprefix("✗ ").strip() for line in lines[marks[-1] :]]
    arrow = next((i for i, line in enumerate(message) if line.startswith("→ ")), len(message))
    remedy = "".join(message[arrow:]).removeprefix("→ ")
    return SetupError("".join(message[:arrow]), remedy=remedy or None)

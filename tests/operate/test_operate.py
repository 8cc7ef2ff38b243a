"""``docs/operate.md`` followed block by block on a site of its own: install, update, back up, restore, the service.

The tests build on one another in the order of the page, as a reader does; run them together.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import psycopg2
import pytest

from gisapp.bootstrap import postgis
from gisapp.bootstrap.dumps import known_versions
from gisapp.bootstrap.layout import read_json
from tests.operate.content import Content, around, different, fill_empty_tables, rows
from tests.operate.site import Site, visit
from tests.page import block

pytestmark = pytest.mark.timeout(900)

SERVER_OWN = {f"{kind} of {name}" for kind, name in (
    ("rows", "app_session"), ("rows", "data_change"), ("counter", "data_change_id_seq"))}  # fmt: skip
"""What a running server changes although nobody works: who signed in, and changes that are folded."""


def settled(content: Content) -> Content:
    """A content without what a running server changes by itself."""
    return {name: what for name, what in content.items() if name not in SERVER_OWN}


def backup_of_today(place: Site) -> Path:
    """The file that the page's commands name."""
    found = sorted(Path(place.env["BACKUPS"]).glob("onemap-*.dump"))
    assert len(found) == 1
    return found[0]


def version(url: str) -> str:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM onemap.alembic_version")
        answer = str(cursor.fetchone()[0])
    connection.close()
    return answer


def execute(url: str, *statements: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def test_install(place: Site) -> None:
    place.run(block("Install"))
    assert visit(place.url) > 0
    filled = fill_empty_tables(place.database())
    assert "alert" in filled and "look" in filled
    if place.older:
        assert version(place.database()) == "0004"


def test_update(place: Site) -> None:
    before = rows(place.database())
    # what the page of that version said
    place.run(f'{tool(place, "pg_dump")} --format=custom --file=by-hand.dump "{place.database()}"')
    place.publish()
    place.run(block("Update"))
    assert version(place.database()) == known_versions()[-1]
    after = rows(place.database())
    lost = {
        key for key in before if key.startswith("rows") and count(after.get(key, "0")) < count(before[key])
    }
    assert lost - {"rows of data_change"} == set(), "changes are folded by the server"
    assert visit(place.url) > 0


def tool(place: Site, name: str) -> Path:
    """A program of PostgreSQL that fits the site's cluster."""
    programs = postgis.choose(place.cluster().version())
    assert programs is not None
    return programs.folder / name


def count(text: str) -> int:
    """Number of rows in an entry of ``rows``."""
    return int(text.split()[0])


def test_back_up_while_it_runs(place: Site) -> None:
    fill_empty_tables(place.database())
    assert [
        name
        for name, what in rows(place.database()).items()
        if what.startswith("0 rows") and "fix_" not in name
    ] == []
    place.run(block("Back up"))
    file = backup_of_today(place)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []
    assert (Path(place.env["KEYS"]) / "import-digest").read_bytes() == (
        place.data / "keys/import-digest"
    ).read_bytes()
    again = place.run(f"./onemap backup {file}", check=False)
    assert again.returncode == 1 and "已存在" in again.stderr


def test_restore_brings_back_every_row_and_all_around_them(place: Site) -> None:
    # Without the server nothing changes between the two looks; the backup is made anew for the same reason.
    place.run("./onemap down")
    backup_of_today(place).unlink()
    place.run(block("Back up"))
    url = place.database()
    before, before_around = rows(url), around(url)
    execute(
        url,
        "DELETE FROM onemap.poi",
        "UPDATE onemap.event SET title = 'x'",
        "DROP TABLE onemap.hotspot_cell",
        "SELECT setval('onemap.event_id_seq', 1, false)",
        "CREATE TABLE onemap.later (id integer)",
    )
    assert len(different(before, rows(url))) >= 4
    place.run(block("Restore"))
    assert different(before, rows(place.database())) == {}
    assert different(before_around, around(place.database())) == {}
    place.run(block("Restore", 2))
    assert visit(place.url) > 0
    kept = list((place.data / "backups").glob("before-restore-*.dump"))
    assert len(kept) == 1 and stat.S_IMODE(kept[0].stat().st_mode) == 0o600


def test_what_cannot_be_restored_changes_nothing(place: Site, tmp_path: Path) -> None:
    good = backup_of_today(place).read_bytes()
    damaged = {
        "cut": good[: len(good) // 2],
        "flipped": good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 0xFF]) + good[len(good) // 2 + 1 :],
        "text": "备份".encode(),
        "empty": b"",
    }
    server = read_json(place.data / "run/server.json")
    before = rows(place.database())
    for name, content in damaged.items():
        file = tmp_path / f"{name}.dump"
        file.write_bytes(content)
        done = place.run(f"./onemap restore {file}", check=False)
        assert done.returncode == 1, name
        assert "没有作任何改动" in done.stderr, done.stderr
    assert place.run(f"./onemap restore {tmp_path / 'none'}", check=False).returncode == 1
    assert read_json(place.data / "run/server.json") == server and visit(place.url)
    assert different(settled(before), settled(rows(place.database()))) == {}


def test_a_killed_restore_leaves_the_old_data(place: Site) -> None:
    place.run("./onemap down")
    place.run("./onemap python -c pass")
    before = rows(place.database())
    backup = backup_of_today(place)
    restore = subprocess.Popen(
        ["./onemap", "restore", str(backup)],
        cwd=place.program,
        env=place.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not begun(place):
        assert restore.poll() is None and time.monotonic() < deadline
    os.killpg(restore.pid, signal.SIGKILL)
    restore.wait()
    assert different(before, rows(place.database())) == {}
    execute(place.database(), "UPDATE onemap.event SET title = 'y'")
    place.run(f"./onemap restore --discard {backup}")
    assert different(settled(before), settled(rows(place.database()))) == {}
    server = psycopg2.connect(place.database(name="postgres"))
    with server, server.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'onemap%'")
        assert cursor.fetchall() == [("onemap",)]
    server.close()
    place.run("./onemap up --no-simulator")
    assert visit(place.url) > 0


def test_a_restore_by_hand_is_noticed_by_the_next_start(place: Site) -> None:
    """Everything that ``up`` compares is as before, but the grants and marks are gone."""
    before = around(place.database())
    file = place.folder / "by-hand.dump"
    place.run(f"./onemap down\n./onemap backup {file}")
    url = place.database()
    execute(url, "DROP SCHEMA onemap CASCADE", "ALTER FUNCTION textlike(text, text) NOT LEAKPROOF")
    place.run(
        f'{tool(place, "pg_restore")} --no-privileges --no-owner --exit-on-error --dbname="{url}" {file}'
    )
    assert len(different(before, around(url, whole=False))) > 100
    place.run("./onemap up --no-simulator")
    assert different(before, around(url)) == {}
    assert visit(place.url) > 0


def begun(place: Site) -> bool:
    """Whether a restore has made its tables and not finished."""
    try:
        connection = psycopg2.connect(place.database(name="onemap_restoring"))
    except psycopg2.OperationalError:
        return False
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('onemap.event') IS NOT NULL")
        answer = bool(cursor.fetchone()[0])
    connection.close()
    return answer


def test_rehearse_elsewhere(place: Site) -> None:
    place.run(block("Restore", 3))
    there = Path(place.env["REHEARSAL"])
    assert visit(f"http://127.0.0.1:{place.env['REHEARSAL_PORT']}") > 0
    here = place.database()
    assert different(around(here), around(place.database(there))) == {}
    assert different(settled(rows(here)), settled(rows(place.database(there)))) == {}
    assert (there / "keys/import-digest").read_bytes() == (place.data / "keys/import-digest").read_bytes()
    place.run(block("Restore", 4))
    assert not read_json(there / "run/server.json")


def test_backup_of_an_older_version_is_migrated_and_of_a_newer_one_refused(
    place: Site, tmp_path: Path
) -> None:
    there = Path(place.env["REHEARSAL"])
    old = next(Path(place.env["BACKUPS"]).glob("before-update-*.dump"))
    done = place.run(f"./onemap restore --discard --data {there} {old}")
    assert f"结构版本 {'0004' if place.older else known_versions()[-1]}" in done.stderr
    url = place.database(there)
    assert version(url) == known_versions()[-1]
    assert different(around(place.database()), around(url)) == {}
    whole = {name: what for name, what in rows(url).items() if name.startswith("rows")}
    assert all(
        count(whole[f"rows of {table}"]) > 0 for table in ("event", "address", "poi", "building_population")
    )
    newer = tmp_path / "newer.dump"
    execute(url, "UPDATE onemap.alembic_version SET version_num = '9999'")
    place.run(f"./onemap backup --data {there} {newer}")
    execute(url, f"UPDATE onemap.alembic_version SET version_num = '{known_versions()[-1]}'")
    server = read_json(place.data / "run/server.json")
    refused = place.run(f"./onemap restore {newer}", check=False)
    assert refused.returncode == 1
    assert "9999" in refused.stderr and "新" in refused.stderr and "没有作任何改动" in refused.stderr
    assert read_json(place.data / "run/server.json") == server and visit(place.url)


def test_restore_into_an_empty_database_of_ones_own_server(place: Site, server_url: str) -> None:
    name = f"onemap_own_{secrets.token_hex(4)}"
    execute(server_url, f"CREATE DATABASE {name}")
    address = server_url.replace("/postgres?", f"/{name}?")
    assert address != server_url
    own = Site(
        place.folder,
        place.env | {"EMPTY_DATABASE": address, "ONEMAP_DATA": str(place.folder / "own")},
        place.older,
    )
    try:
        done = own.run(block("Restore", 5))
        assert "恢复数据" in done.stderr
        names = ("rows of event", "rows of address", "rows of person", "counter of event_id_seq")
        here, there = rows(place.database()), rows(address)
        assert {n: here[n] for n in names} == {n: there[n] for n in names}
        again = own.run(block("Restore", 5), check=False)
        assert again.returncode == 1 and "不会覆盖" in again.stderr
        assert different(there, rows(address)) == {}
    finally:
        execute(server_url, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE IF EXISTS {name}_app")


def test_the_service_is_one_that_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    unit = tmp_path / "etc/systemd/system/onemap.service"
    unit.parent.mkdir(parents=True)
    text = block("As a service")
    unit.write_text(text, encoding="utf-8")
    program = tmp_path / "srv/onemap/onemap"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for name in ("sysinit", "basic", "shutdown", "network", "multi-user"):
        (units / f"{name}.target").write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
    command = ["systemd-analyze", "verify", f"--root={tmp_path}", "--recursive-errors=no", "onemap.service"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    unit.write_text(text.replace("TimeoutStartSec", "TimeoutStart"), encoding="utf-8")
    assert "TimeoutStart" in subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_doctor_is_content_in_the_end(place: Site) -> None:
    told = json.loads(place.run("./onemap doctor --json").stdout)
    assert [finding for finding in told if finding["mark"] == "✗"] == []

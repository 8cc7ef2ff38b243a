"""The container images: built, started as the compose file says, and used through the proxy. The section of
``docs/operate.md`` on containers is followed block by block; the tests build on one another in its order."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.images.conftest import Machine
from tests.images.engine import Container
from tests.page import ROOT, block

COMPOSE = "docker-compose --env-file docker/.env -f docker/compose.yaml"

pytestmark = pytest.mark.timeout(1800)


def container(machine: Machine, service: str) -> Container:
    return Container(f"{machine.state.name}-{service}", machine.state / service)


def inside(machine: Machine, service: str, *words: str, user: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program in the container of a service."""
    as_user = ["--user", user] if user else []
    command = ["runc", "exec", *as_user, f"{machine.state.name}-{service}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def compose_file() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
    return loaded


def visit(machine: Machine) -> dict[str, Any]:
    """What a visitor of the proxy sees, who stands where its port is published."""
    networks = sorted(compose_file()["networks"])
    number = sorted(compose_file()["services"]).index("proxy")
    address = f"http://10.89.{networks.index('outside')}.{10 + number}:80"
    command = ["ip", "netns", "exec", f"{machine.state.name[:20]}-machine"]
    command += [sys.executable, "-m", "tests.images.visitor", address]
    done = subprocess.run(command, cwd=ROOT, env=machine.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_everything_starts_and_somebody_signs_in(machine: Machine) -> None:
    machine.run(block("Containers"))
    text = (machine.folder / "onemap/docker/.env").read_text()
    passwords = [line.partition("=")[2] for line in text.splitlines() if "PASSWORD=" in line]
    assert len(set(passwords)) == 2 and all(len(word) == 48 for word in passwords)
    machine.run(block("Containers", 2))
    machine.run(block("Containers", 3))
    seen = visit(machine)
    assert (seen["health"], seen["page"], seen["title"]) == (200, 200, True)
    assert seen["cases"] > 0
    assert seen["headers"]["x-content-type-options"] == "nosniff"
    assert "server" not in seen["headers"]


def test_the_application_can_write_nowhere_but_in_its_places(machine: Machine) -> None:
    attempt = "import sys; open(sys.argv[1] + '/x', 'w').close()"
    for place, allowed in {
        "/tmp": True,
        "/var/lib/onemap/data": True,
        "/opt/onemap/app": False,
        "/": False,
    }.items():
        done = inside(machine, "application", "python", "-c", attempt, place)
        assert (done.returncode == 0) is allowed, f"{place}: {done.stderr}"
    # not for want of permission only: root of the container meets a file system that is read-only
    assert (
        "Read-only file system"
        in inside(machine, "application", "touch", "/opt/onemap/app/x", user="0:0").stderr
    )
    status = inside(machine, "application", "cat", "/proc/1/status").stdout
    fields = dict(line.partition(":\t")[::2] for line in status.splitlines())
    assert fields["Uid"].split()[0] != "0"
    assert {int(fields[name], 16) for name in ("CapBnd", "CapEff", "CapPrm")} == {0}
    assert fields["NoNewPrivs"].strip() == "1"


def test_the_owners_password_is_not_in_the_application(machine: Machine) -> None:
    found = inside(machine, "application", "cat", "/proc/1/environ").stdout
    assert "onemap_app" in found and "onemap_owner" not in found and "ADMIN" not in found


def test_only_the_application_reaches_the_database(machine: Machine) -> None:
    ask = "import socket, sys; socket.create_connection((sys.argv[1], 5432), timeout=3)"
    assert inside(machine, "application", "python", "-c", ask, "database").returncode == 0
    hosts = inside(machine, "proxy", "cat", "/etc/hosts").stdout
    assert "application" in hosts and "database" not in hosts
    assert inside(machine, "database", "ip", "route").stdout.count("default") == 0


def test_the_application_ends_when_asked(machine: Machine) -> None:
    assert container(machine, "application").stop(seconds=12), "ended by itself, not by force"
    machine.run(f"{COMPOSE} stop application")
    machine.run(f"{COMPOSE} up -d")
    assert visit(machine)["cases"] > 0


def test_back_up_and_restore(machine: Machine) -> None:
    before = visit(machine)["cases"]
    machine.run(block("Containers", 4))
    count = f"{COMPOSE} exec -T database psql -U onemap_owner -qAtX -d onemap -c "
    rows = machine.run(f"{count} 'SELECT count(*), max(id) FROM onemap.poi'").stdout
    machine.run(f"{count} 'DELETE FROM onemap.poi'")
    assert rows.split("|")[0] != "0"
    machine.run(block("Containers", 5))
    assert machine.run(f"{count} 'SELECT count(*), max(id) FROM onemap.poi'").stdout == rows
    assert visit(machine)["cases"] == before


def test_the_database_refuses_to_start_without_passwords(machine: Machine) -> None:
    machine.run(f"{COMPOSE} down --volumes")
    machine.run("cp docker/env.example docker/.env")
    started = machine.run(f"{COMPOSE} up -d", check=False)
    assert started.returncode == 1
    assert "password is not specified" in started.stderr

"""Operating: every block of the page is run by a test, and the images hold what the program reads."""

from __future__ import annotations

import re

import yaml

from gisapp.bootstrap.unprivileged import _PARTS
from tests.images.visitor import HEALTH
from tests.page import ROOT, blocks

RECIPE = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))


def test_every_block_of_the_page_is_run_as_it_stands() -> None:
    tests = [ROOT / "tests/operate/test_operate.py", ROOT / "tests/images/test_images.py"]
    source = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    assert len(blocks()) >= 14
    for found in blocks():
        call = f'block("{found.heading}"' + (f", {found.number})" if found.number > 1 else ")")
        # a shell runs it with nothing added or left out; the unit is given to systemd
        text = call if found.language == "ini" else f"run({call}"
        assert text in source, f"{found.heading}, block {found.number}, is run by no test"


def test_the_image_holds_whatever_the_server_reads() -> None:
    last = RECIPE.rpartition("FROM ")[2]
    copied = {word for line in re.findall(r"^COPY (.+)$", last, re.MULTILINE) for word in line.split()}
    assert [name for name in _PARTS if name not in copied] == []
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert [name for name in _PARTS if name in left_out and name != "node_modules"] == []


def test_base_images_and_proxy_have_exact_versions() -> None:
    recipes = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docker").glob("*ockerfile"))]
    names = re.findall(r"^FROM (\S+)", "\n".join(recipes), re.MULTILINE)
    names += [said["image"] for said in COMPOSE["services"].values() if "build" not in said]
    named = {name for name in names if not name.startswith("onemap")}
    assert {name.partition(":")[0] for name in named} == {"node", "python", "postgres", "caddy"}
    # two numbers are a whole version of PostgreSQL, three of the others
    assert [name for name in named if not re.search(r":(\d+\.\d+\.\d+|15\.\d+)(-|$)", name)] == []


def test_health_is_asked_at_one_address() -> None:
    assert f"127.0.0.1:8050{HEALTH}'" in RECIPE
    assert f"health_uri {HEALTH}\n" in (ROOT / "docker/Caddyfile").read_text(encoding="utf-8")

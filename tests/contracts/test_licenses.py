"""Licences: our own stands at the root, and those of everything we run with are listed and compatible."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from gisapp.bootstrap import licenses

ROOT = Path(__file__).resolve().parents[2]
#: of the text that apache.org publishes
APACHE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_the_licence_is_apache_in_full() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_package_we_run_with_has_a_compatible_licence() -> None:
    found = licenses.licenses()
    assert len(found["Python"]) > 50 and len(found["npm"]) > 10
    bad = {
        name: text
        for packages in found.values()
        for name, text in packages.items()
        if licenses.incompatible(text)
    }
    assert bad == {}


def test_the_page_lists_all_of_them() -> None:
    assert licenses.PAGE.read_text(encoding="utf-8") == licenses.page(licenses.licenses()), (
        "run: ./onemap python -m gisapp.bootstrap.licenses"
    )


def test_every_locked_package_is_looked_at() -> None:
    names = licenses.python_packages(ROOT / "requirements" / "run.txt")
    lines = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines()
    assert len(names) == sum(1 for line in lines if re.match(r"\S+==", line))
    assert {"fastapi", "dash", "psycopg2-binary"} <= set(names)
    assert {"leaflet", "maplibre-gl"} <= set(licenses.npm_packages(ROOT / "package-lock.json"))


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["MIT License"], "MIT"),
        (["BSD"], "BSD-3-Clause"),
        (["BSD 3-Clause"], "BSD-3-Clause"),
        (["BSD-2-Clause"], "BSD-2-Clause"),
        (["", "BSD License"], "BSD-3-Clause"),
        (["Apache 2"], "Apache-2.0"),
        (["   Apache License\n Version 2.0"], "Apache-2.0"),
        (["LGPL with exceptions"], "LGPL-3.0-or-later with exceptions"),
        (["Mozilla Public License 2.0 (MPL 2.0)"], "MPL-2.0"),
        (["GPL-3.0-only"], "unknown"),
        (["Proprietary"], "unknown"),
        (["", ""], "unknown"),
    ],
)
def test_licences_are_recognised(texts: list[str], name: str) -> None:
    assert licenses.spdx(texts) == name


@pytest.mark.parametrize(
    ("expression", "bad"),
    [
        ("MIT", []),
        ("(MIT OR Apache-2.0)", []),
        ("GPL-2.0-only OR MIT", []),
        ("MIT AND GPL-2.0-only", ["GPL-2.0-only"]),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", []),
        ("unknown", ["unknown"]),
        ("AGPL-3.0-only", ["AGPL-3.0-only"]),
    ],
)
def test_what_is_not_known_to_be_compatible_is_named(expression: str, bad: list[str]) -> None:
    assert licenses.incompatible(expression) == bad


def test_a_package_without_a_licence_is_noticed(tmp_path: Path) -> None:
    lock = tmp_path / "package-lock.json"
    lock.write_text(
        '{"packages": {"": {}, "node_modules/a": {"license": "MIT"}, "node_modules/@b/c": {},'
        ' "node_modules/d": {"license": "MIT", "dev": true}}}'
    )
    assert licenses.npm_packages(lock) == {"a": "MIT", "@b/c": "unknown"}

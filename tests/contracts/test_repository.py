"""The house itself: what may stand where."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = {
    *(
        ".ci",
        ".dockerignore",
        ".gitignore",
        ".npmrc",
        "CHANGELOG.md",
        "README.md",
        "README.zh-CN.md",
        "LICENSE",
    ),
    *("dash_app", "data", "docker", "docs", "gisapp", "layers", "notebooks", "tests", "requirements"),
    *("onemap", "package.json", "package-lock.json", "pyproject.toml"),
}


def tracked() -> list[Path]:
    """Files that git tracks, or would if they were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


FILES = tracked()
TEXT = [
    f
    for f in FILES
    if f.suffix in {".py", ".sql", ".md", ".txt", ".toml", ".json", ".mjs", ".js", ".css", ".yaml", ".ipynb"}
]


def test_top_level_folders_are_the_fixed_ones() -> None:
    assert {f.relative_to(ROOT).parts[0] for f in FILES} <= TOP


def test_no_large_file_and_no_third_party_script() -> None:
    assert [f.name for f in FILES if f.stat().st_size > 2_000_000] == []
    assert [f.name for f in FILES if f.name.endswith((".min.js", ".min.css", ".woff2"))] == []


def test_lock_files_carry_hashes_and_no_address() -> None:
    for name in ("run", "test"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://", text), name
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [f for f in FILES if f.suffix == ".sql"], ids=lambda f: f.stem)
def test_every_sql_file_says_purpose_parameters_and_index(path: Path) -> None:
    head = path.read_text(encoding="utf-8")[:1200]
    for word in ("-- Purpose:", "-- Parameters:", "-- Index used:"):
        assert word in head, word


def test_sql_stands_in_the_store_only() -> None:
    pattern = re.compile(r"\b(SELECT\s.+\sFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
    outside = [
        str(f.relative_to(ROOT))
        for f in FILES
        if f.suffix == ".py"
        and f.relative_to(ROOT).parts[0] in {"gisapp", "layers", "dash_app"}
        and f.relative_to(ROOT).parts[:2] not in {("gisapp", "store"), ("gisapp", "bootstrap")}
        and pattern.search(f.read_text(encoding="utf-8"))
    ]
    assert outside == []


def test_pages_and_modules_name_no_other_host() -> None:
    pattern = re.compile(r"https?://(?!127\.0\.0\.1|localhost|www\.w3\.org)[a-z0-9]")
    found = [
        str(f.relative_to(ROOT))
        for f in TEXT
        if f.relative_to(ROOT).parts[0] in {"dash_app", "layers"}
        and pattern.search(f.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_file_holds_two_ideas() -> None:
    """400 lines are a sign to look; 450 are too many. A test file may tell more cases of its one idea."""
    long = {
        str(f.relative_to(ROOT)): n
        for f in FILES
        if f.suffix in {".py", ".mjs", ".js", ".css"}
        and (n := len(f.read_text(encoding="utf-8").splitlines()))
        > (600 if f.is_relative_to(ROOT / "tests") else 450)
    }
    assert long == {}


def test_no_unfinished_marks() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX)\b")
    here = Path(__file__).name
    assert [
        f.name
        for f in TEXT
        if f.suffix == ".py" and f.name != here and pattern.search(f.read_text(encoding="utf-8"))
    ] == []

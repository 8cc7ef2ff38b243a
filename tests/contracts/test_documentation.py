"""Documentation: every command, page and layer is documented, every documented command exists, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from typer.main import get_command

from gisapp.bootstrap import words
from gisapp.cli import build
from layers.registry import layers_by_id

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("README*.md")])
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
SOURCES = [page.read_text(encoding="utf-8") for page in sorted((ROOT / "dash_app/pages").glob("*.py"))]


def commands() -> set[str]:
    """Every command of the typer command line, groups spelled out."""
    root = get_command(build())
    found: set[str] = set()

    def walk(command: object, path: str) -> None:
        below = getattr(command, "commands", None)
        if below:
            for name, one in below.items():
                walk(one, f"{path} {name}".strip())
        else:
            found.add(path)

    walk(root, "")
    return found


def test_every_command_is_documented() -> None:
    undocumented = [c for c in sorted(commands()) if not re.search(rf"onemap {re.escape(c)}\b", TEXT)]
    assert undocumented == []


def test_every_command_has_a_help_text_of_full_sentences() -> None:
    assert isinstance(build(), typer.Typer)

    def walk(command: object) -> list[str]:
        below = getattr(command, "commands", None)
        if below:
            return [bad for one in below.values() for bad in walk(one)]
        text = (getattr(command, "help", "") or "").strip()
        return [] if text.endswith("。") or "。" in text else [str(getattr(command, "name", command))]

    assert walk(get_command(build())) == []


def test_every_documented_command_exists() -> None:
    known = {c.split()[0] for c in commands()} | set(words.WORDS)
    named = set(re.findall(r"\./onemap ([a-z][a-z-]*)", TEXT))
    assert named - known == set()


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_page_is_documented() -> None:
    paths = re.findall(r'^PAGE = Page\(\s*"([^"]+)"', "\n".join(SOURCES), re.MULTILINE)
    assert len(paths) == sum("PAGE = Page(" in source for source in SOURCES), "every page states its path"
    assert [path for path in paths if f"`{path}`" not in TEXT] == []


def test_every_layer_stands_in_a_table() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`([a-z_0-9]+)`", row)}
    assert set(layers_by_id()) - named == set()


def test_every_picture_is_small_and_shown() -> None:
    pictures = sorted((ROOT / "docs/images").glob("*"))
    assert [p.name for p in pictures if p.stat().st_size > 400_000] == []
    assert [p.name for p in pictures if f"images/{p.name}" not in TEXT] == []


def test_every_picture_in_html_is_there() -> None:
    shown = [
        (page, name)
        for page in PAGES
        for name in re.findall(r'<img src="([^"]+)"', page.read_text(encoding="utf-8"))
    ]
    assert [name for page, name in shown if not (page.parent / name).exists()] == []

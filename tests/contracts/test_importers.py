"""Every importer keeps its promises: a title, columns that exist, words that lead to one field, and its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gisapp.domain.vocabulary import TERMS
from gisapp.services.importing.fields import Kind
from gisapp.services.importing.headings import normal, recognise
from gisapp.services.importing.importer import Importer
from gisapp.services.importing.osm_reading import KINDS
from gisapp.services.importing.registry import importers
from gisapp.services.importing.shapes import Shape

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
ALL = list(importers().values())
NEEDED = {
    "regions",
    "grids",
    "buildings",
    "addresses",
    "places",
    "streets",
    "components",
    "people",
    "organisations",
    "cases",
    "fixes",
}


def documented(kind: str) -> list[tuple[str, bool, str]]:
    """Fields of a kind as the page has them: name, required, type."""
    section = re.search(rf"^### {kind} · .*?(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/import.md lacks {kind}"
    rows = [
        line.split(" | ") for line in section.group().splitlines() if line.startswith("| ") and " | " in line
    ]
    return [(r[0].strip("| *"), "**" in r[0], r[1]) for r in rows if r[0] != "| field"]


def test_all_registers_can_be_imported() -> None:
    assert set(importers()) >= NEEDED
    assert set(KINDS) <= set(importers())


@pytest.mark.parametrize("importer", ALL, ids=lambda i: i.kind)
def test_the_page_lists_exactly_the_fields(importer: Importer) -> None:
    assert documented(importer.kind) == [(f.zh, f.required, f.kind.value) for f in importer.fields]


@pytest.mark.parametrize("importer", ALL, ids=lambda i: i.kind)
def test_title_columns_and_key_exist(importer: Importer) -> None:
    assert importer.term in TERMS
    columns = set(importer.table.columns.keys())
    assert set(importer.stored_fields) - columns - {"worker", "at"} == set()
    assert set(importer.key) <= columns
    assert (importer.shape is Shape.NONE) is ("geom" not in columns)
    if importer.store is None:
        needed = {
            c.name
            for c in importer.table.columns
            if not c.nullable and c.server_default is None and c.computed is None and c.identity is None
        }
        filled = {*importer.stored_fields, "place", "geom", "source", "digest"}
        optional = {f.name for f in importer.fields if f.stored and not f.required and f.default is None}
        assert needed - filled == set()
        assert needed & optional <= _PREPARED.get(importer.kind, set())


#: columns that must not be empty and that ``prepare`` fills where the file has nothing
_PREPARED = {
    "buildings": {"code"},
    "addresses": {"code", "full_text"},
    "components": {"code", "name"},
    "streets": {"walkable"},
    "cases": {"number", "due_at", "state", "title"},
}


@pytest.mark.parametrize("importer", ALL, ids=lambda i: i.kind)
def test_every_field_explains_itself_and_masks_what_is_personal(importer: Importer) -> None:
    personal = {c.name for c in importer.table.columns if c.info.get("personal")}
    for f in importer.all_fields:
        assert f.help.endswith("。"), f.name
        assert (f.kind is Kind.CHOICE) is (f.choices is not None)
        if f.name in personal:
            assert f.mask is not None and f.shown("110105194912310021") != "110105194912310021"


@pytest.mark.parametrize("importer", ALL, ids=lambda i: i.kind)
def test_the_chinese_name_of_each_field_leads_to_it(importer: Importer) -> None:
    titles = [f.zh for f in importer.all_fields]
    assert len({normal(t) for t in titles}) == len(titles)
    found = recognise(importer.all_fields, titles, {})
    assert found.columns == {f.name: (i,) for i, f in enumerate(importer.all_fields)} and not found.unused


@pytest.mark.parametrize("importer", [i for i in ALL if i.personal], ids=lambda i: i.kind)
def test_rows_of_personal_tables_are_never_found_by_a_digest(importer: Importer) -> None:
    """Such a digest would have to go without a key, which may be lost; so the database finds them by a function."""
    assert importer.match is not None
    assert "source_key" not in importer.key
    assert importer.table.c.digest.info.get("personal")


def test_people_are_the_personal_kind() -> None:
    assert [importer.kind for importer in ALL if importer.personal] == ["people"]

"""Every layer keeps the contract of the registry: vocabulary, unit, source, legend, test, and a style MapLibre accepts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.domain.vocabulary import TERMS
from gisapp.services.profile_kinds import DESCRIBE
from gisapp.store.sources import FileSource, TableSource
from gisapp.store.sqlfiles import ROOT as SQL
from gisapp.store.tables import SCHEMA, metadata
from layers.colours import THEMES, Themed
from layers.definition import GROUP_TITLES, Layer
from layers.registry import layer_for, layers_by_id, layers_for, listed_for, tilesets
from layers.style import style_for

REPOSITORY = Path(__file__).resolve().parents[2]
LAYERS = list(layers_by_id().values())


@pytest.fixture(params=LAYERS, ids=[layer.id for layer in LAYERS])
def layer(request: pytest.FixtureRequest) -> Layer:
    """Each layer."""
    found: Layer = request.param
    return found


def test_words(layer: Layer) -> None:
    assert layer.term in TERMS, "the title stands in the vocabulary"
    assert layer.unit and layer.origin and layer.group in GROUP_TITLES
    assert re.fullmatch(r"[a-z][a-z0-9_]*", layer.id)
    for field in layer.fields:
        assert field.title, f"{field.name} has a Chinese word"
        assert field.label or field.term in TERMS


def test_sources_exist(layer: Layer) -> None:
    for part in layer.parts:
        assert part.source.tables, part.name
        for table in part.source.tables:
            assert f"{SCHEMA}.{table}" in metadata.tables, table
        if isinstance(part.source, FileSource):
            text = (SQL / "layers" / f"{part.source.name}.sql").read_text(encoding="utf-8")
            assert "-- Purpose:" in text and "-- Index used:" in text
            assert set(re.findall(r"\{parameter:(\w+)\}", text)) == {p.name for p in part.source.parameters}
        if isinstance(part.source, TableSource):
            columns = metadata.tables[f"{SCHEMA}.{part.source.table}"].columns
            for column in layer.columns(part):
                assert (column.column or column.name) in columns, column
                assert not columns[column.column or column.name].info.get("personal")


def test_watches_what_it_reads(layer: Layer) -> None:
    if layer.delivery == "tiles":
        read = {table for part in layer.parts for table in part.source.tables}
        assert read <= set(layer.watched)


def test_legend_and_style_agree(layer: Layer) -> None:
    assert layer.legend and layer.style
    for item in layer.legend:
        assert item.label
    drawn = {style.name for style in layer.style}
    assert len(drawn) == len(layer.style)
    for style in layer.style:
        if layer.parts:
            layer.part(style.part)
        assert not any("glyph" in key or "icon" in key for key in style.layout), "no sprites"


def test_profile_kind_exists(layer: Layer) -> None:
    assert not layer.profile or layer.profile in DESCRIBE


def test_members_of_a_tileset_have_one_audience(layer: Layer) -> None:
    for members in tilesets().values():
        assert len({member.audience for member in members}) == 1


def test_has_a_test(layer: Layer) -> None:
    tests = [*REPOSITORY.glob("tests/unit/test_layer*.py"), *REPOSITORY.glob("tests/db/test_*.py")]
    assert any(f'"{layer.id}"' in path.read_text(encoding="utf-8") for path in tests), (
        f"no test names {layer.id}"
    )


def test_people_are_numbers_only() -> None:
    people = layers_by_id()["people"]
    assert {table for part in people.parts for table in part.source.tables} == {
        "building_population",
        "density",
    }


def test_audience_decides() -> None:
    planner = Reader(3, "p", "规划", Role.PLANNER, Scope(["330103"]))
    assert "workers" not in {layer.id for layer in layers_for(planner)}
    assert "workers" in {layer.id for layer in layers_for(SYSTEM)}
    assert layer_for(planner, "cases").id == "cases"
    assert not any(source.startswith("workers") for source in style_for(planner, "dark")["sources"])


def test_list_and_drawing_hold_the_same_layers() -> None:
    assert {layer.id for layer in listed_for(SYSTEM)} == set(layers_by_id())


@pytest.mark.parametrize("theme", THEMES)
def test_style_is_whole_and_names_no_other_host(theme: str, tmp_path: Path) -> None:
    import json

    style = style_for(SYSTEM, theme)  # type: ignore[arg-type]
    text = json.dumps(style)
    assert "glyphs" not in style and "sprite" not in style and "http" not in text
    names = set(style["sources"])
    identifiers = [layer["id"] for layer in style["layers"]]
    assert len(identifiers) == len(set(identifiers))
    for layer in style["layers"][1:]:
        assert layer["source"] in names and layer["metadata"]["onemap:layer"] in layers_by_id()
        if "text-field" in layer["layout"]:
            assert layer["layout"]["text-font"] == ["Noto Sans CJK SC", "sans-serif"]
    node, checker = (
        shutil.which("node"),
        REPOSITORY / "node_modules/@maplibre/maplibre-gl-style-spec/dist/gl-style-validate.mjs",
    )
    if node and checker.exists():
        path = tmp_path / "style.json"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([node, str(checker), str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_themes_differ() -> None:
    assert style_for(SYSTEM, "dark")["layers"][0] != style_for(SYSTEM, "light")["layers"][0]
    assert Themed("a", "b").of("light") == "b"

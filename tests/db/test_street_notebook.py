"""The first notebook runs on a real database, draws every layer, defines nothing and asks no other host."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from gisapp.domain.access import Reader, Role
from gisapp.services import accounts
from gisapp.store.database import Database
from layers.definition import Layer
from layers.expressions import evaluate
from layers.folium_view import layer_table, street_map
from layers.registry import layers_by_id
from tests.db import register_world as world

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "01_one_street.ipynb"
# Addresses that are written in Leaflet itself, as names of namespaces or in messages, and are never fetched.
_NAMES = (
    "http://www.w3.org/",
    "https://leafletjs.com",
    "https://bugs.chromium.org",
    "https://bugzilla.mozilla.org",
)


@pytest.fixture(scope="module", autouse=True)
def _world(database: Database) -> None:
    world.make(database)
    accounts.save_user(
        database,
        login="leader",
        name="街道领导",
        role=Role.LEADER,
        scopes=[world.STREET],
        password="onemap-demo",
    )


def _foreign(html: str) -> list[str]:
    return [found for found in re.findall(r"https?://[^\s\"'<>)]+", html) if not found.startswith(_NAMES)]


def test_it_defines_nothing() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    for cell in (c for c in book.cells if c.cell_type == "code"):
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.Lambda}, cell.source
        assert not cell.outputs, "a notebook is committed without outputs"


@pytest.mark.timeout(300)
def test_it_runs(urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEMAP_DATABASE_URL", urls[1])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(book, timeout=200, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    shown = [
        o["data"]["text/html"]
        for c in book.cells
        if c.cell_type == "code"
        for o in c.outputs
        if "text/html" in o.get("data", {})
    ]
    maps = [html for html in shown if "leaflet" in html]
    assert len(maps) == 2
    for html in maps:
        assert _foreign(html) == []


def test_the_map_has_every_layer_and_its_legend(database: Database, reader: Callable[..., Reader]) -> None:
    html = street_map(database, reader(Role.LEADER, world.STREET), world.STREET).get_root().render()
    for layer in layers_by_id().values():
        if not any(parameter.required for parameter in layer.parameters):
            assert json.dumps(f"{layer.title}（")[:-1] in html, layer.id
        for item in layer.legend:
            assert item.label in html
    assert "欧阳测试" not in html and _foreign(html) == []
    assert len(layer_table(reader(Role.LEADER))) == len(layers_by_id())


@pytest.mark.parametrize("layer", layers_by_id().values(), ids=list(layers_by_id()))
def test_every_expression_is_known_to_the_notebook(layer: Layer) -> None:
    for style in layer.style_layers("light"):
        for name, value in style[1]["paint"].items():
            if name != "line-gradient":
                evaluate(value, {}, 16.5, 0.0)
        if "filter" in style[1]:
            evaluate(style[1]["filter"], {}, 16.5, 0.0)

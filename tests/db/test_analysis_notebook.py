"""The planner's notebook runs from top to bottom on a real database and defines nothing of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from gisapp.domain.access import SYSTEM, Role
from gisapp.services import accounts, analysis_runs
from gisapp.store.database import Database
from tests.db import analysis_world as world

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "02_hotspots_and_allocation.ipynb"


def test_it_defines_nothing() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    for cell in (c for c in book.cells if c.cell_type == "code"):
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.Lambda}, cell.source
        assert not cell.outputs, "a notebook is committed without outputs"


@pytest.mark.timeout(600)
def test_it_runs_and_publishes(
    database: Database, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin(SYSTEM) as connection:
        world.build(connection)
    accounts.save_user(
        database,
        login="planner",
        name="规划人员",
        role=Role.PLANNER,
        scopes=[world.STREET],
        password="onemap-demo",
    )
    monkeypatch.setenv("ONEMAP_DATABASE_URL", urls[1])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    maps = [
        o for o in outputs if "text/html" in o.get("data", {}) and "folium" in o["data"]["text/html"].lower()
    ]
    assert len(maps) == 2
    kinds = {run["kind"] for run in analysis_runs.recent(database, SYSTEM)}
    assert kinds == {"hotspot", "allocation"}

"""What may not stand in the program, because it would carry values into logs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path for folder in ("gisapp", "layers", "dash_app") for path in sorted((ROOT / folder).rglob("*.py"))
]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
#: attributes that hold what somebody typed
TYPED = {"message", "remedy", "details", "args", "value", "payload", "text", "name", "login", "title", "note"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_engines_are_made_in_one_place_and_hide_their_parameters() -> None:
    made = [
        where
        for where, call in calls()
        if ast.unparse(call.func) in ("create_engine", "sqlalchemy.create_engine")
    ]
    assert len(made) == 1 and made[0].startswith("gisapp/store/database.py:")
    (call,) = [
        call for where, call in calls() if where == made[0] and ast.unparse(call.func) == "create_engine"
    ]
    assert "hide_parameters=True" in [ast.unparse(keyword) for keyword in call.keywords]


def test_nothing_that_somebody_typed_is_handed_to_a_log() -> None:
    handed = []
    for where, call in calls():
        if not (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in LEVELS
            and ast.unparse(call.func.value) == "log"
        ):
            continue
        for argument in call.args:
            for node in ast.walk(argument):
                # An error's own text, a value of it, or a text that is put together here.
                if isinstance(node, ast.JoinedStr) or (
                    isinstance(node, ast.Attribute) and node.attr in TYPED
                ):
                    handed.append(where)
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("str", "repr"):
                    handed.append(where)
    assert handed == []


def test_files_that_spreadsheets_open_are_written_in_one_place() -> None:
    """Texts that begin like a formula are taken care of there, and in dash_app/assets/50-table.js for what browsers write."""
    words = ("csv.writer", "csv.DictWriter", "Workbook")
    writers = {where.partition(":")[0] for where, call in calls() if ast.unparse(call.func) in words}
    frames = {where for where, call in calls() if ast.unparse(call.func).endswith((".to_csv", ".to_excel"))}
    assert writers == {"gisapp/services/importing/report.py"} and frames == set()

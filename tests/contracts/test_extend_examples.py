"""The layer and the indicator that ``docs/extend.md`` shows are accepted as they stand on the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gisapp.indicators import Indicator
from gisapp.services.profile_kinds import DESCRIBE
from gisapp.store.measures import MEASURES
from gisapp.store.tables import SCHEMA, metadata
from layers.definition import Layer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extend.md"


def shown(path: str) -> dict[str, Any]:
    """Names that the code block of a file on the page defines."""
    text = PAGE.read_text(encoding="utf-8")
    block = re.search(rf"`{re.escape(path)}`:\n\n   ```python\n(.*?)```", text, re.DOTALL)
    assert block, f"docs/extend.md no longer shows {path}"
    names: dict[str, Any] = {}
    exec("\n".join(line.removeprefix("   ") for line in block.group(1).splitlines()), names)
    return names


def test_the_layer_of_the_page_reads_a_table_that_exists() -> None:
    layer = shown("layers/defs/organisations.py")["LAYER"]
    assert isinstance(layer, Layer)
    assert layer.profile in DESCRIBE and layer.as_json("dark")["legend"]["items"]
    for part in layer.parts:
        (table,) = part.source.tables
        columns = metadata.tables[f"{SCHEMA}.{table}"].columns
        assert {column.column or column.name for column in layer.columns(part)} <= set(columns.keys())


def test_the_indicator_of_the_page_counts_and_opens_its_records() -> None:
    indicator = shown("gisapp/indicators/closed_in_time_cases.py")["INDICATOR"]
    assert isinstance(indicator, Indicator)
    assert indicator.measure in MEASURES and set(indicator.records) == set(indicator.counts)
    assert indicator.value({"in_time": 4}) == 4.0

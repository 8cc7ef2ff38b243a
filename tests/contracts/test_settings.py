"""Settings: every one is read, documented and checked."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from gisapp.config import VARIABLES, Settings, load_settings
from gisapp.errors import InputError

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_setting_has_a_variable_and_a_line_in_its_docstring() -> None:
    names = {f.name for f in fields(Settings)}
    assert names == set(VARIABLES)
    assert Settings.__doc__ is not None
    assert all(f"{name}:" in Settings.__doc__ for name in names)


def test_every_variable_is_documented() -> None:
    text = (DOCS / "operate.md").read_text(encoding="utf-8")
    assert [v for v in VARIABLES.values() if f"`{v}`" not in text] == []


def test_a_wrong_value_names_the_variable_and_the_remedy() -> None:
    with pytest.raises(InputError) as refused:
        load_settings({"ONEMAP_DATABASE_URL": "postgresql://x/y", "ONEMAP_PORT": "99999"})
    assert "ONEMAP_PORT" in refused.value.message and "65535" in str(refused.value.remedy)
    with pytest.raises(InputError):
        load_settings({})

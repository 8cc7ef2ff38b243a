"""Whatever was sent, an answer can repeat it: short, and as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from gisapp.errors import InputError
from gisapp.readable import clean_text, short_value, writable

ITSELF: list[Any] = []
ITSELF.append(ITSELF)


class Silent:
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (-(2**53), -(2**53)),
        (2**53 + 1, "9007199254740993"),
        (10**399, "1" + "0" * 199 + "…"),
        (1.5, 1.5),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ("东新街道", "东新街道"),
        ("字" * 200, "字" * 200),
        ("字" * 201, "字" * 200 + "…"),
        ("a\ud800b", "a\\ud800b"),
        ("a\0b", "a\0b"),
        ({"lon": 1}, "{'lon': 1}"),
        (ITSELF, "[[...]]"),
        (Silent(), "Silent"),
    ],
)
def test_a_value_is_shown_short(value: Any, shown: Any) -> None:
    found = short_value(value)
    assert found == shown and type(found) is type(shown)
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_a_number_of_thousands_of_digits_is_named_by_its_kind() -> None:
    assert short_value(10**5000) == "int"


def test_a_text_is_cut_only_where_asked() -> None:
    assert clean_text("字" * 1000) == "字" * 1000
    assert clean_text("abc", 2) == "ab…"
    assert clean_text("abc", 3) == "abc"


def test_a_structure_keeps_its_shape() -> None:
    found = writable({"a\udc00": [1, math.inf, ("x", None)], 3: {"b": "\ud800"}})
    assert found == {"a\\udc00": [1, "inf", ["x", None]], "3": {"b": "\\ud800"}}


def test_an_error_can_always_be_answered() -> None:
    error = InputError("名称“\ud800”不行", remedy="换掉“\ud800”", details={"value": math.nan})
    found = error.as_json()
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert found["message"] == "名称“\\ud800”不行"
    assert found["remedy"] == "换掉“\\ud800”"
    assert found["details"] == {"value": "nan"}
    assert InputError("x").as_json()["remedy"] is None

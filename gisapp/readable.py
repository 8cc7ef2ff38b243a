"""Values as an answer or a log may repeat them: JSON can carry them, and they are not long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: characters of a value that an answer repeats
MOST_CHARACTERS = 200
#: the largest whole number that every reader of JSON keeps exactly
MOST_EXACT = 2**53


def clean_text(text: str, most: int | None = None) -> str:
    """A text that can be sent as UTF-8: halves of surrogate pairs are written as escapes.

    Args:
        most: characters that are kept; what follows becomes ``…``. None keeps all.
    """
    if most is not None and len(text) > most:
        text = f"{text[:most]}…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def short_value(value: Any, most: int = MOST_CHARACTERS) -> str | int | float | bool | None:
    """A value of whatever kind, as JSON can carry it and a person can read it.

    Numbers that are not finite or too large for every reader of JSON become text; so does whatever is neither text nor number.

    Args:
        most: characters of a text that are kept.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= MOST_EXACT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception:  # a number of thousands of digits, or a list that holds itself
        text = type(value).__name__
    return clean_text(text, most)


def json_value(value: Any) -> Any:
    """A structure of mappings, lists and values as JSON can carry it; nothing is shortened."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

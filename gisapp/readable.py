"""Values as an answer or a log may repeat them: JSON can carry them, and they are not long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: characters of a value that an answer repeats
MOST_CHARACTERS = 200
#: characters of a message, or of one value in its details: what somebody sent is never sent back whole
LONGEST_MESSAGE = 600
#: levels of lists and objects in the details of a message
DEEPEST_DETAILS = 24
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
    return clean_text(value if isinstance(value, str) else _as_text(value), most)


def _as_text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # a number of thousands of digits, or what cannot say what it is
        return type(value).__name__


def writable(value: Any, depth: int = 0) -> Any:
    """A structure of mappings, lists and values as JSON can carry it; overlong and overdeep parts are cut.

    Args:
        depth: levels above it.
    """
    if isinstance(value, str):
        return clean_text(value, LONGEST_MESSAGE)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else shown_value(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= DEEPEST_DETAILS:
        return "…"
    if isinstance(value, Mapping):
        return {clean_text(str(key), LONGEST_MESSAGE): writable(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [writable(one, depth + 1) for one in value]
    return short_value(value, LONGEST_MESSAGE)


def shown_value(value: Any, most: int = 40) -> str:
    """What was given, as a sentence can quote it.

    Args:
        most: characters that are kept.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**most:
        return f"约 {int(value.bit_length() * 0.30103) + 1} 位的整数"
    return str(short_value(value if isinstance(value, str) else _as_text(value), most))

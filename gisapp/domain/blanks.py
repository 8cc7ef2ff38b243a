"""Text that looks empty: white space, and characters that have no width or no shape."""

from __future__ import annotations

import unicodedata

_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing; the other such characters are known by their category."""
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
"""Spaces, separators of lines and paragraphs, control and format characters (zero-width ones among them)."""


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen."""
    return all(
        character in _SHAPELESS
        or unicodedata.category(character) in _UNSEEN
        or "\ufe00" <= character <= "\ufe0f"  # variation selectors
        for character in text
    )

"""Text that looks empty."""

from __future__ import annotations

import pytest

from gisapp.domain.incoming import is_blank


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\t\r\n", "\u3000", "\u00a0", "\u200b", "\u200d\u200c", "\ufeff", "\u2060", "\u00ad"),
        *("\u2028", "\u2800", "\u3164", "\ufe0f", "\ufe00", "\u202e", " \u200b\u3000\ufeff"),
    ],
)
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["0", "甲", " a ", "\u200b环卫所", "—", "👍\ufe0f", "\ufdff", "\ufe10"])
def test_what_can_be_seen_is_not(text: str) -> None:
    assert not is_blank(text)

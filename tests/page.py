"""The blocks of a documentation page, for tests that run them as they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        heading: the nearest heading above it.
        number: of the block below that heading, from 1.
        language: the word behind the fence.
        text: what stands in it.
    """

    heading: str
    number: int
    language: str
    text: str


def blocks(page: str = "docs/operate.md") -> list[Block]:
    """All fenced blocks of a page, in order."""
    found: list[Block] = []
    heading, text = "", (ROOT / page).read_text(encoding="utf-8")
    for match in re.finditer(
        r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", text, re.M | re.S
    ):
        if match["heading"] is not None:
            heading = match["heading"]
        else:
            number = sum(block.heading == heading for block in found) + 1
            found.append(Block(heading, number, match["language"], match["text"]))
    return found


def block(heading: str, number: int = 1) -> str:
    """The text of one block of ``docs/operate.md``."""
    return next(b.text for b in blocks() if (b.heading, b.number) == (heading, number))

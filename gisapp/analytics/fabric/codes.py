"""Numbers of grids: three digits within their community, given once and never again."""

from __future__ import annotations

from collections.abc import Iterable

from gisapp.analytics.fabric.model import COMMUNITY_DIGITS
from gisapp.errors import InputError

LAST_NUMBER = 999


def next_code(community: str, used: Iterable[str]) -> str:
    """The next free code of a community: one above the highest ever used, then the gaps below it.

    Args:
        community: 12-digit code.
        used: every code that any version or the draft has, published or not.

    Raises:
        InputError: all 999 numbers are used.
    """
    numbers = {int(code[COMMUNITY_DIGITS:]) for code in used if code.startswith(community)}
    top = max(numbers, default=0)
    if top < LAST_NUMBER:
        return f"{community}{top + 1:03d}"
    free = next((number for number in range(1, LAST_NUMBER + 1) if number not in numbers), None)
    if free is None:
        raise InputError(
            f"社区 {community} 的 {LAST_NUMBER} 个网格编号已全部用过。", remedy="请合并网格，保留已有的编号。"
        )
    return f"{community}{free:03d}"

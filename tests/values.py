"""Values that no door may answer with a failure of the server: shared by the tests of routes, callbacks and sockets."""

from __future__ import annotations

from typing import Any

TEXTS: tuple[str, ...] = (
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "\x1b[31m",
    "\x0b",
    "\u200b",
    " \u3000\u2060",
    "\u202e倒",
    "'; DROP TABLE event; --",
    "%%%s_\\",
    "1_0",
    "٣",
    "１２",
    "²",
    "9" * 20,
    "9" * 400,
    "-1",
    "1e308",
    "nan",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59+16:00",
    "2025-06-01T00:00:00-23:59",
    "字" * 20_000,
    "?id=²&run=٣&cell=1_0&place=٣٣&since=0001-01-01&text=\x00",
    "?id=" + "9" * 30 + "&place=" + "3" * 400,
)
"""Texts: control characters, half characters, nothing to see, other scripts' digits, overlong, instants that cannot be."""

NUMBERS: tuple[Any, ...] = (
    True,
    -1,
    0,
    2**31,
    2**63 - 1,
    2**63,
    10**20,
    10**400,
    float("nan"),
    float("inf"),
    float("-inf"),
    1e308,
    -1e308,
    0.5,
)


def nested(levels: int) -> Any:
    """A list in a list in a list …"""
    made: Any = 1
    for _ in range(levels):
        made = [made]
    return made


SHAPES: tuple[Any, ...] = (
    None,
    [],
    {},
    [None],
    [[]],
    {"id": None},
    {"event": "click"},
    nested(150),
    nested(600),
)

ALL: tuple[Any, ...] = (*TEXTS, *NUMBERS, *SHAPES)

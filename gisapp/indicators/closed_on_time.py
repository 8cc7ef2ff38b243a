"""按时办结率: cases closed in time, of those that are closed or whose time has run out (S0 9.2)."""

from __future__ import annotations

from collections.abc import Mapping

from gisapp.indicators import Indicator


def value(counts: Mapping[str, int]) -> float | None:
    """Per cent, from ``due`` and ``in_time``; None where no case was due."""
    return None if counts["due"] == 0 else 100 * counts["in_time"] / counts["due"]


INDICATOR = Indicator(
    id="closed_on_time",
    unit="%",
    source="S0 9.2",
    measure="closing",
    counts={"due": "应办结", "in_time": "按时办结"},
    value=value,
    target=95.0,
    records={"due": {"judged": True}, "in_time": {"judged": True, "overdue": False}},
    base="due",
)

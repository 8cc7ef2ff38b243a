"""Indicators of assessment (考核指标): one file each, discovered here.

An indicator names what it counts and how the counts make its value; the store counts, so every value can be opened to
the records behind it by the same filter.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from gisapp.errors import NotFound


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator.

    Attributes:
        id: identifier, also that of its term in the vocabulary.
        unit: unit of the value.
        source: clause that asks for it.
        measure: name of the counts that the store delivers by place (``store.measures``).
        counts: names of those counts that ``value`` needs, with a Chinese word for each.
        value: value from the counts of one place; None where there is nothing to judge.
        target: value from which the place is in order.
        records: for each count, how lists narrow to the records behind it.
        base: name of the count that the value is a share of; empty where it is none. A share of few is shown as such.
    """

    id: str
    unit: str
    source: str
    measure: str
    counts: Mapping[str, str]
    value: Callable[[Mapping[str, int]], float | None]
    target: float
    records: Mapping[str, Mapping[str, object]]
    base: str = ""


@cache
def indicators() -> Mapping[str, Indicator]:
    """All indicators by identifier."""
    found: dict[str, Indicator] = {}
    for module in pkgutil.iter_modules(__path__):
        indicator: Indicator = import_module(f"{__name__}.{module.name}").INDICATOR
        found[indicator.id] = indicator
    return found


def indicator(identifier: str) -> Indicator:
    """One indicator.

    Raises:
        NotFound: no such indicator.
    """
    try:
        return indicators()[identifier]
    except KeyError:
        known = "、".join(indicators())
        raise NotFound(f"没有指标“{identifier}”。", remedy=f"现有指标：{known}。") from None

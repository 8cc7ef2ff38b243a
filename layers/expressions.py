"""MapLibre expressions evaluated in Python, so that a notebook draws a layer by the very definition the map uses.

Only what the layers use is known; anything else is a programming error, found by the tests over all layers.
Source: MapLibre Style Specification, version 8, section Expressions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

Properties = Mapping[str, Any]


def evaluate(expression: Any, properties: Properties, zoom: float, now: float | None = None) -> Any:
    """The value of an expression for a feature.

    Args:
        expression: as in a style, themes resolved.
        properties: of the feature; ``geometry-type`` is not known here.
        zoom: zoom of the map.
        now: seconds since 1970 for the global state of that name; the present when None.

    Raises:
        ValueError: an operator that no layer has used so far.
    """
    if not isinstance(expression, list) or not expression or not isinstance(expression[0], str):
        return expression
    operator, *rest = expression

    def value(inner: Any) -> Any:
        return evaluate(inner, properties, zoom, now)

    if operator in _LAZY:
        return _LAZY[operator](rest, value)
    if operator == "get":
        return properties.get(rest[0])
    if operator == "has":
        return properties.get(rest[0]) is not None
    if operator == "zoom":
        return zoom
    if operator == "global-state":
        return time.time() if now is None else now
    if operator in _PLAIN:
        return _PLAIN[operator](*(value(item) for item in rest))
    raise ValueError(f"expression {operator} is not known here")


def _match(rest: list[Any], value: Callable[[Any], Any]) -> Any:
    given = value(rest[0])
    for labels, result in zip(rest[1:-1:2], rest[2:-1:2], strict=True):
        if given == labels or (isinstance(labels, list) and given in labels):
            return value(result)
    return value(rest[-1])


def _case(rest: list[Any], value: Callable[[Any], Any]) -> Any:
    for condition, result in zip(rest[:-1:2], rest[1:-1:2], strict=True):
        if value(condition):
            return value(result)
    return value(rest[-1])


def _step(rest: list[Any], value: Callable[[Any], Any]) -> Any:
    given, result = value(rest[0]), rest[1]
    for bound, following in zip(rest[2::2], rest[3::2], strict=True):
        if given is None or given < bound:
            break
        result = following
    return value(result)


def _interpolate(rest: list[Any], value: Callable[[Any], Any]) -> Any:
    kind, given = rest[0], value(rest[1]) or 0
    stops = [(bound, value(result)) for bound, result in zip(rest[2::2], rest[3::2], strict=True)]
    if given <= stops[0][0]:
        return stops[0][1]
    for (low, first), (high, second) in pairwise(stops):
        if given <= high:
            base = kind[1] if kind[0] == "exponential" else 1
            share = (given - low) / (high - low)
            if base != 1:
                share = (base ** (given - low) - 1) / (base ** (high - low) - 1)
            return _between(first, second, share)
    return stops[-1][1]


def _between(first: Any, second: Any, share: float) -> Any:
    if isinstance(first, str):  # colours: the nearer one will do for a notebook
        return first if share < 0.5 else second
    return first + (second - first) * share


def _coalesce(rest: list[Any], value: Callable[[Any], Any]) -> Any:
    return next((found for found in map(value, rest) if found is not None), None)


_LAZY: Mapping[str, Callable[[list[Any], Callable[[Any], Any]], Any]] = {
    "match": _match,
    "case": _case,
    "step": _step,
    "interpolate": _interpolate,
    "coalesce": _coalesce,
    "all": lambda rest, value: all(value(item) for item in rest),
    "any": lambda rest, value: any(value(item) for item in rest),
    "literal": lambda rest, value: rest[0],
}
_PLAIN: Mapping[str, Callable[..., Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a is not None and b is not None and a < b,
    ">": lambda a, b: a is not None and b is not None and a > b,
    "<=": lambda a, b: a is not None and b is not None and a <= b,
    ">=": lambda a, b: a is not None and b is not None and a >= b,
    "!": lambda a: not a,
    "-": lambda a, b: (a or 0) - (b or 0),
    "+": lambda *values: sum(item or 0 for item in values),
    "*": lambda a, b: (a or 0) * (b or 0),
    "/": lambda a, b: (a or 0) / b,
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "to-number": lambda a: float(a or 0),
    "to-string": lambda a: "" if a is None else str(a),
}

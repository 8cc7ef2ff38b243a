"""Classes for a map of values around a target: round steps to both sides, so that a legend can be read aloud."""

from __future__ import annotations

import math
from collections.abc import Sequence

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below ``least`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in _ROUND if factor * power >= least * (1 - 1e-9))


def around(values: Sequence[float], target: float, *, most: int = 3) -> list[float]:
    """Where the classes of a diverging scale begin, ascending; the target always is such a bound.

    Args:
        values: what is to be shown; none leaves the two classes below and from the target on.
        target: value from which a place is in order.
        most: largest number of classes on one side of the target.

    Returns:
        bounds b₁ < … < bₙ of the n + 1 classes (−∞, b₁), [b₁, b₂), …, [bₙ, ∞). The outermost class of a side is open, so
        that a single far value does not stretch the others beyond ``most`` steps.
    """
    below = max((target - value for value in values), default=0.0)
    above = max((value - target for value in values), default=0.0)
    widest = max(below, above)
    if widest <= 0 or not math.isfinite(widest):
        return [target]
    step = round_step(widest / most)
    down = max(0, min(most, math.ceil(below / step - 1e-9)) - 1)
    up = max(0, min(most - 1, math.floor(above / step + 1e-9)))
    return [target if k == 0 else round(target + k * step, 9) for k in range(-down, up + 1)]


def class_of(value: float, bounds: Sequence[float]) -> int:
    """Number of the class that a value lies in, 0 for the lowest."""
    return sum(value >= bound for bound in bounds)


def side_of(number: int, bounds: Sequence[float], target: float) -> int:
    """How far a class lies from the target: −1 next below it, 1 from it on, −2 and 2 farther, …"""
    at = list(bounds).index(target)
    return number - at if number > at else number - at - 1

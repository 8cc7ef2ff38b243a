"""Colours with a meaning: one set for classes, one ramp for counts, one scale for hot and cold, one set for status.

Sources: M. Okabe and K. Ito, Color Universal Design (2008); S. van der Walt and N. Smith, viridis (matplotlib, 2015);
ColorBrewer RdBu (Brewer, 2002) for the diverging scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, ...] = ("dark", "light")


@dataclass(frozen=True, slots=True)
class Themed:
    """A value that differs between the dark and the light theme."""

    dark: Any
    light: Any

    def of(self, theme: Theme) -> Any:
        """The value in a theme."""
        return self.dark if theme == "dark" else self.light


Colour = str | Themed


def resolve(value: Any, theme: Theme) -> Any:
    """A copy of a nested value with every ``Themed`` in it replaced by its value in a theme."""
    if isinstance(value, Themed):
        return resolve(value.of(theme), theme)
    if isinstance(value, Mapping):
        return {key: resolve(item, theme) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, theme) for item in value]
    return value


# Okabe–Ito; black and yellow change with the ground they stand on.
ORANGE: Colour = "#e69f00"
SKY: Colour = "#56b4e9"
GREEN: Colour = "#009e73"
YELLOW: Colour = Themed("#f0e442", "#b3a600")
BLUE: Colour = Themed("#4f9be0", "#0072b2")
VERMILION: Colour = "#d55e00"
PURPLE: Colour = "#cc79a7"
GREY: Colour = Themed("#a9bacb", "#5d7086")

CLASSES: tuple[Colour, ...] = (ORANGE, SKY, GREEN, YELLOW, PURPLE, VERMILION, BLUE, GREY)
"""In the order in which classes take them."""

GOOD: Colour = Themed("#35c28a", "#1c8a5c")
SOON: Colour = Themed("#f5b942", "#b77900")
BAD: Colour = Themed("#f0524f", "#c92a2a")
UNKNOWN: Colour = Themed("#7d8ea3", "#66788c")
ACCENT: Colour = Themed("#3fb6ff", "#0a6ebd")

GROUND: Colour = Themed("#0b1420", "#e6ebf0")
LAND: Colour = Themed("#101c2c", "#f4f6f8")
TEXT: Colour = Themed("#dbe6f0", "#26384a")
TEXT_QUIET: Colour = Themed("#93a7bb", "#53667a")
HALO: Colour = Themed("#0b1420", "#ffffff")

_VIRIDIS = (
    "#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725",
)  # fmt: skip


def _mix(first: str, second: str, share: float) -> str:
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def viridis(steps: int) -> tuple[Colour, ...]:
    """A perceptual ramp for counts, from few to many, of ``steps`` ≥ 2 colours.

    On the dark ground it runs from dark to bright, on the light ground from bright to dark, so that many always stands
    out from the ground.
    """

    def at(share: float) -> str:
        place = share * (len(_VIRIDIS) - 1)
        low = min(int(place), len(_VIRIDIS) - 2)
        return _mix(_VIRIDIS[low], _VIRIDIS[low + 1], place - low)

    # The darkest fifth cannot be told from the dark ground, the brightest not from the light one.
    dark = [at(0.22 + 0.78 * i / (steps - 1)) for i in range(steps)]
    light = [at(0.92 * (1 - i / (steps - 1))) for i in range(steps)]
    return tuple(Themed(d, n) for d, n in zip(dark, light, strict=True))


# Diverging, for hot and cold; what is not significant stays pale.
HOT: tuple[Colour, ...] = ("#f4a582", "#d6604d", "#b2182b")
"""Weak, strong, strongest."""
COLD: tuple[Colour, ...] = ("#92c5de", "#4393c3", "#2166ac")
NOT_SIGNIFICANT: Colour = Themed("rgba(169,186,203,0.16)", "rgba(93,112,134,0.14)")

"""Classifications: one statement of classes or steps gives the map its colours and the legend its lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from layers.colours import Colour, Theme, resolve

Symbol = Literal["circle", "line", "fill", "ring", "dashed", "up", "down"]


@dataclass(frozen=True, slots=True)
class LegendItem:
    """One line of a legend.

    Attributes:
        label: Chinese text.
        colour: of the sign.
        symbol: form of the sign, so that colour never stands alone.
        value: value of the field that it stands for; None for a range.
        of: class whose records it counts, for counts from afar; it is hidden with that class.
    """

    label: str
    colour: Colour
    symbol: Symbol = "circle"
    value: str | int | float | None = None
    of: str = ""

    def as_json(self, theme: Theme) -> dict[str, Any]:
        """The item in a theme."""
        return {
            "label": self.label,
            "colour": resolve(self.colour, theme),
            "symbol": self.symbol,
            "value": self.value,
            "of": self.of,
        }


@dataclass(frozen=True, slots=True)
class Classes:
    """Values of a field, each with a colour of its own.

    Attributes:
        field: name of the property.
        items: one for each value, in the order of the legend.
        other: for every other value; left out of the legend when its label is empty.
    """

    field: str
    items: tuple[LegendItem, ...]
    other: LegendItem = LegendItem("", "#7d8ea3")

    def colour(self) -> list[Any]:
        """MapLibre expression for the colour of a feature."""
        expression: list[Any] = ["match", ["get", self.field]]
        for item in self.items:
            expression += [item.value, item.colour]
        return [*expression, self.other.colour]

    def choose(self, chosen: dict[Any, Any], default: Any) -> list[Any]:
        """MapLibre expression for anything else that depends on the class."""
        expression: list[Any] = ["match", ["get", self.field]]
        for value, result in chosen.items():
            expression += [value, result]
        return [*expression, default]

    def legend(self) -> tuple[LegendItem, ...]:
        """Lines of the legend."""
        return (*self.items, self.other) if self.other.label else self.items


@dataclass(frozen=True, slots=True)
class Steps:
    """Ranges of a number, each with a colour.

    Attributes:
        field: name of the property.
        bounds: where a new range begins, ascending; ``bounds[0]`` is the smallest value shown.
        colours: as many as bounds.
        unit: unit written behind the last range.
        symbol: form of the sign in the legend.
    """

    field: str
    bounds: tuple[float, ...]
    colours: tuple[Colour, ...]
    unit: str = ""
    symbol: Symbol = "circle"

    def __post_init__(self) -> None:
        if len(self.bounds) != len(self.colours) or list(self.bounds) != sorted(set(self.bounds)):
            raise ValueError("as many colours as bounds, and bounds ascending")

    def colour(self) -> list[Any]:
        """MapLibre expression: one flat colour for each range."""
        expression: list[Any] = ["step", ["to-number", ["get", self.field]], self.colours[0]]
        for bound, colour in zip(self.bounds[1:], self.colours[1:], strict=True):
            expression += [bound, colour]
        return expression

    def height(self, values: tuple[float, ...]) -> list[Any]:
        """MapLibre expression: a number for each range, such as a radius in pixels."""
        expression: list[Any] = ["step", ["to-number", ["get", self.field]], values[0]]
        for bound, value in zip(self.bounds[1:], values[1:], strict=True):
            expression += [bound, value]
        return expression

    def brief(self, before: str, of: str = "") -> tuple[LegendItem, ...]:
        """Three lines of the legend (fewest, middle, most), with a word before them and the class that they count."""
        items = self.legend()
        chosen = (items[0], items[len(items) // 2], items[-1])
        return tuple(replace(item, label=f"{before} {item.label}", of=of) for item in chosen)

    def legend(self) -> tuple[LegendItem, ...]:
        """Lines of the legend, from few to many."""
        ends = (*self.bounds[1:], None)
        items = []
        for low, end, colour in zip(self.bounds, ends, self.colours, strict=True):
            high = None if end is None else (end - 1 if _whole(low) and _whole(end) else end)
            span = f"{_number(low)} {self.unit}以上" if high is None else f"{_span(low, high)} {self.unit}"
            items.append(LegendItem(span.strip(), colour, self.symbol, None))
        return tuple(items)


def _whole(value: float) -> bool:
    return float(value).is_integer()


def _number(value: float) -> str:
    return f"{value:,.0f}" if _whole(value) else f"{value:g}"


def _span(low: float, high: float) -> str:
    return _number(low) if low == high else f"{_number(low)}–{_number(high)}"

"""Place keys: the national hierarchical code as a value type, and scopes as prefixes of it.

``33 01 03 001 001 003`` = province, city, district, street, community, grid: 2, 4, 6, 9, 12 and 15 digits
(GB/T 2260, GB/T 10114 and the statistical division codes; grids by CJ/T 213). A scope is a prefix: whose data is this,
who may see it, which row of a report counts it are all prefix questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum

from gisapp.errors import InputError


class Level(IntEnum):
    """Levels of the hierarchy; the value is the number of digits of a key on that level."""

    COUNTRY = 0
    PROVINCE = 2
    CITY = 4
    DISTRICT = 6
    STREET = 9
    COMMUNITY = 12
    GRID = 15

    @property
    def term(self) -> str:
        """Identifier of the level in the vocabulary."""
        return self.name.lower()


_LENGTHS = {int(level) for level in Level}


class PlaceKey(str):
    """A place key of 2, 4, 6, 9, 12 or 15 digits.

    Raises:
        InputError: anything else, naming the value.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> PlaceKey:
        text = str(value).strip()
        if len(text) not in _LENGTHS or not text or not (text.isascii() and text.isdigit()):
            raise InputError(
                f"地点编码“{value}”无效：应为 2、4、6、9、12 或 15 位数字。",
                remedy="按 省2 市4 区6 街道9 社区12 网格15 的位数填写编码。",
                details={"value": str(value)},
            )
        return super().__new__(cls, text)

    @property
    def level(self) -> Level:
        return Level(len(self))

    @property
    def parent(self) -> PlaceKey | None:
        """The key one level up; None for a province."""
        upper = max((n for n in _LENGTHS if n < len(self)), default=0)
        return PlaceKey(self[:upper]) if upper else None

    def at(self, level: Level) -> PlaceKey:
        """The ancestor (or the key itself) on a level.

        Raises:
            InputError: the key stands above that level.
        """
        if level == Level.COUNTRY or len(self) < int(level):
            raise InputError(f"地点编码“{self}”没有 {int(level)} 位的上级。", details={"value": str(self)})
        return PlaceKey(self[: int(level)])

    def ancestors(self) -> Iterator[PlaceKey]:
        """Keys above this one, nearest first."""
        key = self.parent
        while key is not None:
            yield key
            key = key.parent

    def covers(self, other: str) -> bool:
        """Whether ``other`` is this place or lies within it."""
        return other.startswith(self)


class Scope:
    """What a reader may see: a set of prefixes; the empty prefix stands for everything, no prefix for nothing.

    Prefixes covered by another one are dropped, so that equal scopes compare equal.
    """

    __slots__ = ("prefixes",)

    def __init__(self, prefixes: Iterable[str] = ()) -> None:
        keys = sorted({"" if not p else str(PlaceKey(p)) for p in prefixes})
        kept: list[str] = []
        for key in keys:
            if not any(key.startswith(k) for k in kept):
                kept.append(key)
        self.prefixes: tuple[str, ...] = tuple(kept)

    @classmethod
    def everything(cls) -> Scope:
        return cls([""])

    def covers(self, place: str) -> bool:
        """Whether a place lies within the scope (not whether the scope lies within the place)."""
        return place.startswith(self.prefixes)

    def touches(self, place: str) -> bool:
        """Whether a place lies within the scope or above one of its prefixes."""
        return place.startswith(self.prefixes) or any(p.startswith(place) for p in self.prefixes)

    def __bool__(self) -> bool:
        return bool(self.prefixes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and other.prefixes == self.prefixes

    def __hash__(self) -> int:
        return hash(self.prefixes)

    def __str__(self) -> str:
        return ",".join(self.prefixes)

    def __repr__(self) -> str:
        return f"Scope({list(self.prefixes)!r})"

"""What a reader's scope is called and where it lies: the frame of every map and the line above it."""

from __future__ import annotations

from dataclasses import dataclass

from gisapp.domain.access import Reader
from gisapp.domain.keys import Level, PlaceKey
from gisapp.store import scopes
from gisapp.store.database import Database


@dataclass(frozen=True, slots=True)
class ScopeSummary:
    """A reader's scope in words and as a box.

    Attributes:
        name: from the district down, such as ``下城区 天水街道``; several scopes are joined.
        short: the deepest name alone.
        bounds: west, south, east, north in degrees (EPSG:4490); None while nothing is drawn.
    """

    name: str
    short: str
    bounds: tuple[float, float, float, float] | None


def describe_scope(database: Database, reader: Reader) -> ScopeSummary:
    """Name and extent of a reader's scope; the whole country is named by the highest regions that are drawn."""
    with database.begin(reader) as connection:
        named: list[tuple[str, str]] = []
        boxes = []
        for prefix in reader.scope.prefixes[:6]:
            box = scopes.extent_of(connection, prefix)
            if box is not None:
                boxes.append(box)
            if not prefix:
                tops = "、".join(name for _, name in scopes.topmost_regions(connection)[:3])
                named.append((tops or "全部辖区", tops or "全部辖区"))
                continue
            key = PlaceKey(prefix)
            line = [str(k) for k in (*reversed(list(key.ancestors())), key) if k.level >= Level.DISTRICT] or [
                prefix
            ]
            names = scopes.names_of(connection, line)
            if key.level is Level.GRID:
                names |= scopes.grid_names_of(connection, [prefix])
            words = [names[k] for k in line if k in names] or [prefix]
            named.append((" ".join(words), words[-1]))
    bounds = None
    if boxes:
        wests, souths, easts, norths = zip(*boxes, strict=True)
        bounds = (min(wests), min(souths), max(easts), max(norths))
    return ScopeSummary(
        "、".join(n for n, _ in named) or "未划定辖区", "、".join(s for _, s in named), bounds
    )

"""What an operation changed, in a form that can be stored, undone and done again to the last corner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shapely.geometry import MultiPolygon, Polygon, mapping, shape

from gisapp.analytics.fabric.model import Fabric

Geo = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """The difference between two fabrics of one community.

    Attributes:
        operation: what the user did, as data: ``{"kind": "split", …}``.
        before: code → GeoJSON polygon before, None where the grid did not exist.
        after: the same afterwards.
        border_before: the community's border before, None when the operation did not touch it.
        border_after: the same afterwards.
    """

    operation: Mapping[str, Any]
    before: Mapping[str, Geo | None]
    after: Mapping[str, Geo | None]
    border_before: Geo | None = None
    border_after: Geo | None = None

    @classmethod
    def between(cls, operation: Mapping[str, Any], old: Fabric, new: Fabric) -> Change:
        """The change that leads from ``old`` to ``new``."""
        codes = [c for c in {**old.grids, **new.grids} if old.grids.get(c) != new.grids.get(c)]
        moved = bool(old.border != new.border)
        return cls(
            operation,
            {code: _geo(old.grids.get(code)) for code in codes},
            {code: _geo(new.grids.get(code)) for code in codes},
            _geo(old.border) if moved else None,
            _geo(new.border) if moved else None,
        )

    @property
    def codes(self) -> list[str]:
        """The grids that the operation changed, made or removed."""
        return sorted(self.before)

    def redo(self, fabric: Fabric) -> Fabric:
        """The fabric after the operation."""
        return _put(fabric, self.after, self.border_after)

    def undo(self, fabric: Fabric) -> Fabric:
        """The fabric before the operation."""
        return _put(fabric, self.before, self.border_before)

    def as_json(self) -> Geo:
        """For storing; ``from_json`` gives back an equal change (a double survives JSON to the last bit)."""
        return {
            "operation": dict(self.operation),
            "before": dict(self.before),
            "after": dict(self.after),
            "border_before": self.border_before,
            "border_after": self.border_after,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        return cls(
            data["operation"], data["before"], data["after"], data["border_before"], data["border_after"]
        )


def fabric_as_json(fabric: Fabric) -> Geo:
    """A fabric for storing."""
    return {
        "community": fabric.community,
        "border": _geo(fabric.border),
        "grids": {code: _geo(grid) for code, grid in fabric.grids.items()},
    }


def fabric_from_json(data: Mapping[str, Any]) -> Fabric:
    """A stored fabric, equal to the one that was stored."""
    grids = {code: shape(geo) for code, geo in sorted(data["grids"].items())}
    return Fabric(data["community"], shape(data["border"]), grids)


def _geo(value: Polygon | MultiPolygon | None) -> Geo | None:
    return None if value is None else dict(mapping(value))


def _put(fabric: Fabric, grids: Mapping[str, Geo | None], border: Geo | None) -> Fabric:
    shapes = {code: None if geo is None else shape(geo) for code, geo in grids.items()}
    return fabric.replaced(shapes, None if border is None else shape(border))

"""Grids: lots of a community joined into parts of some 300 to 500 households that tile it.

The tree of cuts groups lots that lie together, so a grid is bounded by streets, lanes and walls, never by a line that
nobody on the ground could see. All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Geoms, Ground, Ints
from gisapp.services.demo.splitting import Node

MOST = 520
FEW = 250
_LARGEST = 420_000.0


@dataclass(slots=True)
class Grids:
    """Grids as columns; ``lot_grid`` gives each lot its grid, −1 outside the full streets."""

    code: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    community: list[int] = field(default_factory=list)
    shape: list[shapely.Polygon] = field(default_factory=list)
    households: list[int] = field(default_factory=list)
    lot_grid: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(slots=True)
class _Part:
    lots: list[int]
    households: int
    shape: shapely.Polygon


def make_grids(ground: Ground, households: Ints) -> Grids:
    """Divide the communities of the full streets into grids.

    Args:
        households: by lot.
    """
    grids = Grids(lot_grid=np.full(len(ground.lots), -1, dtype=np.int64))
    for index, community in enumerate(ground.communities):
        if community.street not in ground.full:
            continue
        parts = _join_small(_descend(community.root, ground.lots, households))
        centres: Floats = np.array([shapely.get_coordinates(p.shape.centroid)[0] for p in parts])
        band = np.round(-centres[:, 1] / 220.0)
        for serial, row in enumerate(np.lexsort((centres[:, 0], band)), start=1):
            part = parts[int(row)]
            grids.lot_grid[part.lots] = len(grids.code)
            grids.code.append(f"{community.code}{serial:03d}")
            grids.name.append(f"{community.name.removesuffix('社区')}第{serial}网格")
            grids.community.append(index)
            grids.shape.append(part.shape)
            grids.households.append(part.households)
    return grids


def _descend(node: Node, lots: Geoms, households: Ints) -> list[_Part]:
    mine = [leaf.lot for leaf in node.leaves() if leaf.lot >= 0]
    if not mine:
        return []
    total = int(households[mine].sum())
    if total <= MOST or not node.children:
        shape = lots[mine[0]] if len(mine) == 1 else shapely.coverage_union_all(lots[mine])
        if shape.geom_type == "Polygon" and (shape.area <= _LARGEST or not node.children):
            return [_Part(mine, total, shape)]
    return [part for child in node.children for part in _descend(child, lots, households)]


def _join_small(parts: list[_Part]) -> list[_Part]:
    """Join parts with few households to a neighbour, while the sum stays within bounds and the shape has no hole."""
    parts = list(parts)
    refused: set[tuple[int, ...]] = set()
    while len(parts) > 1:
        best: tuple[float, int, int, shapely.Polygon] | None = None
        for i, part in enumerate(parts):
            if part.households >= FEW:
                continue
            for j, other in enumerate(parts):
                if (
                    i == j
                    or part.households + other.households > MOST
                    or tuple(sorted((id(part), id(other)))) in refused
                ):
                    continue
                if part.shape.area + other.shape.area > _LARGEST or not part.shape.intersects(other.shape):
                    continue
                common = part.shape.intersection(other.shape).length
                if common < 25:
                    continue
                share = common / min(part.shape.length, other.shape.length)
                if best is None or share > best[0]:
                    joined = shapely.coverage_union(part.shape, other.shape)
                    if joined.geom_type != "Polygon" or joined.interiors:
                        refused.add(tuple(sorted((id(part), id(other)))))
                        continue
                    best = (share, i, j, joined)
        if best is None:
            return parts
        _, i, j, joined = best
        new = _Part(parts[i].lots + parts[j].lots, parts[i].households + parts[j].households, joined)
        parts = [p for k, p in enumerate(parts) if k not in {i, j}] + [new]
    return parts

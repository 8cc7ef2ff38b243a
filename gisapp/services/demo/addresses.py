"""Standard addresses of buildings and units, in the order 省市区街道社区 · 街路巷 · 门牌 · 小区 · 幢 · 单元."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Ground, Ints
from gisapp.services.demo.roads import Roads
from gisapp.services.demo.stock import Stock

Words = NDArray[np.object_]


@dataclass(slots=True)
class Addresses:
    """Addresses as columns: one per building, then one per unit where a building has several entrances."""

    text: Words
    road: Words
    plate: Words
    estate: Words
    building_no: Words
    unit: Words
    building: Ints
    point: Floats
    aliases: list[list[str]]


def write_addresses(
    ground: Ground, roads: Roads, stock: Stock, prefix: str, street_names: Sequence[str]
) -> Addresses:
    """Addresses of all buildings and units.

    Args:
        prefix: province, city and district in words.
        street_names: names of the streets (街道) in the order of their codes.
    """
    above = np.array([prefix + street_names[c.street] + c.name for c in ground.communities], dtype=object)[
        ground.lot_community[stock.lot]
    ]
    road_names = np.array([street.name for street in roads.streets], dtype=object)
    road = road_names[stock.road]
    short = road + stock.plate + stock.estate + stock.number
    text = above + short
    units = np.bincount(stock.unit_building, minlength=len(stock.shape))
    flats = np.isin(stock.kind, ("slab", "mid", "tower"))
    own = np.flatnonzero(flats[stock.unit_building] & (units[stock.unit_building] > 1))
    of = stock.unit_building[own]
    unit = np.char.add(stock.unit_number[own].astype(str), "单元").astype(object)
    none = np.full(len(stock.shape), "", dtype=object)
    aliases = [[e + n] if e and n else [] for e, n in zip(stock.estate, stock.number, strict=True)]
    return Addresses(
        np.concatenate([text, text[of] + unit]),
        np.concatenate([road, road[of]]),
        np.concatenate([stock.plate, stock.plate[of]]),
        np.concatenate([stock.estate, stock.estate[of]]),
        np.concatenate([stock.number, stock.number[of]]),
        np.concatenate([none, unit]),
        np.concatenate([np.arange(len(stock.shape)), of]),
        np.vstack([stock.door, stock.unit_door[own]]),
        aliases + [[] for _ in own],
    )

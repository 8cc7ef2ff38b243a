"""One district of the demo place, from geography to tracks: pure, and the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from gisapp.domain.codes import Division
from gisapp.domain.keys import Level
from gisapp.services.demo.addresses import Addresses, write_addresses
from gisapp.services.demo.cases import Cases, happen
from gisapp.services.demo.components import Components, furnish
from gisapp.services.demo.geography import Ground, lay_out
from gisapp.services.demo.grids import Grids, make_grids
from gisapp.services.demo.lots import PEOPLE, Lots, assign_uses, survey
from gisapp.services.demo.organisations import Organisations, Places, found
from gisapp.services.demo.people import People, Words, settle
from gisapp.services.demo.roads import Roads, build_roads
from gisapp.services.demo.seeding import stream
from gisapp.services.demo.stock import Stock, build_stock
from gisapp.services.demo.surroundings import BaseMap, base_map
from gisapp.services.demo.workers import Tracks, Workers, employ, track

REGISTER_DAY = date(2025, 7, 1)
"""Ages hold on this day, whenever the place is generated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to generate.

    Attributes:
        seed: any whole number.
        divisions: province, city, district, its streets (街道) and communities.
        full: indexes of the streets to fill with buildings and people; the others stay regions with main streets.
        now: end of the year of cases, with zone.
        serial: number of the district, 0 for the first; keeps numbers of districts apart.
        cell: place in the lattice of districts.
        tracks: how many workers have tracks of the last days.
        drawn: keys of sides of the outline whose avenue a neighbouring district has.
        around: draw the main streets and waters of the ground around the district.
    """

    seed: int
    divisions: tuple[Division, ...]
    full: tuple[int, ...]
    now: datetime
    serial: int = 0
    cell: tuple[int, int] = (0, 0)
    tracks: int = 8
    drawn: tuple[str, ...] = ()
    around: bool = True

    @property
    def district(self) -> str:
        """Place key of the district."""
        return str(self.on(Level.DISTRICT)[0].key)

    def on(self, level: Level) -> list[Division]:
        return [d for d in self.divisions if d.level is level]

    def communities(self) -> list[list[tuple[str, str]]]:
        """Communities of each street as (code, name)."""
        return [
            [(str(c.key), c.name) for c in self.on(Level.COMMUNITY) if c.parent == street.key]
            for street in self.on(Level.STREET)
        ]


@dataclass(slots=True)
class District:
    """A generated district; coordinates still in metres (EPSG:4549)."""

    plan: Plan
    ground: Ground
    roads: Roads
    base: BaseMap
    lots: Lots
    stock: Stock
    homes: np.ndarray
    room_use: Words
    people: People
    grids: Grids
    addresses: Addresses
    organisations: Organisations
    places: Places
    components: Components
    workers: Workers
    cases: Cases
    tracks: Tracks


def generate(plan: Plan) -> District:
    """Generate a district.

    Raises:
        ValueError: the divisions do not name eight streets.
    """
    streets = plan.on(Level.STREET)
    if len(streets) != len(PEOPLE):
        raise ValueError(f"{len(PEOPLE)} streets wanted, not {len(streets)}")
    communities = plan.communities()
    seed, cell = plan.seed, plan.cell
    ground = lay_out(seed, communities, plan.full, cell)
    roads = build_roads(ground, seed + plan.serial, _lanes(ground), plan.drawn)
    base = base_map(ground, roads, seed, cell, around=plan.around)
    lots = survey(ground, roads)
    assign_uses(ground, roads, lots, seed, cell)
    stock = build_stock(ground, roads, lots, seed, cell)
    homes = np.flatnonzero(stock.room_home)
    area = np.array([c.street for c in ground.communities])[ground.lot_community]
    people, use = _people(plan, stock, homes, area)
    room_use = np.full(len(stock.room_unit), "business_use", dtype=object)
    room_use[homes] = use
    lived_in = homes[use != "vacant"]
    households = np.bincount(stock.lot[stock.room_building[lived_in]], minlength=len(ground.lots))
    grids = make_grids(ground, households.astype(np.int64))
    names = {d.level: d.name for d in plan.divisions if d.level < Level.STREET}
    prefix = names[Level.PROVINCE] + names[Level.CITY] + names[Level.DISTRICT]
    addresses = write_addresses(ground, roads, stock, prefix, [s.name for s in streets])
    short = names[Level.CITY].removesuffix("市")
    organisations, places = found(
        ground, lots, stock, stream(seed, "organisations", *cell), plan.serial, short
    )
    components = furnish(ground, roads, lots, stock, stream(seed, "components", *cell))
    workers = employ(ground, grids, stream(seed, "workers", *cell), plan.serial)
    by_street = np.bincount(area[stock.lot[stock.room_building[people.room]]], minlength=len(streets))
    cases = happen(
        ground, roads, lots, stock, components,
        {s: int(by_street[s]) for s in plan.full}, plan.now, stream(seed, "cases", *cell),
    )  # fmt: skip
    tracks = track(ground, roads, grids, plan.now, stream(seed, "tracks", *cell), plan.tracks)
    return District(
        plan, ground, roads, base, lots, stock, homes, room_use, people, grids, addresses, organisations, places,
        components, workers, cases, tracks,
    )  # fmt: skip


def _people(plan: Plan, stock: Stock, homes: np.ndarray, area: np.ndarray) -> tuple[People, Words]:
    """Settle street by street, each from its own stream; rows of rooms are rows of ``stock.room_*``."""
    use = np.full(len(homes), "vacant", dtype=object)
    home_street = area[stock.lot[stock.room_building[homes]]]
    rooms, kinds = [], []
    for street in plan.full:
        mine = np.flatnonzero(home_street == street)
        rooms.append(mine)
        kinds.append(stock.kind[stock.room_building[homes[mine]]])
    order = np.concatenate(rooms)
    wanted = [PEOPLE[s] for s in plan.full]
    people, own_use = settle(
        kinds, wanted, stream(plan.seed, "people", *plan.cell), REGISTER_DAY, plan.serial
    )
    use[order] = own_use
    people.room = homes[order[people.room]]
    return people, use


def _lanes(ground: Ground) -> list[tuple[int, str]]:
    """Communities named after a lane, with the lane's name."""
    named = []
    for index, community in enumerate(ground.communities):
        base = community.name.removesuffix("社区")
        if base.endswith(("巷", "弄")) and community.street in ground.full:
            named.append((index, base))
    return named

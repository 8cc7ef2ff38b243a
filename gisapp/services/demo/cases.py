"""A year of cases: by kind, hour, weekday, season and place, each with its log from report to close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.domain.codes import matter_types
from gisapp.domain.events import due_time
from gisapp.services.demo.components import Components
from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Ground, Ints
from gisapp.services.demo.lots import HOMES, Lots
from gisapp.services.demo.matters import CHANNEL_SHARES, CHANNELS, HOURS, MATTERS, SEASONS, WEEKDAYS, Matter
from gisapp.services.demo.roads import Roads
from gisapp.services.demo.stock import Stock

Words = NDArray[np.object_]
Instants = NDArray[np.datetime64]

DAYS = 365
_PER_PERSON = 0.17
_HOT_SHARE = 0.42


@dataclass(slots=True)
class Cases:
    """Cases as columns; instants are UTC. ``step_*`` is the log: the case's row, its number within the case, ….

    ``worker`` is the row of the worker (of the grid of ``lot``) on whose rounds it came up, −1 for none.
    """

    matter: Words
    channel: Words
    title: Words
    description: Words
    address: Words
    state: Words
    unit: Words
    reported: Instants
    due: Instants
    closed: Instants
    point: Floats
    lot: Ints
    step_case: Ints
    step_number: Ints
    step_action: Words
    step_from: Words
    step_to: Words
    step_at: Instants
    step_note: Words
    step_by_unit: NDArray[np.bool_]


@dataclass(slots=True)
class _Spots:
    """Where cases of one sort can lie: points with the lot they belong to."""

    xy: Floats
    lot: Ints


def happen(
    ground: Ground,
    roads: Roads,
    lots: Lots,
    stock: Stock,
    components: Components,
    people_by_street: dict[int, int],
    now: datetime,
    rng: np.random.Generator,
) -> Cases:
    """Cases of the year up to ``now`` (with zone, Asia/Shanghai)."""
    spots = _all_spots(ground, roads, lots, stock, components)
    area = np.array([c.street for c in ground.communities])[ground.lot_community]
    matter: list[Ints] = []
    xy: list[Floats] = []
    lot: list[Ints] = []
    when: list[Instants] = []
    weights = np.array([m.weight for m in MATTERS])
    start = np.datetime64((now - timedelta(days=DAYS)).date().isoformat())
    for street, people in sorted(people_by_street.items()):
        total = int(people * _PER_PERSON)
        share = rng.multinomial(total, weights / weights.sum())
        hot: dict[str, _Hot] = {}
        for index, (item, count) in enumerate(zip(MATTERS, share.tolist(), strict=True)):
            name = f"thing:{item.thing}" if item.thing else item.where
            own = np.flatnonzero(area[spots[name].lot] == street)
            if not len(own) or not count:
                continue
            days = _days(item, start, count, rng)
            if item.where not in hot:
                hot[item.where] = _hot_places(spots[name].xy[own], rng)
            rows = _places(spots[name].xy[own], days, hot[item.where], rng)
            matter.append(np.full(count, index))
            xy.append(spots[name].xy[own][rows])
            lot.append(spots[name].lot[own][rows])
            when.append(_instants(item, start, days, rng))
    which, point = np.concatenate(matter), np.vstack(xy)
    of_lot, reported = np.concatenate(lot), np.concatenate(when)
    moment = _utc(now)
    keep = reported <= moment
    which, point, of_lot, reported = which[keep], point[keep], of_lot[keep], reported[keep]
    order = np.lexsort((point[:, 0], reported))
    which, point, of_lot, reported = which[order], point[order], of_lot[order], reported[order]
    point = _scattered(ground, point, of_lot, rng)
    return _run(ground, roads, stock, which, point, of_lot, reported, moment, rng)


def _utc(instant: datetime) -> np.datetime64:
    return np.datetime64(int(instant.timestamp()), "s")


def _all_spots(
    ground: Ground, roads: Roads, lots: Lots, stock: Stock, components: Components
) -> dict[str, _Spots]:
    shops = np.isin(stock.kind, ["shops", "market", "mall"])
    homes = np.isin(stock.kind, HOMES)
    # At the entrance, a few metres out of the house.
    centre = np.column_stack(
        [shapely.get_x(shapely.centroid(stock.shape)), shapely.get_y(shapely.centroid(stock.shape))]
    )
    outward = stock.door - centre
    front = stock.door + outward / np.maximum(np.hypot(*outward.T), 1e-9)[:, None] * 3.0
    spots = {"shop": _Spots(front[shops], stock.lot[shops]), "home": _Spots(front[homes], stock.lot[homes])}
    trees = components.name == "行道树"
    lamps = np.isin(components.name, ["路灯", "雨水箅子"])
    spots["road"] = _of_components(components, lamps)
    parks = np.flatnonzero((lots.use == "park") & (shapely.area(lots.yards) > 900))
    spots["park"] = _Spots(shapely.get_coordinates(shapely.point_on_surface(lots.yards[parks])), parks)
    railings = np.flatnonzero(components.name == "水域护栏")
    spots["water"] = _Spots(
        shapely.get_coordinates(shapely.point_on_surface(components.shape[railings])),
        components.lot[railings],
    )
    if not len(railings):
        spots["water"] = spots["park"]
    # Building sites: a few lots of offices or industry where somebody is always building.
    sites = np.flatnonzero(np.isin(lots.use, ["office", "industry"]) & (shapely.area(lots.yards) > 2500))[::5]
    spots["works"] = _Spots(shapely.get_coordinates(shapely.point_on_surface(lots.yards[sites])), sites)
    for item in MATTERS:
        if item.thing:
            mine = trees if item.thing == "行道树" else components.name == item.thing
            spots[f"thing:{item.thing}"] = _of_components(components, mine)
    return spots


def _of_components(components: Components, mine: NDArray[np.bool_]) -> _Spots:
    shapes = components.shape[mine]
    return _Spots(np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]), components.lot[mine])


def _days(item: Matter, start: np.datetime64, count: int, rng: np.random.Generator) -> Ints:
    """Days since the start of the year: weekday, season, and a rise of reporting by a fifth over the year."""
    day = start + np.arange(DAYS + 1).astype("timedelta64[D]")
    weekday = (day.astype("datetime64[D]").astype(np.int64) + 3) % 7
    month = day.astype("datetime64[M]").astype(np.int64) % 12
    weight = np.array(WEEKDAYS)[weekday] * np.array(SEASONS[item.season])[month]
    weight = weight * np.linspace(0.9, 1.1, len(day)) * rng.gamma(12, 1 / 12, len(day))
    return rng.choice(len(day), size=count, p=weight / weight.sum())


@dataclass(slots=True)
class _Hot:
    """Places where one sort of cases gathers; the last one is new, of the last weeks."""

    centres: Floats
    radius: Floats
    strength: Floats


def _hot_places(xy: Floats, rng: np.random.Generator) -> _Hot:
    """A few of the spots of a sort; kinds of cases of that sort share them, so that they show in the sum."""
    count = max(1, min(3, len(xy) // 60))
    centres = xy[rng.integers(len(xy), size=count + 1)]
    return _Hot(centres, rng.uniform(55, 120, count + 1), rng.dirichlet(np.full(count, 3.0)))


def _places(xy: Floats, days: Ints, hot: _Hot, rng: np.random.Generator) -> Ints:
    """Rows of spots: most anywhere, many in the hot places."""
    count, last = len(xy), len(hot.strength)
    rows = rng.integers(count, size=len(days))
    pick = rng.choice(last, size=len(days), p=hot.strength)
    newest = (days > DAYS - 45) & (rng.random(len(days)) < 0.5)
    pick = np.where(newest, last, pick)
    gathered = rng.random(len(days)) < _HOT_SHARE
    for index in range(last + 1):
        away = np.hypot(*(xy - hot.centres[index]).T)
        weight = np.exp(-((away / hot.radius[index]) ** 2)) + 1e-9
        mine = np.flatnonzero(gathered & (pick == index))
        if len(mine):
            rows[mine] = rng.choice(count, size=len(mine), p=weight / weight.sum())
    return rows


def _instants(item: Matter, start: np.datetime64, days: Ints, rng: np.random.Generator) -> Instants:
    """Instants (UTC) within local days by the pattern of hours."""
    share = np.array(HOURS[item.day])
    hour = rng.choice(24, size=len(days), p=share / share.sum())
    second = hour * 3600 + rng.integers(3600, size=len(days))
    local = start.astype("datetime64[s]") + (days * 86400 + second).astype("timedelta64[s]")
    return np.asarray(local - np.timedelta64(8 * 3600, "s"))


def _scattered(ground: Ground, point: Floats, lot: Ints, rng: np.random.Generator) -> Floats:
    """Points moved by some metres, where they stay in their lot."""
    moved = point + rng.normal(0, 2.5, point.shape)
    shapes = ground.lots[lot]
    inside = shapely.contains_xy(shapes, moved[:, 0], moved[:, 1])
    moved[~inside] = point[~inside]
    # A spot on the very border of a lot goes to a point well inside it.
    lost = ~inside & ~shapely.contains_xy(shapes, moved[:, 0], moved[:, 1])
    if lost.any():
        moved[lost] = shapely.get_coordinates(shapely.point_on_surface(shapes[lost]))
    return moved


def _run(
    ground: Ground,
    roads: Roads,
    stock: Stock,
    which: Ints,
    point: Floats,
    lot: Ints,
    reported: Instants,
    moment: np.datetime64,
    rng: np.random.Generator,
) -> Cases:
    """Steps of every case; what would happen after ``moment`` has not happened yet."""
    count = len(which)
    code = np.array([m.code for m in MATTERS], dtype=object)[which]
    hours_due = np.array([_hours(m.code) for m in MATTERS])[which]
    due = reported + (hours_due * 3600).astype("timedelta64[s]")
    local_hour = (reported.astype(np.int64) // 3600 + 8) % 24
    wait = np.where((local_hour >= 22) | (local_hour < 7), ((31 - local_hour) % 24) * 3600.0 * 0.55, 0.0)
    # Some communities are slower than others; what is slow there is late there.
    slow = rng.lognormal(0, 0.28, len(ground.communities))[ground.lot_community[lot]]
    assign = wait + rng.lognormal(np.log(900), 0.8, count)
    begin = rng.lognormal(np.log(3600), 0.7, count)
    ratio = rng.lognormal(np.log(0.40), 0.62, count) * slow
    finish = np.maximum(ratio * hours_due * 3600 - begin * 0.3, 600)
    returned = rng.random(count) < 0.035
    # What was forgotten comes to light within two weeks; older than that nothing stays open.
    forgotten = (rng.random(count) < 0.01) & (reported > moment - np.timedelta64(12, "D"))

    action, source, target, at, case, number, by_unit = [], [], [], [], [], [], []

    def write(
        rows: Ints, step: Ints | int, name: str, before: str, after: str, when: Instants, unit: bool
    ) -> None:
        case.append(rows)
        number.append(np.broadcast_to(step, rows.shape))
        action.append(np.full(len(rows), name, dtype=object))
        source.append(np.full(len(rows), before, dtype=object))
        target.append(np.full(len(rows), after, dtype=object))
        at.append(when)
        by_unit.append(np.full(len(rows), unit))

    def later(base: Instants, seconds: Floats) -> Instants:
        return np.asarray(base + seconds.astype(np.int64).astype("timedelta64[s]"))

    every = np.arange(count)
    back = np.flatnonzero(returned)
    write(every, 1, "report", "reported", "reported", reported, False)
    first = later(reported, assign)
    write(every, 2, "assign", "reported", "assigned", first, False)
    sent = later(first[back], rng.lognormal(np.log(2400), 0.6, len(back)))
    write(back, 3, "send_back", "assigned", "reported", sent, True)
    again = first.copy()
    again[back] = later(sent, rng.lognormal(np.log(1500), 0.6, len(back)))
    write(back, 4, "assign", "reported", "assigned", again[back], False)
    offset = np.where(returned, 2, 0)
    on_site = later(again, begin)
    live = np.flatnonzero(~forgotten)
    write(live, (3 + offset)[live], "handle", "assigned", "handling", on_site[live], True)
    done = later(on_site, finish)
    write(live, (4 + offset)[live], "close", "handling", "closed", done[live], True)

    rows, numbers, instants = np.concatenate(case), np.concatenate(number), np.concatenate(at)
    happened = np.flatnonzero(instants <= moment)
    order = happened[np.lexsort((numbers[happened], rows[happened]))]
    rows, numbers, instants = rows[order], numbers[order].astype(np.int64), instants[order]
    actions, targets = np.concatenate(action)[order], np.concatenate(target)[order]
    last = np.append(rows[1:] != rows[:-1], True) if len(rows) else np.zeros(0, dtype=bool)
    state = np.full(count, "reported", dtype=object)
    state[rows[last]] = targets[last]
    closed = np.where(state == "closed", done, np.datetime64("NaT"))
    wanted_unit = np.array([m.unit for m in MATTERS], dtype=object)[which]
    unit = np.where(state == "reported", "", wanted_unit)
    channel = np.array(CHANNELS, dtype=object)[rng.choice(len(CHANNELS), size=count, p=CHANNEL_SHARES)]
    pick = rng.integers(9, size=count).tolist()
    said = [MATTERS[m].words for m in which.tolist()]
    words = np.array([w[i % len(w)] for w, i in zip(said, pick, strict=True)], dtype=object)
    near = _near(roads, stock, point, lot)
    names = matter_types()
    title = np.array([names[c].name for c in code], dtype=object)
    notes = np.select(
        [actions == "report", actions == "assign", actions == "send_back", actions == "handle"],
        [words[rows], "请" + wanted_unit[rows] + "处置", "不属于本单位职责，请重新指派", "已到现场"],
        default="现场已处置完毕，恢复原状",
    ).astype(object)
    return Cases(
        code, channel, title, words, near, state, unit, reported, due, closed, point, lot,
        rows, numbers, actions, np.concatenate(source)[order], targets, instants, notes, np.concatenate(by_unit)[order],
    )  # fmt: skip


def _hours(code: str) -> float:
    start = datetime.fromisoformat("2024-01-01T00:00:00+08:00")
    return (due_time(code, start) - start).total_seconds() / 3600


def _near(roads: Roads, stock: Stock, point: Floats, lot: Ints) -> Words:
    """Where a case is, in words: the nearest house's street and plate."""
    nearest = shapely.STRtree(shapely.points(stock.door)).nearest(shapely.points(point))
    road = np.array([s.name for s in roads.streets], dtype=object)[stock.road[nearest]]
    return np.asarray(road + stock.plate[nearest] + stock.estate[nearest] + "附近", dtype=object)

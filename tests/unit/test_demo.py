"""The demo place: the same for the same seed, a valid town on the ground, plausible people in it."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import shapely

from gisapp.analytics.fabric.lattice import on_lattice
from gisapp.domain.codes import component_types, divisions, matter_types
from gisapp.domain.events import TRANSITIONS, Action, Channel, State, due_time
from gisapp.domain.identity import (
    credit_code_check,
    parse_credit_code,
    parse_phone,
    parse_resident_id,
    resident_id_check,
)
from gisapp.services.demo.generate import District, Plan, generate
from gisapp.services.demo.geography import lay_out
from gisapp.services.demo.organisations import credit_codes
from gisapp.services.demo.people import check_digits
from gisapp.services.demo.roads import chainage
from gisapp.services.demo.rows import tables
from gisapp.services.demo.sizes import plans
from gisapp.store.tables import metadata

NOW = datetime.fromisoformat("2025-11-21T15:00:00+08:00")
STREET = 2
SEEDS = (1, 7, 20)


@cache
def street(seed: int) -> District:
    """The street size under a seed."""
    return generate(next(plans("street", seed, NOW)))


@cache
def rows(seed: int) -> dict[str, Any]:
    return tables(street(seed))


@pytest.fixture(params=SEEDS)
def district(request: pytest.FixtureRequest) -> District:
    return street(request.param)


def digest(made: dict[str, Any]) -> str:
    """One digest over every value of every column of every table."""
    total = hashlib.sha256()
    for name, columns in made.items():
        for column, values in columns.items():
            total.update(f"{name}.{column}".encode())
            if isinstance(values, tuple):
                values = np.column_stack(values)
            if column == "geom" and isinstance(values, np.ndarray) and values.dtype.hasobject:
                values = [None if g is None else g.wkb for g in values]
            total.update(repr(values.tolist() if hasattr(values, "tolist") else values).encode())
    return total.hexdigest()


def test_same_seed_same_place_other_seed_other_place() -> None:
    assert digest(rows(1)) == digest(tables(generate(next(plans("street", 1, NOW)))))
    assert digest(rows(1)) != digest(rows(7))


def test_the_day_of_loading_changes_cases_only() -> None:
    later = tables(generate(next(plans("street", 1, datetime.fromisoformat("2026-03-02T09:00:00+08:00")))))
    for name in (
        "region",
        "grid",
        "road",
        "building",
        "room",
        "address",
        "person",
        "component",
        "organisation",
    ):
        assert digest({name: rows(1)[name]}) == digest({name: later[name]}), name
    assert digest({"event": rows(1)["event"]}) != digest({"event": later["event"]})


# -- the ground ---------------------------------------------------------------------------------------------------------


def test_real_names_and_codes(district: District) -> None:
    made = tables(district)["region"]
    named = dict(zip(made["place"], made["name"], strict=True))
    assert named == {str(d.key): d.name for d in divisions()}
    assert Counter(made["level"]) == {2: 1, 4: 1, 6: 1, 9: 8, 12: 75}


def test_each_level_tiles_the_next_exactly(district: District) -> None:
    made = tables(district)
    shape = dict(zip(made["region"]["place"], made["region"]["geom"], strict=True))
    grids = dict(zip(made["grid"]["place"], made["grid"]["geom"], strict=True))
    district_key = district.plan.district
    streets = [k for k in shape if len(k) == 9]
    communities = [k for k in shape if len(k) == 12]
    for parents, children in (
        ([district_key], {k: shape[k] for k in streets}),
        (streets, {k: shape[k] for k in communities}),
        ([k for k in communities if any(g.startswith(k) for g in grids)], grids),
    ):
        for parent in parents:
            parts = [g for k, g in children.items() if k.startswith(parent)]
            assert shapely.coverage_is_valid(parts), parent
            whole = shapely.coverage_union_all(parts)
            assert whole.symmetric_difference(shape[parent]).area == 0, parent
            # Not only the same ground: the same corners, so that drawing can snap to them.
            corners = {tuple(c) for c in shapely.get_coordinates(whole)}
            assert corners == {tuple(c) for c in shapely.get_coordinates(shape[parent])}, parent
    every = [*grids.values(), *(shape[k] for k in communities if not any(g.startswith(k) for g in grids))]
    assert shapely.coverage_is_valid(every)
    assert on_lattice(shapely.get_coordinates(every)).all()
    assert all(g.geom_type == "Polygon" for g in grids.values())


def test_grids_are_numbered_and_of_workable_size(district: District) -> None:
    grids = district.grids
    for community in set(grids.community):
        mine = [c for c, o in zip(grids.code, grids.community, strict=True) if o == community]
        prefix = district.ground.communities[community].code
        assert mine == [f"{prefix}{n:03d}" for n in range(1, len(mine) + 1)]
    size = np.array(grids.households)
    assert 300 <= size.mean() <= 480
    assert size.max() <= 620
    assert np.mean(size >= 150) > 0.85


def test_area_is_that_of_the_real_district(district: District) -> None:
    assert 30e6 < district.ground.outline.area < 32.5e6


def test_streets_form_one_network_with_bridges(district: District) -> None:
    roads = district.roads
    ends = np.vstack([shapely.get_coordinates(shapely.get_point(roads.edges, i)) for i in (0, -1)]).round(3)
    _, node = np.unique(ends, axis=0, return_inverse=True)
    node = np.ravel(node)
    parent = list(range(node.max() + 1))

    def find(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i in range(len(roads.edges)):
        parent[find(node[i])] = find(node[len(roads.edges) + i])
    assert len({find(i) for i in range(len(parent))}) == 1
    assert roads.bridge.sum() >= 3
    water = shapely.union_all([shape for _, shape in roads.water])
    wet = shapely.intersection(roads.edges, water)
    assert shapely.length(wet[~roads.bridge]).sum() < 1.0
    assert {s.kind for s in roads.streets} >= {
        "expressway",
        "arterial",
        "secondary",
        "branch",
        "lane",
        "path",
    }


def test_buildings_stand_apart_from_each_other_and_off_streets_and_water(district: District) -> None:
    shapes = district.stock.shape
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (one < two).sum() == 0
    assert shapely.is_valid(shapes).all()
    index, _ = shapely.STRtree(district.roads.paved).query(
        shapely.buffer(shapes, -0.05), predicate="intersects"
    )
    assert len(index) == 0
    for _, water in district.roads.water:
        assert not shapely.intersects(shapes, water).any()
    # Each stands in its own lot, and so in exactly one grid.
    assert shapely.contains_properly(district.ground.lots[district.stock.lot], shapes).all()


def test_slabs_face_south_with_sun_between_them(district: District) -> None:
    stock = district.stock
    checked = 0
    for lot in np.unique(stock.lot[stock.kind == "slab"]):
        mine = np.flatnonzero((stock.lot == lot) & (stock.kind == "slab"))
        for a, b in combinations(mine, 2):
            one, two = (
                shapely.get_coordinates(stock.shape[a])[:4],
                shapely.get_coordinates(stock.shape[b])[:4],
            )
            side = one[1] - one[0], one[2] - one[1]
            long = max(side, key=lambda v: float(np.hypot(*v)))
            axis = long / np.hypot(*long)
            assert abs(axis[0]) > 0.7  # rows run from east to west
            normal = np.array([-axis[1], axis[0]])
            if min((one @ axis).max(), (two @ axis).max()) - max((one @ axis).min(), (two @ axis).min()) > 1:
                gap = max(
                    (two @ normal).min() - (one @ normal).max(), (one @ normal).min() - (two @ normal).max()
                )
                assert gap > 0.8 * 2.9 * stock.floors[a]
                checked += 1
            else:
                assert stock.shape[a].distance(stock.shape[b]) > 5
    assert checked > 50
    floors = stock.floors[stock.kind == "slab"]
    assert floors.min() >= 5
    assert floors.max() <= 7
    towers = stock.floors[stock.kind == "tower"]
    assert towers.min() >= 11
    assert towers.max() <= 33


# -- addresses and rooms --------------------------------------------------------------------------------------------------


def test_addresses_are_unique_and_complete(district: District) -> None:
    text = district.addresses.text.tolist()
    assert len(set(text)) == len(text)
    assert all(t.startswith("浙江省杭州市下城区天水街道") for t in text)
    assert (district.stock.plate_value > 0).mean() > 0.995


def test_numbers_are_odd_on_the_left_even_on_the_right_and_grow(district: District) -> None:
    stock, roads, lots = district.stock, district.roads, district.lots
    own = np.isin(stock.kind, ("old", "village", "shops"))
    checked = 0
    for street_index in np.unique(stock.road):
        item = roads.streets[int(street_index)]
        mine = np.flatnonzero((stock.road == street_index) & own & (stock.plate_value > 0))
        values = stock.plate_value[mine]
        assert len(set(values.tolist())) == len(values)
        along, left, _ = chainage(item, stock.door[mine])
        assert np.array_equal(values % 2 == 1, left)
        for side in (True, False):
            order = np.argsort(along[left == side], kind="stable")
            assert (np.diff(values[left == side][order]) > 0).all()
            checked += len(order)
    assert checked > 100
    assert lots.full.any()


def test_rooms_are_numbered_by_floor_and_door(district: District) -> None:
    stock = district.stock
    floor = np.array([int(n[:-2]) for n in stock.room_number])
    assert np.array_equal(floor, stock.room_floor)
    assert (stock.room_floor <= stock.floors[stock.room_building]).all()
    pairs = set(zip(stock.room_unit.tolist(), stock.room_number.tolist(), strict=True))
    assert len(pairs) == len(stock.room_unit)


# -- people ---------------------------------------------------------------------------------------------------------------


def test_thirty_thousand_people_of_believable_ages(district: District) -> None:
    people = district.people
    assert 29_000 < len(people.room) < 31_000
    age = (np.datetime64("2025-07-01") - people.birth).astype(int) / 365.25
    assert age.min() >= 0
    assert age.max() < 106
    assert 0.10 < np.mean(age < 15) < 0.20
    assert 0.18 < np.mean(age >= 60) < 0.32
    assert 0.46 < people.female.mean() < 0.54
    residence = Counter(people.residence.tolist())
    assert set(residence) == {"registered", "resident", "floating"}
    assert residence["registered"] > residence["resident"] > residence["floating"] * 0.7


def test_households_hold_together(district: District) -> None:
    people = district.people
    starts = np.flatnonzero(np.append(True, people.room[1:] != people.room[:-1]))
    assert (people.kinship[starts] == "户主").all()
    assert (people.kinship == "户主").sum() == len(starts)
    mean = len(people.room) / len(starts)
    assert 2.2 < mean < 2.8
    years = people.birth.astype("datetime64[D]").astype(int) / 365.25
    ends = np.append(starts[1:], len(people.room))
    for start, end in zip(starts, ends, strict=True):
        words = people.kinship[start:end].tolist()
        for i, word in enumerate(words):
            if word in {"儿子", "女儿"}:
                assert 18 < years[start + i] - years[start] < 62
                assert people.female[start + i] == (word == "女儿")
            if word in {"父亲", "母亲"}:
                assert years[start] - years[start + i] > 14


def test_children_bear_a_parents_surname(district: District) -> None:
    people = district.people
    surname = [n[0] for n in people.name]
    parents: dict[int, set[str]] = {}
    for i, word in enumerate(people.kinship):
        if word in {"户主", "配偶"}:
            parents.setdefault(int(people.room[i]), set()).add(surname[i])
    assert all(
        surname[i] in parents[int(people.room[i])]
        for i, w in enumerate(people.kinship)
        if w in {"儿子", "女儿"}
    )


def test_identity_numbers_are_right_unique_and_unassigned(district: District) -> None:
    people = district.people
    assert len(set(people.id_number.tolist())) == len(people.id_number)
    assert all(n.startswith("3399") for n in people.id_number)
    for i in range(0, len(people.room), 97):
        parsed = parse_resident_id(people.id_number[i])
        assert parsed.birth_date == people.birth[i].astype(object)
        assert (parsed.sex == "female") == bool(people.female[i])
    phones = [p for p in people.phone.tolist() if p]
    assert len(set(phones)) == len(phones)
    assert all(p.startswith("154") and len(p) == 11 for p in phones)
    parse_phone(phones[0])


def test_check_characters_agree_with_the_domain() -> None:
    rng = np.random.default_rng(3)
    digits = rng.integers(0, 10, (500, 17))
    text = ["".join(map(str, row)) for row in digits]
    assert check_digits(digits).tolist() == [resident_id_check(t) for t in text]
    codes = credit_codes(np.array(["91", "92", "12"] * 50), np.arange(150) * 991, 3)
    for code in codes:
        assert parse_credit_code(code) == code
        assert credit_code_check(code[:17]) == code[17]


def test_organisations_have_codes_addresses_and_houses(district: District) -> None:
    organisations = district.organisations
    assert len(set(organisations.credit_code.tolist())) == len(organisations.credit_code)
    for code in organisations.credit_code[::25]:
        parse_credit_code(code)
    for phone in organisations.phone[::200]:
        parse_phone(phone)
    shapes = district.stock.shape[organisations.building]
    assert shapely.contains_xy(shapes, organisations.point[:, 0], organisations.point[:, 1]).mean() > 0.99
    kinds = Counter(district.places.kind.tolist())
    assert {"学校", "卫生", "办事机构", "餐饮", "购物", "公园", "便民服务"} <= set(kinds)


# -- things and work ------------------------------------------------------------------------------------------------------


def test_components_have_national_codes_and_stand_along_streets(district: District) -> None:
    components = district.components
    types = component_types()
    assert all(code in types for code in set(components.type_code.tolist()))
    assert all(types[c].name == n for c, n in set(zip(components.type_code, components.name, strict=True)))
    lamps = components.shape[components.name == "路灯"]
    away = shapely.distance(lamps, shapely.union_all(district.roads.edges))
    assert away.max() < 28
    assert 0.93 < np.mean(components.state == "good") < 0.98
    assert set(shapely.get_type_id(components.shape).tolist()) == {0, 1, 3}


def test_cases_follow_the_transition_table_and_the_clock(district: District) -> None:
    cases = district.cases
    types = matter_types()
    now = np.datetime64("2025-11-21T07:00:00")
    assert 3500 < len(cases.matter) < 7000
    assert set(cases.matter.tolist()) <= set(types)
    assert set(cases.channel.tolist()) <= {str(c) for c in Channel}
    assert cases.reported.max() <= now
    assert cases.step_at.max() <= now
    state: dict[int, str] = {}
    last: dict[int, Any] = {}
    number: dict[int, int] = {}
    steps = zip(
        cases.step_case.tolist(), cases.step_number.tolist(), cases.step_action, cases.step_from, cases.step_to,
        cases.step_at, strict=True,
    )  # fmt: skip
    for case, serial, action, before, after, at in steps:
        assert serial == number.get(case, 0) + 1
        if serial > 1:
            assert state[case] == before
            assert TRANSITIONS[State(before), Action(action)] == after
            assert at >= last[case]
        else:
            assert action == "report"
        number[case], state[case], last[case] = serial, after, at
    assert [state[i] for i in range(len(cases.matter))] == cases.state.tolist()
    closed = cases.state == "closed"
    assert closed.mean() > 0.97
    assert (~closed).sum() > 5
    assert 0.03 < np.mean(cases.closed[closed] > cases.due[closed]) < 0.2
    first = datetime.fromisoformat(f"{cases.reported[0]}+00:00")
    assert cases.due[0] == np.datetime64(int(due_time(cases.matter[0], first).timestamp()), "s")


def test_cases_have_rhythm_and_hot_places(district: District) -> None:
    cases = district.cases
    hour = (cases.reported.astype("datetime64[h]").astype(int) + 8) % 24
    by_hour = np.bincount(hour, minlength=24)
    assert by_hour[9:11].sum() > 8 * by_hour[2:4].sum()
    local = (cases.reported + np.timedelta64(8, "h")).astype("datetime64[D]")
    weekday = (local.astype(int) + 3) % 7
    by_day = np.bincount(weekday, minlength=7)
    assert by_day[:5].mean() > 1.2 * by_day[5:].mean()
    cell = (cases.point // 100).astype(int)
    _, count = np.unique(cell, axis=0, return_counts=True)
    assert count.max() > 5 * np.median(count)


def test_every_case_component_and_fix_lies_in_the_place_it_is_keyed_to() -> None:
    made = rows(1)
    shape = dict(zip(made["grid"]["place"], made["grid"]["geom"], strict=True))
    for name in ("event", "address", "organisation", "poi"):
        lon, lat = made[name]["geom"]
        grids = np.array([shape[p] for p in made[name]["place"]], dtype=object)
        assert shapely.intersects_xy(grids, lon, lat).all(), name
    points = made["component"]["geom"]
    single = shapely.get_type_id(points) == 0
    grids = np.array([shape[p] for p in np.asarray(made["component"]["place"])[single]], dtype=object)
    assert shapely.intersects(grids, points[single]).all()


def test_tracks_stay_in_the_own_grid_but_for_error(district: District) -> None:
    tracks = district.tracks
    assert len(set(tracks.worker.tolist())) >= 8
    grids = np.array(district.grids.shape, dtype=object)[tracks.worker]
    away = shapely.distance(shapely.points(tracks.point), grids)
    assert away.max() < 25
    for worker in set(tracks.worker.tolist()):
        mine = tracks.worker == worker
        assert (np.diff(tracks.at[mine]).astype(int) > 0).all()
        step = np.hypot(*np.diff(tracks.point[mine], axis=0).T)
        pace = step / np.diff(tracks.at[mine]).astype(int)
        assert pace.max() < 8


def test_rows_fit_the_tables_and_parents_come_first() -> None:
    made = rows(1)
    for name, columns in made.items():
        table = metadata.tables[f"onemap.{name}"]
        assert set(columns) <= set(table.columns.keys()), name
        needed = {
            c.name
            for c in table.columns
            if not c.nullable and c.server_default is None and c.computed is None
        }
        assert needed - {"id"} <= set(columns), name
    order = list(made)
    for child, parent in (("building_unit", "building"), ("room", "building_unit"), ("person", "room")):
        assert order.index(parent) < order.index(child)
    for name in ("address", "building", "component", "event", "organisation", "poi", "road"):
        keys = list(made[name]["source_key"])
        assert len(set(keys)) == len(keys), name


def test_a_street_in_the_district_is_the_street_alone() -> None:
    """What is generated of a street does not hang on whether its neighbours are."""
    alone = street(7)
    two = generate(Plan(7, divisions(), (1, STREET), NOW))
    mine = [c.code for c in two.ground.communities if c.street == STREET]
    assert [c.code for c in alone.ground.communities if c.street == STREET] == mine
    for code in mine:
        one = next(c for c in alone.ground.communities if c.code == code)
        other = next(c for c in two.ground.communities if c.code == code)
        assert one.polygon.symmetric_difference(other.polygon).area < 5.0
        assert len(one.lots) == len(other.lots)


def test_districts_of_a_city_are_neighbours() -> None:
    """Invented districts lie side by side, with codes of their own and no two people with one number."""
    listed = list(plans("city", 1, NOW))
    assert len(listed) == 25
    assert len({p.district for p in listed}) == 25
    assert listed[0].district == "330103"
    near = listed[1]
    first = lay_out(1, listed[0].communities(), (), listed[0].cell).outline
    second = lay_out(1, near.communities(), (), near.cell).outline
    assert first.intersection(second).area < 1000
    assert first.distance(second) < 0.01
    names = [d.name for p in listed[1:] for d in p.divisions[2:]]
    assert len(set(names)) == len(names)

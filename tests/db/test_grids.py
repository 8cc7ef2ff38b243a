"""Drawing and publishing grids on a real database."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import shapely
from sqlalchemy import text

from gisapp.analytics.fabric import Fabric, check_tiling, locate_one
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import Conflict, Forbidden, InputError, NotFound, OnemapError
from gisapp.services import grid_activation, grid_calendar, grid_drafts, grid_publishing, grids
from gisapp.store import grid_rekeying
from gisapp.store import grids as store
from gisapp.store.database import Database
from tests.db.grid_world import (
    EAST,
    LAT,
    LON,
    NORTH,
    SIZE,
    SOUTH,
    SPLIT,
    START,
    TABLES,
    WEST,
    across,
    assert_keys_are_right,
    awkward_points,
    draw,
    fabric_now,
    keys,
    rows,
    upright,
)

NOTHING = grid_activation.Activated()
"""No version was due."""


def test_the_world_is_sound(world: Database) -> None:
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]
    assert_keys_are_right(world)


def test_a_draft_shows_its_load_and_survives_a_lost_connection(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    again = grid_drafts.show_draft(world, manager, WEST)
    assert again == draft
    assert draft["steps"] == ["分割"] and draft["can_undo"] and not draft["can_redo"]
    features = {f["properties"]["code"]: f["properties"] for f in draft["grids"]["features"]}
    assert set(features) == {SOUTH, NORTH, f"{WEST}003"}
    assert features[f"{WEST}003"]["new"] and features[SOUTH]["changed"] and not features[NORTH]["new"]
    assert features[SOUTH]["people"] >= features[f"{WEST}003"]["people"]
    total = rows(
        world, "SELECT sum(people) AS p, count(*) AS b FROM building_population WHERE place ^@ :c", c=WEST
    )[0]
    assert sum(f["people"] for f in features.values()) == total.p
    assert sum(f["components"] for f in features.values()) == 60
    assert sum(f["buildings"] for f in features.values()) == 30
    assert sum(f["street_m"] for f in features.values()) == pytest.approx(SIZE * 111_000, rel=0.1)
    assert keys(world, "building") and fabric_now(world).grids.keys() == {SOUTH, NORTH}


def test_loads_count_each_point_once_by_the_tie_rule(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT, {"kind": "split", "code": NORTH, "line": across(0.8)})
    shapes = {
        f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in draft["grids"]["features"]
    }
    counted = dict.fromkeys(shapes, 0)
    for row in rows(
        world, "SELECT ST_X(geom) AS x, ST_Y(geom) AS y FROM component WHERE place ^@ :c", c=WEST
    ):
        counted[locate_one(shapes, row.x, row.y) or ""] += 1
    shown = {f["properties"]["code"]: f["properties"]["components"] for f in draft["grids"]["features"]}
    assert shown == counted


def test_undo_and_redo_restore_exactly(world: Database, manager: Reader) -> None:
    start = grid_drafts.open_draft(world, manager, WEST)
    states = [start["grids"]]
    steps = [SPLIT, {"kind": "merge", "codes": [SOUTH, NORTH]}]
    draft = start
    for step in steps:
        draft = grid_drafts.apply(world, manager, WEST, draft["revision"], step)
        states.append(draft["grids"])
    for expected in reversed(states[:-1]):
        draft = grid_drafts.undo(world, manager, WEST, draft["revision"])
        assert draft["grids"] == expected
    with pytest.raises(Conflict):
        grid_drafts.undo(world, manager, WEST, draft["revision"])
    for expected in states[1:]:
        draft = grid_drafts.redo(world, manager, WEST, draft["revision"])
        assert draft["grids"] == expected
    with pytest.raises(Conflict):
        grid_drafts.redo(world, manager, WEST, draft["revision"])


def test_publishing_at_once_rekeys_everything(world: Database, manager: Reader) -> None:
    facts = {r.id: r.place for r in rows(world, "SELECT id, place FROM event WHERE closed_at IS NOT NULL")}
    people = rows(world, "SELECT count(*) AS n FROM building_population")[0].n
    draft = draw(world, manager, SPLIT, {"kind": "split", "code": SOUTH, "line": upright(0.5)})
    foreseen = grid_publishing.effects(world, manager, WEST, draft["revision"])
    assert foreseen["made"] == [f"{WEST}003", f"{WEST}004"] and foreseen["changed"][0] == SOUTH
    before = {table: keys(world, table) for table in TABLES}
    done = grid_publishing.publish(world, manager, WEST, draft["revision"], note="南片过大")
    assert done["version"] == 2 and done["in_force"] and done["grids"] == 4
    assert_keys_are_right(world)
    for table in TABLES:
        after = keys(world, table)
        moved = sum(1 for identifier, place in after.items() if before[table][identifier] != place)
        if table not in ("address", "organisation"):
            assert moved == foreseen["moves"][table] == done["moved"][table]
    assert done["moved"]["building"] > 0 and done["moved"]["component"] > 0
    assert facts == {
        r.id: r.place for r in rows(world, "SELECT id, place FROM event WHERE closed_at IS NOT NULL")
    }
    assert people == rows(world, "SELECT count(*) AS n FROM building_population")[0].n
    with pytest.raises(NotFound):
        grid_drafts.show_draft(world, manager, WEST)
    listed = grids.versions(world, manager, WEST)
    assert [(v["version"], v["status"]) for v in listed] == [(2, "in_force"), (1, "replaced")]
    assert listed[0]["note"] == "南片过大"
    responsible = {
        r.place: r.responsible
        for r in rows(world, "SELECT place, responsible FROM grid WHERE valid_to IS NULL")
    }
    assert responsible[f"{WEST}003"] == [{"name": "负责人001"}]


def test_the_neighbour_takes_the_corners_and_all_still_tile(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    grid_publishing.publish(world, manager, WEST, draft["revision"])
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]
    west, east = fabric_now(world), fabric_now(world, EAST)
    assert shapely.coverage_is_valid([*west.grids.values(), *east.grids.values()])
    street = rows(world, "SELECT ST_AsBinary(geom) AS wkb FROM region WHERE place = '330103001'")[0].wkb
    whole = shapely.from_wkb(bytes(street))
    assert check_tiling(whole, {**west.grids, **east.grids}) == []


def test_a_neighbours_draft_opened_before_is_brought_along(
    world: Database, manager: Reader, reader: Callable[..., Reader]
) -> None:
    other = reader(Role.MANAGER, EAST, user_id=2)
    line = [[LON + SIZE * 0.9, LAT + SIZE * 0.2], [LON + SIZE * 2.2, LAT + SIZE * 0.21]]
    theirs = draw(world, other, {"kind": "split", "code": f"{EAST}001", "line": line}, community=EAST)
    mine = draw(world, manager, SPLIT)
    grid_publishing.publish(world, manager, WEST, mine["revision"])
    grid_publishing.publish(world, other, EAST, theirs["revision"])
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]
    assert shapely.coverage_is_valid(
        [*fabric_now(world).grids.values(), *fabric_now(world, EAST).grids.values()]
    )
    assert_keys_are_right(world)


def test_merging_moves_workers_and_their_accounts(world: Database, manager: Reader) -> None:
    with world.begin(SYSTEM) as connection:
        connection.execute(
            text(
                "INSERT INTO app_user(login, name, role, scopes, password_hash) "
                "VALUES ('w', '员', 'worker', ARRAY[:north], '')"
            ),
            {"north": NORTH},
        )
    draft = draw(world, manager, {"kind": "merge", "codes": [NORTH, SOUTH]})
    foreseen = grid_publishing.effects(world, manager, WEST, draft["revision"])
    assert foreseen["heirs"] == {NORTH: SOUTH} and foreseen["moves"]["grid_worker"] == 1
    done = grid_publishing.publish(world, manager, WEST, draft["revision"])
    assert done["moved"]["grid_worker"] == 1
    places = {r.place for r in rows(world, "SELECT place FROM grid_worker WHERE place ^@ :c", c=WEST)}
    assert places == {SOUTH}
    assert rows(world, "SELECT scopes FROM app_user WHERE login = 'w'")[0].scopes == [SOUTH]
    names = rows(world, "SELECT responsible FROM grid WHERE place = :s AND valid_to IS NULL", s=SOUTH)[
        0
    ].responsible
    assert [person["name"] for person in names] == ["负责人001", "负责人002"]
    assert_keys_are_right(world)


def test_codes_are_never_given_twice(world: Database, manager: Reader) -> None:
    first = draw(world, manager, SPLIT)
    grid_publishing.publish(world, manager, WEST, first["revision"])
    second = draw(world, manager, {"kind": "merge", "codes": [SOUTH, f"{WEST}003"]})
    grid_publishing.publish(world, manager, WEST, second["revision"])
    third = draw(world, manager, SPLIT)
    codes = {f["properties"]["code"] for f in third["grids"]["features"]}
    assert f"{WEST}003" not in codes and f"{WEST}004" in codes


def test_a_question_about_an_earlier_day_gets_the_grids_of_that_day(world: Database, manager: Reader) -> None:
    before = grids.grids_on(world, manager, WEST, START + timedelta(days=3))
    draft = draw(world, manager, SPLIT)
    grid_publishing.publish(world, manager, WEST, draft["revision"])
    today = clock.today()
    assert len(grids.grids_on(world, manager, WEST)["features"]) == 3
    assert len(grids.grids_on(world, manager, WEST, today - timedelta(days=1))["features"]) == 2
    then = grids.grids_on(world, manager, WEST, START + timedelta(days=3))
    assert [f["geometry"] for f in then["features"]] == [f["geometry"] for f in before["features"]]
    assert grids.grids_on(world, manager, WEST, START - timedelta(days=1))["features"] == []


def test_every_version_can_be_looked_at(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    later = clock.today() + timedelta(days=3)
    grid_publishing.publish(world, manager, WEST, draft["revision"], valid_from=later)
    counts = [len(grids.grids_of_version(world, manager, WEST, number)["features"]) for number in (1, 2)]
    assert counts == [2, 3]
    with pytest.raises(NotFound):
        grids.grids_of_version(world, manager, WEST, 9)


def test_a_later_day_is_stored_and_comes_into_force(world: Database, manager: Reader) -> None:
    today = clock.today()
    later = today + timedelta(days=10)
    before = keys(world, "building")
    draft = draw(world, manager, SPLIT)
    done = grid_publishing.publish(world, manager, WEST, draft["revision"], valid_from=later)
    assert not done["in_force"]
    assert keys(world, "building") == before
    assert len(grids.grids_on(world, manager, WEST, later - timedelta(days=1))["features"]) == 2
    assert len(grids.grids_on(world, manager, WEST, later)["features"]) == 3
    another = draw(world, manager, {"kind": "merge", "codes": [SOUTH, NORTH]})
    with pytest.raises(Conflict, match="待生效"):
        grid_publishing.publish(world, manager, WEST, another["revision"])
    assert grid_activation.activate_due(world, later - timedelta(days=1)) == NOTHING
    activated = grid_activation.activate_due(world, later)
    assert [(a["community"], a["version"], a["planned_for"]) for a in activated.done] == [
        (WEST, 2, later.isoformat())
    ]
    assert activated.failed == []
    assert grid_activation.activate_due(world, later) == NOTHING
    assert_keys_are_right(world)
    with pytest.raises(Conflict, match="已发布了新版本"):
        grid_publishing.publish(world, manager, WEST, another["revision"])


def test_a_scheduled_version_can_be_taken_back(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    grid_publishing.publish(
        world, manager, WEST, draft["revision"], valid_from=clock.today() + timedelta(days=2)
    )
    grid_publishing.withdraw(world, manager, WEST)
    assert grid_activation.activate_due(world, clock.today() + timedelta(days=5)) == NOTHING
    with pytest.raises(NotFound):
        grid_publishing.withdraw(world, manager, WEST)


def test_a_community_without_grids_is_divided_for_the_first_time(world: Database, manager: Reader) -> None:
    with world.begin(SYSTEM) as connection:
        connection.execute(text("DELETE FROM grid WHERE community = :c"), {"c": WEST})
        connection.execute(text("DELETE FROM grid_version WHERE place = :c"), {"c": WEST})
        for table in ("building", "component", "poi", "event", "address", "organisation"):
            own = " AND building_id IS NULL" if table in ("address", "organisation") else ""
            connection.execute(text(f"UPDATE {table} SET place = :c WHERE place ^@ :c{own}"), {"c": WEST})
        connection.execute(text("UPDATE grid_worker SET place = :c WHERE place ^@ :c"), {"c": WEST})
    draft = grid_drafts.open_draft(world, manager, WEST)
    assert [f["properties"]["code"] for f in draft["grids"]["features"]] == [SOUTH]
    draft = grid_drafts.apply(world, manager, WEST, draft["revision"], {"kind": "split", "line": across(0.5)})
    done = grid_publishing.publish(world, manager, WEST, draft["revision"])
    assert done["version"] == 1 and done["moved"]["building"] == 30
    open_cases = "SELECT place FROM event WHERE closed_at IS NULL"
    assert {r.place[:12] for r in rows(world, open_cases)} == {WEST, EAST}
    assert_keys_are_right(world)
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]


def test_new_grids_can_be_searched_for(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    grid_publishing.publish(world, manager, WEST, draft["revision"])
    found = rows(world, "SELECT place FROM search_entry WHERE kind = 'grid' AND place ^@ :c", c=WEST)
    assert sorted(r.place for r in found) == [SOUTH, NORTH, f"{WEST}003"]


def test_refusals(world: Database, manager: Reader) -> None:
    draft = grid_drafts.open_draft(world, manager, WEST)
    revision = draft["revision"]
    with pytest.raises(InputError, match="没有可发布的改动"):
        grid_publishing.publish(world, manager, WEST, revision)
    with pytest.raises(InputError, match="已经过去"):
        grid_publishing.publish(world, manager, WEST, revision, valid_from=clock.today() - timedelta(days=1))
    with pytest.raises(InputError) as caught:
        short = {
            "kind": "split",
            "code": SOUTH,
            "line": [[LON + 0.001, LAT + 0.0005], [LON + 0.002, LAT + 0.0006]],
        }
        grid_drafts.apply(world, manager, WEST, revision, short)
    assert caught.value.details["problems"][0]["geometry"]
    for broken in ({"kind": "split"}, {"kind": "fold"}, {"kind": "move", "from": [], "to": [1, 2]}):
        with pytest.raises(InputError):
            grid_drafts.apply(world, manager, WEST, revision, broken)
    assert grid_drafts.show_draft(world, manager, WEST)["revision"] == revision
    with pytest.raises(InputError, match="不是社区编码"):
        grid_drafts.open_draft(world, manager, SOUTH)


def test_only_the_grid_manager_of_the_community(
    world: Database, reader: Callable[..., Reader], manager: Reader
) -> None:
    with pytest.raises(Forbidden):
        grid_drafts.open_draft(world, reader(Role.LEADER, WEST), WEST)
    with pytest.raises(Forbidden):
        grid_drafts.open_draft(world, reader(Role.MANAGER, EAST), WEST)
    with pytest.raises(Forbidden):
        grid_drafts.open_draft(world, reader(Role.MANAGER, SOUTH), WEST)
    draft = draw(world, manager, SPLIT)
    for stranger in (reader(Role.PLANNER, ""), reader(Role.MANAGER, EAST)):
        with pytest.raises(Forbidden):
            grid_publishing.publish(world, stranger, WEST, draft["revision"])
    assert [c["place"] for c in grids.list_communities(world, reader(Role.MANAGER, EAST))] == [EAST]
    with pytest.raises(NotFound):
        grids.grids_on(world, reader(Role.MANAGER, EAST), WEST)


def test_two_managers_one_revision(world: Database, manager: Reader) -> None:
    draft = grid_drafts.open_draft(world, manager, WEST)
    grid_drafts.apply(world, manager, WEST, draft["revision"], SPLIT)
    with pytest.raises(Conflict, match="您看到的是"):
        grid_drafts.apply(world, manager, WEST, draft["revision"], SPLIT)


def test_two_publishers_at_the_same_moment(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    gate, results = threading.Barrier(2), []

    def go() -> None:
        gate.wait()
        try:
            results.append(grid_publishing.publish(world, manager, WEST, draft["revision"])["version"])
        except OnemapError as error:
            results.append(type(error))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, results)) == sorted(map(str, [2, Conflict]))


def test_two_neighbours_publish_at_the_same_moment(
    world: Database, manager: Reader, reader: Callable[..., Reader]
) -> None:
    other = reader(Role.MANAGER, EAST, user_id=2)
    line = [[LON + SIZE * 0.9, LAT + SIZE * 0.2], [LON + SIZE * 2.2, LAT + SIZE * 0.21]]
    theirs = draw(world, other, {"kind": "split", "code": f"{EAST}001", "line": line}, community=EAST)
    mine = draw(world, manager, SPLIT)
    gate, done = threading.Barrier(2), []

    def go(who: Reader, community: str, revision: int) -> None:
        gate.wait()
        done.append(grid_publishing.publish(world, who, community, revision)["version"])

    threads = [
        threading.Thread(target=go, args=(manager, WEST, mine["revision"])),
        threading.Thread(target=go, args=(other, EAST, theirs["revision"])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == [2, 2]
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]
    assert shapely.coverage_is_valid(
        [*fabric_now(world).grids.values(), *fabric_now(world, EAST).grids.values()]
    )
    assert_keys_are_right(world)


def test_the_server_brings_due_versions_into_force(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT)
    later = clock.today() + timedelta(days=1)
    grid_publishing.publish(world, manager, WEST, draft["revision"], valid_from=later)
    with world.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE grid_version SET planned_for = :d WHERE version = 2"), {"d": clock.today()}
        )

    async def a_moment() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(grid_calendar.keep_current(world), 2)

    asyncio.run(a_moment())
    assert len(fabric_now(world).grids) == 3
    assert_keys_are_right(world)


def test_killed_in_the_middle_leaves_nothing(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draw(world, manager, SPLIT)
    tables = (
        *TABLES,
        "event",
        "event_step",
        "person",
        "room",
        "grid",
        "grid_version",
        "region",
        "grid_worker",
    )
    before = {table: rows(world, f"SELECT id, place FROM {table} ORDER BY id") for table in tables}
    real = grid_rekeying._statement

    def dying(tail: str, family: grid_rekeying.Family) -> str:
        if family.table == "event":
            # The connection is cut while the transaction is under way, as when the process is killed.
            return "SELECT pg_terminate_backend(pg_backend_pid())"
        return real(tail, family)

    monkeypatch.setattr(grid_rekeying, "_statement", dying)
    with pytest.raises(OnemapError):
        grid_publishing.publish(world, manager, WEST, draft["revision"])
    monkeypatch.undo()
    assert before == {table: rows(world, f"SELECT id, place FROM {table} ORDER BY id") for table in tables}
    assert grid_drafts.show_draft(world, manager, WEST)["revision"] == draft["revision"]
    grid_publishing.publish(world, manager, WEST, draft["revision"])
    assert_keys_are_right(world)


def test_any_sequence_of_versions_keeps_every_key_right(world: Database, manager: Reader) -> None:
    rng = random.Random(7)
    for _ in range(4):
        draft = grid_drafts.open_draft(world, manager, WEST)
        for _ in range(3):
            shapes = {
                f["properties"]["code"]: shapely.geometry.shape(f["geometry"])
                for f in draft["grids"]["features"]
            }
            code = rng.choice(sorted(shapes))
            west, south, east, north = shapes[code].bounds
            y = rng.uniform(south, north)
            operation = rng.choice(
                [
                    {"kind": "split", "code": code, "line": [[west - 0.001, y], [east + 0.001, y + 0.0001]]},
                    {"kind": "merge", "codes": rng.sample(sorted(shapes), min(2, len(shapes)))},
                ]
            )
            try:
                draft = grid_drafts.apply(world, manager, WEST, draft["revision"], operation)
            except InputError:
                continue
        try:
            grid_publishing.publish(world, manager, WEST, draft["revision"])
        except InputError as error:
            assert "没有可发布的改动" in error.message
        assert_keys_are_right(world)
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]


def test_points_of_the_database_agree_with_the_exact_library(world: Database, manager: Reader) -> None:
    draft = draw(world, manager, SPLIT, {"kind": "split", "code": NORTH, "line": across(0.77)})
    shapes = {
        f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in draft["grids"]["features"]
    }
    fabric = Fabric(WEST, fabric_now(world).border, shapes)
    points = awkward_points(fabric, random.Random(3), 400)
    with world.begin(SYSTEM) as connection:
        arrays = store.shape_arrays(shapes)
        query = text(
            "SELECT (SELECT min(code) FROM unnest(CAST(:codes AS text[]), CAST(:shapes AS text[])) AS g(code, shape) "
            "WHERE ST_Intersects(ST_SetSRID(shape::geometry, 4490), ST_SetSRID(ST_MakePoint(x, y), 4490))) AS code "
            "FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[])) WITH ORDINALITY AS p(x, y, n) ORDER BY n"
        )
        got = (
            connection.execute(query, {**arrays, "x": [x for x, _ in points], "y": [y for _, y in points]})
            .scalars()
            .all()
        )
    assert got == [locate_one(shapes, x, y) for x, y in points]

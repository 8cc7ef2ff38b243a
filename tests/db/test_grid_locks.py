"""Whoever reads grids and stores a key, and whoever publishes, wait for each other: no row keeps a grid of before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader
from gisapp.domain.events import Action
from gisapp.errors import Conflict, InputError, NotFound
from gisapp.services import (
    accounts,
    demand,
    derived,
    events,
    grid_activation,
    grid_drafts,
    grid_publishing,
    grids,
    judging,
    tracks,
)
from gisapp.store import grid_locks
from gisapp.store.database import Database
from tests.db.grid_world import (
    EAST,
    LAT,
    LON,
    NORTH,
    SIZE,
    SOUTH,
    SPLIT,
    WEST,
    draw,
    fabric_now,
    insert,
    rows,
)
from tests.db.import_world import load, sheet
from tests.db.together import Stop, Task, until_waiting

NEW = f"{WEST}003"
MERGE = {"kind": "merge", "codes": [SOUTH, NORTH]}


@pytest.fixture
def counted(world: Database) -> Iterator[Database]:
    """The world with all that is derived from it, so that a check finds nothing."""
    with world.begin(SYSTEM) as connection:
        derived.refresh(connection, [""])
    assert grids.check_rows(world, SYSTEM, all_positions=True) == []
    yield world
    assert grids.check_rows(world, SYSTEM, all_positions=True) == []


def publishing(world: Database, manager: Reader, *operations: dict[str, Any]) -> Any:
    """A publication that is ready to go, and a point in the ground that changes hands by ``SPLIT``."""
    draft = draw(world, manager, *operations)
    features = {f["properties"]["code"]: f["properties"] for f in draft["grids"]["features"]}
    point = (features[NEW]["label_lon"], features[NEW]["label_lat"]) if NEW in features else (LON, LAT)
    return (lambda: grid_publishing.publish(world, manager, WEST, draft["revision"])), point


def case_at(world: Database, point: tuple[float, float]) -> dict[str, Any]:
    return events.report(world, SYSTEM, events.Report(lon=point[0], lat=point[1], matter_code="06010"))


def place_of(world: Database, table: str, identifier: int) -> str:
    return str(rows(world, f"SELECT place FROM {table} WHERE id = :id", id=identifier)[0].place)


def position(worker: int, at: datetime, point: tuple[float, float]) -> dict[str, Any]:
    return {"worker": worker, "at": at.isoformat(), "lon": point[0], "lat": point[1], "accuracy": 8.0}


def worker_of(world: Database, place: str) -> int:
    with world.begin(SYSTEM) as connection:
        return insert(connection, "grid_worker", place=place, code="T1", name="王芳")


def test_a_case_reported_during_a_publication_gets_the_new_grid(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    stop = Stop(monkeypatch, grid_publishing, "refresh_density")  # everything has been re-keyed by then
    publication = Task(publish)
    stop.wait()
    report = Task(lambda: case_at(counted, point))
    assert until_waiting(counted, report)
    stop.release()
    publication.finish()
    assert place_of(counted, "event", report.finish()["id"]) == NEW


def test_a_publication_waits_for_a_case_that_is_being_reported(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    stop = Stop(monkeypatch, events, "count_case")  # the case is stored, and its key with it
    report = Task(lambda: case_at(counted, point))
    stop.wait()
    publication = Task(publish)
    assert until_waiting(counted, publication)
    stop.release()
    case = report.finish()
    publication.finish()
    assert case["place"] == SOUTH
    assert place_of(counted, "event", case["id"]) == NEW
    assert {
        r.place for r in rows(counted, "SELECT place FROM event_step WHERE event_id = :e", e=case["id"])
    } == {NEW}


def test_a_case_closed_during_a_publication_keeps_the_new_grid(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    case = handled(counted, point)
    stop = Stop(monkeypatch, grid_publishing, "refresh_density")
    publication = Task(publish)
    stop.wait()
    closing = Task(lambda: events.act(counted, SYSTEM, case, Action.CLOSE, note="已清理"))
    assert until_waiting(counted, closing)
    stop.release()
    publication.finish()
    closing.finish()
    assert place_of(counted, "event", case) == NEW


def test_a_case_closed_before_a_publication_keeps_the_old_grid(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    case = handled(counted, point)
    stop = Stop(monkeypatch, events.case_density, "count_one")  # the case is closed, but not yet for others
    closing = Task(lambda: events.act(counted, SYSTEM, case, Action.CLOSE, note="已清理"))
    stop.wait()
    publication = Task(publish)
    assert until_waiting(counted, publication)
    stop.release()
    closing.finish()
    publication.finish()
    assert place_of(counted, "event", case) == SOUTH


def handled(world: Database, point: tuple[float, float]) -> int:
    """A case that can be closed."""
    case = int(case_at(world, point)["id"])
    events.act(world, SYSTEM, case, Action.ASSIGN, assignee="环卫所")
    events.act(world, SYSTEM, case, Action.HANDLE)
    return case


def test_a_position_taken_in_during_a_publication_is_keyed_by_its_instant(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    worker = worker_of(counted, SOUTH)
    before = clock.now()
    stop = Stop(monkeypatch, grid_publishing, "refresh_density")
    publication = Task(publish)
    stop.wait()
    after = clock.now()
    messages = [position(worker, before, point), position(worker, after, point)]
    taking = Task(lambda: tracks.take_in(counted, SYSTEM, messages))
    assert until_waiting(counted, taking)
    stop.release()
    at = datetime.fromisoformat(publication.finish()["valid_from"])
    assert taking.finish().stored == 2 and before < at < after
    found = rows(counted, "SELECT place FROM fix WHERE worker_id = :w ORDER BY at", w=worker)
    assert [r.place for r in found] == [SOUTH, NEW]
    assert rows(counted, "SELECT last_place FROM grid_worker WHERE id = :w", w=worker)[0].last_place == NEW


def test_a_publication_waits_for_positions_and_takes_effect_after_them(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    worker = worker_of(counted, SOUTH)
    stop = Stop(monkeypatch, judging, "notify_items")  # the last step of a batch
    at = clock.now()
    taking = Task(lambda: tracks.take_in(counted, SYSTEM, [position(worker, at, point)]))
    stop.wait()
    publication = Task(publish)
    assert until_waiting(counted, publication)
    waited_until = clock.now()
    stop.release()
    taking.finish()
    assert datetime.fromisoformat(publication.finish()["valid_from"]) > waited_until
    assert rows(counted, "SELECT place FROM fix WHERE worker_id = :w", w=worker)[0].place == SOUTH


def test_the_worker_of_a_vanishing_grid_is_judged_by_the_heir_at_once(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, _ = publishing(counted, manager, MERGE)
    worker = worker_of(counted, NORTH)
    stop = Stop(monkeypatch, grid_publishing, "refresh_density")
    publication = Task(publish)
    stop.wait()
    taking = Task(lambda: tracks.take_in(counted, SYSTEM, [position(worker, clock.now(), (LON, LAT))]))
    assert until_waiting(counted, taking)
    stop.release()
    publication.finish()
    taking.finish()
    (state,) = rows(counted, "SELECT place FROM rule_state WHERE worker_id = :w", w=worker)
    assert state.place == SOUTH == place_of(counted, "grid_worker", worker)


def components(tmp_path: Path, point: tuple[float, float]) -> Path:
    return sheet(
        tmp_path / "components.csv",
        [["部件标识码", "小类", "经度", "纬度"], ["3301030101000001", "路灯", str(point[0]), str(point[1])]],
    )


def test_a_publication_waits_for_an_import_and_moves_its_rows(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    stop = Stop(monkeypatch, derived, "refresh")  # the rows are stored
    path = components(tmp_path, point)
    imported = Task(lambda: load(counted, "components", path))
    stop.wait()
    publication = Task(publish)
    assert until_waiting(counted, publication)
    # Those who report do not wait behind the publication that waits.
    report = Task(lambda: case_at(counted, point))
    assert place_of(counted, "event", report.finish()["id"]) == SOUTH
    stop.release()
    assert imported.finish().added == 1
    publication.finish()
    found = rows(counted, "SELECT place FROM component WHERE source = 'components'")
    assert [r.place for r in found] == [NEW]


def test_an_import_waits_for_a_publication(
    counted: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish, point = publishing(counted, manager, SPLIT)
    stop = Stop(monkeypatch, grid_publishing, "refresh_density")
    publication = Task(publish)
    stop.wait()
    path = components(tmp_path, point)
    imported = Task(lambda: load(counted, "components", path))
    assert until_waiting(counted, imported)
    stop.release()
    publication.finish()
    assert imported.finish().added == 1
    assert [r.place for r in rows(counted, "SELECT place FROM component WHERE source = 'components'")] == [
        NEW
    ]


def test_a_publication_during_a_long_import_is_refused_in_words(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, _ = publishing(world, manager, SPLIT)
    monkeypatch.setattr(grid_locks, "PUBLISHING_WAITS_S", 1)
    with world.begin(SYSTEM) as connection:
        grid_locks.hold_grids_for_long(connection)
        with pytest.raises(Conflict, match="正在导入数据") as caught:
            publish()
    assert caught.value.remedy == "请等导入结束后再试；草稿已保存。"
    assert publish()["in_force"]


def test_the_limit_of_a_wait_holds_for_nothing_after_it(world: Database) -> None:
    with world.begin(SYSTEM) as connection:
        grid_locks.lock_publishing(connection)
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"


def test_borders_are_not_imported_during_an_import_nor_a_publication(
    world: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_locks, "IMPORT_WAITS_S", 1)
    with world.begin(SYSTEM) as connection:
        grid_locks.lock_borders(connection)
        with pytest.raises(Conflict, match="正在导入区划边界或网格"), world.begin(SYSTEM) as other:
            grid_locks.hold_grids_for_long(other)
        with pytest.raises(Conflict, match="另有数据正在导入"), world.begin(SYSTEM) as other:
            grid_locks.lock_borders(other)
        with world.begin(SYSTEM) as other:
            grid_locks.hold_grids(other)  # who reports does not wait for borders


def test_a_draft_is_opened_on_one_version(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grids of one version with the number of the next would undo that one when they are published."""
    scheduled(world, manager)
    stop = Stop(monkeypatch, grid_drafts, "require_tiling")  # the grids have been read, the version not yet
    opening = Task(lambda: grid_drafts.open_draft(world, manager, WEST))
    stop.wait()
    activation = Task(lambda: grid_activation.activate_due(world))
    assert until_waiting(world, activation)
    stop.release()
    draft = opening.finish()
    assert len(activation.finish().done) == 1
    assert (draft["base_version"], len(draft["grids"]["features"])) == (1, 2)
    with pytest.raises(Conflict, match="已发布了新版本"):
        grid_publishing.publish(world, manager, WEST, draft["revision"])


def scheduled(world: Database, manager: Reader) -> None:
    """A version whose day has come."""
    draft = draw(world, manager, SPLIT)
    later = clock.today() + timedelta(days=1)
    grid_publishing.publish(world, manager, WEST, draft["revision"], valid_from=later)
    with world.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE grid_version SET planned_for = :d WHERE version = 2"), {"d": clock.today()}
        )


def test_a_version_that_takes_effect_cannot_be_taken_back(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(world, manager)
    stop = Stop(monkeypatch, grid_activation, "take_effect")
    activation = Task(lambda: grid_activation.activate_due(world))
    stop.wait()
    withdrawal = Task(lambda: grid_publishing.withdraw(world, manager, WEST))
    assert until_waiting(world, withdrawal)
    stop.release()
    assert len(activation.finish().done) == 1
    with pytest.raises(NotFound):
        withdrawal.finish()
    assert len(fabric_now(world).grids) == 3


def test_a_version_that_is_taken_back_does_not_take_effect(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(world, manager)
    stop = Stop(monkeypatch, grid_publishing.store, "withdraw_scheduled")
    withdrawal = Task(lambda: grid_publishing.withdraw(world, manager, WEST))
    stop.wait()
    activation = Task(lambda: grid_activation.activate_due(world))
    assert until_waiting(world, activation)
    stop.release()
    withdrawal.finish()
    assert activation.finish() == grid_activation.Activated()
    assert len(fabric_now(world).grids) == 2


def test_two_servers_bring_one_version_into_force_once(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(world, manager)
    stop = Stop(monkeypatch, grid_activation, "take_effect")
    first = Task(lambda: grid_activation.activate_due(world))
    stop.wait()
    second = Task(lambda: grid_activation.activate_due(world))
    assert until_waiting(world, second)
    stop.release()
    assert len(first.finish().done) == 1
    assert second.finish() == grid_activation.Activated()


def test_a_draft_changed_during_its_publication_is_refused(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draw(world, manager, SPLIT)
    stop = Stop(monkeypatch, grid_publishing, "take_effect")
    publication = Task(lambda: grid_publishing.publish(world, manager, WEST, draft["revision"]))
    stop.wait()
    step = Task(lambda: grid_drafts.apply(world, manager, WEST, draft["revision"], MERGE))
    stop.release()
    publication.finish()
    with pytest.raises(Conflict):
        step.finish()


def test_an_account_is_not_given_a_grid_that_vanishes(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, _ = publishing(world, manager, MERGE)
    user = {"name": "员", "role": "worker", "password": "12345678"}
    accounts.save_user(world, login="before", scopes=[NORTH], **user)
    stop = Stop(monkeypatch, grid_publishing, "refresh_density")
    publication = Task(publish)
    stop.wait()
    saving = Task(lambda: accounts.save_user(world, login="w", scopes=[NORTH], **user))
    assert until_waiting(world, saving)
    stop.release()
    publication.finish()
    with pytest.raises(InputError, match=f"{NORTH} 已不再施行"):
        saving.finish()
    with pytest.raises(InputError, match="已不再施行"):
        accounts.add_scope(world, "before", NORTH)
    assert accounts.add_scope(world, "before", f"{EAST}001") == (SOUTH, f"{EAST}001")


def test_two_places_added_to_one_account_at_once_both_stay(
    world: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.save_user(world, login="w", name="员", role="worker", password="12345678", scopes=[SOUTH])
    stop = Stop(monkeypatch, accounts, "_require_grids")
    first = Task(lambda: accounts.add_scope(world, "w", NORTH))
    stop.wait()
    second = Task(lambda: accounts.add_scope(world, "w", EAST))
    stop.release()
    first.finish()
    second.finish()
    assert rows(world, "SELECT scopes FROM app_user WHERE login = 'w'")[0].scopes == [SOUTH, NORTH, EAST]


def test_a_case_reported_while_cases_are_counted_anew_is_counted(
    counted: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An import counts the cases of its community anew; the check of the fixture finds one that was left out."""
    point = (LON + SIZE / 2, LAT + SIZE * 0.1)
    stop = Stop(monkeypatch, demand, "point_cells")  # the cases have been read
    path = components(tmp_path, point)
    imported = Task(lambda: load(counted, "components", path))
    stop.wait()
    report = Task(lambda: case_at(counted, point))
    assert until_waiting(counted, report)
    stop.release()
    imported.finish()
    report.finish()


def test_two_who_make_one_day_s_partition_at_once_both_go_on(world: Database) -> None:
    """The second one has asked for the table before it waits for the first."""
    day = clock.today() + timedelta(days=200)
    make = text("SELECT ensure_fix_partitions(:day, :day)")
    with world.begin(SYSTEM) as connection:
        assert connection.execute(make, {"day": day}).scalar_one() == 1

        def second() -> int:
            with world.begin(SYSTEM) as other:
                other.execute(
                    text("SELECT to_regclass('onemap.fix_' || to_char(CAST(:d AS date), 'YYYYMMDD'))"),
                    {"d": day},
                )
                return int(other.execute(make, {"day": day}).scalar_one())

        task = Task(second)
        assert until_waiting(world, task)
    assert task.finish() == 0

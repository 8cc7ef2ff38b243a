"""Loading the demo place: whole or not at all, once, into an empty database; and what the simulator reads of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import Conflict
from gisapp.services import accounts
from gisapp.services.demo import loading
from gisapp.services.demo.sizes import DEMO_COMMUNITY, DEMO_GRID, DEMO_STREET
from gisapp.services.simulation.duty import read_posts
from gisapp.store import whole
from gisapp.store.database import Database

NOW = datetime.fromisoformat("2025-11-21T15:20:00+08:00")


@pytest.fixture(scope="module")
def owner(admin_url: str) -> Iterator[Database]:
    """The module's database, opened by the role that owns the tables."""
    found = Database(admin_url, connections=4)
    yield found
    found.close()


@pytest.fixture(scope="module")
def loaded(owner: Database) -> loading.Loaded:
    """A street, loaded once."""
    return loading.load(owner, "street", 1, now=NOW)


def counted(database: Database, question: str, **bound: Any) -> Any:
    with database.begin(SYSTEM) as connection:
        return connection.scalar(text(question), bound)


def test_a_load_that_breaks_leaves_nothing(owner: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(loading.derived, "refresh", broken)
    with pytest.raises(RuntimeError):
        loading.load(owner, "street", 1, now=NOW)
    with owner.begin(SYSTEM) as connection:
        assert whole.filled_tables(connection) == {}


def test_everything_is_there_and_hangs_together(owner: Database, loaded: loading.Loaded) -> None:
    for name, rows in loaded.rows.items():
        assert counted(owner, f"SELECT count(*) FROM onemap.{name}") == rows, name
    assert 29_000 < loaded.rows["person"] < 31_000
    assert loaded.rows["region"] == 86
    assert counted(owner, "SELECT sum(people) FROM onemap.building_population") == loaded.rows["person"]
    assert counted(owner, "SELECT count(*) FROM onemap.search_entry") > 4_000
    assert counted(owner, "SELECT count(*) FROM onemap.person WHERE place !~ '^330103003[0-9]{6}$'") == 0
    # What is keyed to a grid lies in it, as the database sees it too.
    outside = """
        SELECT count(*) FROM onemap.event e JOIN onemap.grid g ON g.place = e.place
         WHERE NOT ST_Intersects(g.geom, e.geom)"""
    assert counted(owner, outside) == 0
    assert counted(owner, "SELECT count(*) FROM onemap.building WHERE NOT ST_IsValid(geom)") == 0
    assert counted(owner, "SELECT count(*) FROM onemap.region WHERE geom IS NULL") == 2


def test_the_next_ids_follow(owner: Database, loaded: loading.Loaded) -> None:
    with owner.begin(SYSTEM) as connection:
        highest = connection.scalar(text("SELECT max(id) FROM onemap.event"))
        following = connection.scalar(text("SELECT nextval(pg_get_serial_sequence('onemap.event', 'id'))"))
    assert following == highest + 1


def test_the_same_again_changes_nothing(owner: Database, loaded: loading.Loaded) -> None:
    again = loading.load(owner, "street", 1, now=NOW)
    assert again.rows == {}
    assert again.skipped == 1
    assert counted(owner, "SELECT count(*) FROM onemap.person") == loaded.rows["person"]


@pytest.mark.parametrize(("size", "seed"), [("street", 2), ("district", 1)])
def test_another_place_is_refused_and_what_stands_in_its_way_is_named(
    owner: Database, loaded: loading.Loaded, size: str, seed: int
) -> None:
    with pytest.raises(Conflict) as error:
        loading.load(owner, size, seed, now=NOW)
    assert error.value.details["person"] == loaded.rows["person"]
    assert "--replace" in str(error.value.remedy)


def test_two_loads_at_once_are_refused(owner: Database, loaded: loading.Loaded) -> None:
    with owner.begin(SYSTEM) as connection:
        whole.hold_alone(connection)
        with pytest.raises(Conflict, match="正在进行"):
            loading.load(owner, "street", 1, now=NOW)


def test_demo_users_see_their_own(
    database: Database, loaded: loading.Loaded, reader: Callable[..., Reader]
) -> None:
    def people(who: Reader) -> int:
        with database.begin(who) as connection:
            return int(connection.scalar(text("SELECT count(*) FROM onemap.person")) or 0)

    street = people(accounts.sign_in(database, "leader", accounts.DEMO_PASSWORD).reader)
    community = people(accounts.sign_in(database, "manager", accounts.DEMO_PASSWORD).reader)
    worker = accounts.sign_in(database, "worker", accounts.DEMO_PASSWORD).reader
    assert street == loaded.rows["person"]
    assert 0 < people(worker) < community < street
    assert worker.worker_id == counted(
        database, "SELECT id FROM onemap.grid_worker WHERE place = :place", place=DEMO_GRID
    )
    assert people(reader(Role.MANAGER, "330103001")) == 0
    assert DEMO_GRID.startswith(DEMO_COMMUNITY)
    assert DEMO_COMMUNITY.startswith(DEMO_STREET)


def test_sign_in_is_left_for_the_start_up(tmp_path: Path, loaded: loading.Loaded) -> None:
    loading.note_users(tmp_path, loaded.users)
    noted = json.loads((tmp_path / "run" / "demo-users.json").read_text(encoding="utf-8"))["users"]
    assert [u["login"] for u in noted] == ["leader", "manager", "planner", "worker"]
    assert all(u["password"] == accounts.DEMO_PASSWORD and u["title"] for u in noted)


def test_the_simulator_finds_its_workers_and_streets(database: Database, loaded: loading.Loaded) -> None:
    posts = read_posts(database)
    assert len(posts.duties) == loaded.rows["grid_worker"]
    for post in posts.duties:
        own = [length for length, own in zip(post.paths.lengths, post.paths.own, strict=True) if own]
        assert sum(own) > 100
        assert post.ground.buffer(1).contains(post.keep_to)
    one = read_posts(database, DEMO_GRID)
    assert [d.place for d in one.duties] == [DEMO_GRID]


def test_replace_takes_the_place_of_what_was_there(owner: Database, loaded: loading.Loaded) -> None:
    other = loading.load(owner, "street", 3, now=NOW, replace=True)
    assert counted(owner, "SELECT count(*) FROM onemap.person") == other.rows["person"]
    assert counted(owner, "SELECT count(*) FROM onemap.region") == 86
    assert counted(owner, "SELECT count(*) FROM onemap.app_user") == 5

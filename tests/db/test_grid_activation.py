"""Scheduled versions take effect one by one; who must act about one that cannot is told, and it is tried again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text

from dash_app.server import create_app
from gisapp.cli import main
from gisapp.config import Settings
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import InputError, Unavailable
from gisapp.services import accounts, grid_activation, grid_calendar, grid_publishing, grids
from gisapp.services.grid_activation import Activated
from gisapp.store.database import Database, engine_url
from tests.db.grid_world import (
    EAST,
    LAT,
    MIDDLE,
    SIZE,
    SPLIT,
    WEST,
    assert_keys_are_right,
    draw,
    fabric_now,
    rows,
)
from tests.db.import_world import geojson, load

SPLIT_EAST = {
    "kind": "split",
    "code": f"{EAST}001",
    "line": [[MIDDLE + SIZE / 2, LAT - 0.001], [MIDDLE + SIZE / 2, LAT + SIZE * 0.7]],
}
REASON = "社区边界在发布之后改变了"


@pytest.fixture
def east(reader: Callable[..., Reader]) -> Reader:
    """The grid manager of the eastern community."""
    return reader(Role.MANAGER, EAST, user_id=2)


def schedule(world: Database, manager: Reader, operation: dict[str, Any], community: str) -> None:
    """A version for tomorrow."""
    draft = draw(world, manager, operation, community=community)
    tomorrow = clock.today() + timedelta(days=1)
    grid_publishing.publish(world, manager, community, draft["revision"], valid_from=tomorrow)


def make_due(world: Database) -> None:
    """The day has come."""
    with world.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE grid_version SET planned_for = :d WHERE status = 'scheduled'"), {"d": clock.today()}
        )


def import_border(world: Database, folder: Path, shape: Any) -> None:
    """A new border of the western community, by the import of regions."""
    path = geojson(folder / "regions.geojson", [(shape, {"区划编码": WEST, "区划名称": "朝晖社区"})])
    outcome = load(world, "regions", path)
    assert (outcome.changed, outcome.refused) == (1, 0)


def border(world: Database) -> Any:
    (row,) = rows(world, "SELECT ST_AsBinary(geom) AS wkb FROM region WHERE place = :c", c=WEST)
    return shapely.from_wkb(bytes(row.wkb))


@pytest.fixture
def stuck(world: Database, manager: Reader, east: Reader, tmp_path: Path) -> tuple[Database, Any]:
    """Both communities have a version whose day has come; the border of the western one has changed. With its old border."""
    schedule(world, manager, SPLIT, WEST)
    schedule(world, east, SPLIT_EAST, EAST)
    before = border(world)
    import_border(world, tmp_path, before.buffer(-0.0003))
    make_due(world)
    return world, before


def test_one_that_cannot_take_effect_does_not_stop_the_others(stuck: tuple[Database, Any]) -> None:
    world, _ = stuck
    found = grid_activation.activate_due(world)
    assert [(d["community"], d["version"]) for d in found.done] == [(EAST, 2)]
    (failed,) = found.failed
    assert (failed["community"], failed["name"], failed["version"]) == (WEST, "朝晖社区", 2)
    assert failed["message"].startswith(f"{REASON}（经度 120.1") and failed["message"].endswith("附近）。")
    assert "本社区的网格管理员" in failed["remedy"] and "撤回" in failed["remedy"]
    assert len(fabric_now(world, EAST).grids) == 3 and len(fabric_now(world).grids) == 2


def test_the_problem_is_kept_and_shown_to_the_community(
    stuck: tuple[Database, Any], manager: Reader, east: Reader
) -> None:
    world, _ = stuck
    begun = clock.now()
    grid_activation.activate_due(world)
    waiting = grids.show(world, manager, WEST)["scheduled"]
    assert waiting["problem"].startswith(REASON) and waiting["remedy"] == grids.REMEDY_OF_PROBLEM
    assert waiting["planned_for"] == clock.today()
    since = waiting["problem_since"]
    assert begun.isoformat() < since < clock.now().isoformat()
    listed = grids.versions(world, manager, WEST)[0]
    assert (listed["status"], listed["problem"], listed["valid_from"]) == (
        "scheduled",
        waiting["problem"],
        None,
    )
    assert [(s["community"], s["name"], s["version"]) for s in grids.stuck(world, SYSTEM)] == [
        (WEST, "朝晖社区", 2)
    ]
    assert grids.stuck(world, east) == [] == grids.stuck(world, SYSTEM, EAST)
    # Found again at every run, known since the first.
    assert len(grid_activation.activate_due(world).failed) == 1
    assert grids.show(world, manager, WEST)["scheduled"]["problem_since"] == since
    # Tomorrow is not answered with what is known to be stuck.
    tomorrow = clock.today() + timedelta(days=1)
    assert len(grids.grids_on(world, manager, WEST, tomorrow)["features"]) == 2


def test_it_takes_effect_by_itself_once_the_border_is_right_again(
    stuck: tuple[Database, Any], manager: Reader, tmp_path: Path
) -> None:
    world, before = stuck
    grid_activation.activate_due(world)
    import_border(world, tmp_path, before)  # the import tries again
    shown = grids.show(world, manager, WEST)
    assert (shown["version"], shown["scheduled"], len(shown["grids"]["features"])) == (2, None, 3)
    assert grids.versions(world, manager, WEST)[0]["problem"] == ""
    assert grids.stuck(world, SYSTEM) == [] and grid_activation.activate_due(world) == Activated()
    assert [found.problems for found in grids.check(world, SYSTEM)] == [[], []]
    assert_keys_are_right(world)


def test_taking_it_back_ends_the_problem(stuck: tuple[Database, Any], manager: Reader) -> None:
    world, _ = stuck
    grid_activation.activate_due(world)
    grid_publishing.withdraw(world, manager, WEST)
    assert grids.stuck(world, SYSTEM) == [] and grid_activation.activate_due(world) == Activated()


def test_a_border_that_lost_a_corner_is_not_put_back_by_a_publication(
    world: Database, manager: Reader, tmp_path: Path
) -> None:
    """The new border has no corner that the old one had not: it cuts one off."""
    draft = draw(world, manager, SPLIT)
    old = border(world)
    corners = shapely.get_coordinates(shapely.get_parts(old)[0].exterior).tolist()[:-1]
    south_west = min(corners)
    import_border(world, tmp_path, shapely.Polygon([c for c in corners if c != south_west]))
    with pytest.raises(InputError, match="社区边界已改变"):
        grid_publishing.publish(world, manager, WEST, draft["revision"])
    assert border(world).area < old.area * 0.8


def test_any_failure_of_one_is_noted_and_the_others_go_on(
    world: Database, manager: Reader, east: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule(world, manager, SPLIT, WEST)
    schedule(world, east, SPLIT_EAST, EAST)
    make_due(world)
    real = grid_activation.take_effect

    def broken(connection: Any, fabric: Any, *more: Any) -> Any:
        if fabric.community == WEST:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return real(connection, fabric, *more)

    monkeypatch.setattr(grid_activation, "take_effect", broken)
    found = grid_activation.activate_due(world)
    assert [d["community"] for d in found.done] == [EAST]
    assert [f["community"] for f in found.failed] == [WEST]
    # A lost connection passes by itself: nobody has to act, so nothing is kept.
    assert grids.stuck(world, SYSTEM) == []

    def wrong(connection: Any, fabric: Any, *more: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(grid_activation, "take_effect", wrong)
    (failed,) = grid_activation.activate_due(world).failed
    assert failed["message"] == "程序内部错误（ZeroDivisionError）。"
    assert [s["problem"] for s in grids.stuck(world, SYSTEM)] == [failed["message"]]
    monkeypatch.setattr(grid_activation, "take_effect", real)
    assert [d["community"] for d in grid_activation.activate_due(world).done] == [WEST]
    assert grids.stuck(world, SYSTEM) == []


def test_the_calendar_goes_on_whatever_fails(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule(world, manager, SPLIT, WEST)
    make_due(world)
    failures: list[Exception] = [Unavailable("数据库暂时没有应答。"), ValueError("x"), KeyError("y")]
    tried = 0

    def looking(database: Database) -> Activated:
        nonlocal tried
        tried += 1
        if failures:
            raise failures.pop(0)
        return grid_activation.activate_due(database)

    monkeypatch.setattr(grid_calendar, "activate_due", looking)
    monkeypatch.setattr(grid_calendar, "_AFTER_FAILURE_S", (0.0, 0.01))
    running_until(world, lambda: len(fabric_now(world).grids) == 3)
    assert tried == 4


def test_the_calendar_outlives_the_loss_of_the_database(
    world: Database, manager: Reader, monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    schedule(world, manager, SPLIT, WEST)
    make_due(world)
    monkeypatch.setattr(grid_calendar, "_AFTER_FAILURE_S", (0.05,))
    name = world.url.database
    with Database(server_url).engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
        server.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        failed = 0

        def noted(*_: Any) -> None:
            nonlocal failed
            failed += 1
            if failed == 3:
                server.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))

        monkeypatch.setattr(grid_calendar.log, "warning", noted)
        running_until(world, lambda: failed >= 3 and len(fabric_now(world).grids) == 3)
    assert failed >= 3


def running_until(world: Database, enough: Callable[[], bool]) -> None:
    """Run the calendar until something has come about."""

    async def run() -> None:
        calendar = asyncio.create_task(grid_calendar.keep_current(world))
        end = time.monotonic() + 30
        while time.monotonic() < end and not calendar.done():
            try:
                if await asyncio.to_thread(enough):
                    break
            except Unavailable:
                pass
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("it did not come about")
        calendar.cancel()

    asyncio.run(run())


def test_the_command_names_who_must_act_and_ends_with_1(
    stuck: tuple[Database, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    server_url: str,
) -> None:
    world, _ = stuck
    monkeypatch.setenv("ONEMAP_DATABASE_URL", world.url.render_as_string(hide_password=False))
    owner = engine_url(server_url).set(drivername="postgresql", database=world.url.database)
    monkeypatch.setenv("ONEMAP_ADMIN_DATABASE_URL", owner.render_as_string(hide_password=False))
    monkeypatch.setenv("ONEMAP_DATA", str(tmp_path))

    def run(*words: str, group: tuple[str, ...] = ("grids",)) -> tuple[int, str, str]:
        status = 0
        try:
            main([*group, *words])
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    status, out, err = run("activate")
    assert status == 1 and f"社区 {EAST} 的第 2 版网格已生效" in out
    assert f"朝晖社区（{WEST}）的第 2 版网格（计划 {clock.today()} 生效）没有生效：{REASON}" in err
    assert grids.REMEDY_OF_PROBLEM in err
    status, out, _ = run("status", group=())
    assert (
        status == 0
        and f"网格：朝晖社区（{WEST}）的第 2 版（计划 {clock.today()} 生效）未能生效：{REASON}" in out
    )
    (one,) = json.loads(run("status", "--json", group=())[1])["stuck_grids"]
    assert (one["community"], one["planned_for"]) == (WEST, clock.today().isoformat())
    with world.begin(SYSTEM) as connection:
        connection.execute(text("DELETE FROM grid_version WHERE status = 'scheduled'"))
    assert run("activate") == (0, "没有到期的网格版本。\n", "")


@pytest.mark.parametrize(("role", "told"), [(Role.MANAGER, True), (Role.ADMIN, True), (Role.LEADER, False)])
def test_managers_with_an_open_page_are_told_at_once(
    stuck: tuple[Database, Any], role: Role, told: bool
) -> None:
    world, _ = stuck
    accounts.save_user(world, login="u", name="某人", role=role.value, scopes=[WEST], password="12345678")
    accounts.save_user(world, login="o", name="别人", role=role.value, scopes=[EAST], password="12345678")
    heard: dict[str, list[Any]] = {}
    app = create_app(Settings(world.url.render_as_string(hide_password=False), database_connections=6))
    with TestClient(app) as client:
        # The server itself looks for due versions at its start; here it is the second look that is heard of.
        with world.begin(SYSTEM) as connection:
            connection.execute(text("UPDATE grid_version SET problem = '' WHERE place = :c"), {"c": WEST})
        for login in ("u", "o"):
            client.cookies.clear()
            assert (
                client.post("/api/v1/session", json={"login": login, "password": "12345678"}).status_code
                == 200
            )
            # Leaving the socket cancels the server's side of it, which the test client may report.
            with suppress(CancelledError), client.websocket_connect("/api/v1/live") as socket:
                assert socket.receive_json()["type"] == "state"
                with world.begin(SYSTEM) as connection:
                    connection.execute(
                        text("UPDATE grid_version SET problem = '' WHERE place = :c"), {"c": WEST}
                    )
                grid_activation.activate_due(world)
                heard[login] = []
                families: list[str] = []
                while "grid" not in families:
                    frame = socket.receive_json()
                    if frame["type"] == "change":
                        heard[login] += frame["grids"]
                        families += frame["families"]
    assert heard["o"] == []
    assert [(n["place"], n["version"], n["name"]) for n in heard["u"]] == (
        [(WEST, 2, "朝晖社区")] if told else []
    )
    if told:
        assert heard["u"][0]["message"].startswith(REASON)
        assert heard["u"][0]["remedy"] == grids.REMEDY_OF_PROBLEM

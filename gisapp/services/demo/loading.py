"""Putting the demo place into a database: an empty one, whole or not at all, a city district by district."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.errors import Conflict
from gisapp.services import accounts, derived
from gisapp.services.demo.generate import Plan, generate
from gisapp.services.demo.rows import days_of_fixes, moment, tables
from gisapp.services.demo.rows_base import SOURCE
from gisapp.services.demo.sizes import DEMO_COMMUNITY, DEMO_GRID, DEMO_STREET, plans
from gisapp.store import whole
from gisapp.store.database import Database
from gisapp.store.grid_locks import hold_grids_for_long

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Loaded:
    """What a load did.

    Attributes:
        rows: by table, of this load.
        skipped: districts that an earlier, interrupted load had completed.
        users: login, password and title of the demo users.
    """

    rows: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    users: list[dict[str, str]] = field(default_factory=list)

    def add(self, counts: dict[str, int]) -> None:
        """Add the rows of one district."""
        for name, count in counts.items():
            self.rows[name] = self.rows.get(name, 0) + count


def look_before(database: Database, size: str, seed: int) -> dict[str, int]:
    """What would have to go before this place can be loaded: rows by table; empty if nothing stands in the way.

    The same place (same size and seed) does not stand in its own way: loading it again completes what is missing.
    """
    with database.begin(SYSTEM) as connection:
        stored = whole.regions_from(connection, SOURCE)
        same = bool(stored) and set(stored.values()) == {_mark(size, seed)}
        if same and not whole.other_regions(connection, SOURCE):
            return {}
        return whole.filled_tables(connection)


def load(
    database: Database,
    size: str,
    seed: int,
    *,
    now: datetime | None = None,
    replace: bool = False,
    processes: int = 1,
    progress: Progress | None = None,
) -> Loaded:
    """Generate the place and load it; one transaction for each district.

    Args:
        database: opened for the role that owns the tables.
        size: street, district or city.
        now: end of the year of cases; the last full hour where not given.
        replace: remove all data of places first, in the transaction of the first district.
        processes: how many districts are generated and loaded at a time, after the first.
        progress: told of the stage, and of rows (or, of a city, districts) done and wanted.

    Raises:
        Conflict: the database holds other data, and they are not to be replaced; or another load is running.
    """
    now = moment(now or clock.now())
    mark = _mark(size, seed)
    result = Loaded()
    with database.begin(SYSTEM) as guard:
        whole.hold_alone(guard)
        obstacles = {} if replace else look_before(database, size, seed)
        if obstacles:
            raise Conflict(
                f"数据库中已有数据（{sum(obstacles.values()):,} 行），演示数据只能载入空的数据库。",
                remedy="如确需换成演示数据，请加 --replace；原有数据将被清除，账号保留。",
                details=obstacles,
            )
        with database.begin(SYSTEM) as connection:
            done = {} if replace else whole.regions_from(connection, SOURCE)
        every = list(plans(size, seed, now))
        missing = [plan for plan in every if plan.district not in done]
        result.skipped = len(every) - len(missing)
        if missing and missing[0].serial == 0:
            first = missing.pop(0)
            result.add(load_district(database, first, mark, clear=replace, progress=progress))
        for index, counts in enumerate(_load_side_by_side(database, missing, mark, processes)):
            result.add(counts)
            if progress:
                progress("district", len(every) - len(missing) + index + 1, len(every))
    result.users = save_users(database)
    return result


def load_district(
    database: Database, plan: Plan, mark: str, *, clear: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """One district, whole or not at all; returns its rows by table."""
    if progress:
        progress("generate", 0, 0)
    made = tables(generate(plan))
    made["region"]["digest"] = mark
    total = sum(len(columns["id"] if "id" in columns else columns["at"]) for columns in made.values())

    def told(rows: int) -> None:
        if progress:
            progress("load", rows, total)

    with database.begin(SYSTEM) as connection:
        hold_grids_for_long(connection)
        if clear:
            whole.empty(connection)
        counts = whole.fill(connection, made, days_of_fixes(made["fix"]), told)
        whole.continue_ids(connection, made)
        if progress:
            progress("derive", total, total)
        whole.analyse(connection, made)
        derived.refresh(connection, [plan.district])
        if plan.serial == 0:
            above = [
                i
                for i, place in zip(made["region"]["id"], made["region"]["place"], strict=True)
                if len(place) < 6
            ]
            derived.refresh_entries(connection, "region", [int(i) for i in above])
    return counts


def _load_side_by_side(
    database: Database, missing: list[Plan], mark: str, processes: int
) -> Iterator[dict[str, int]]:
    """Districts in processes of their own: each generates one and loads it, so memory is that of a few districts."""
    if not missing:
        return
    url = database.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _leave_with, (os.getpid(),)) as pool:
        running = [pool.submit(_load_alone, url, plan, mark) for plan in missing]
        try:
            for future in as_completed(running):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_with(parent: int) -> None:
    """End this process soon after its parent: a district that nobody waits for is rolled back, not finished."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _load_alone(url: str, plan: Plan, mark: str) -> dict[str, int]:
    database = Database(url, connections=2)
    try:
        return load_district(database, plan, mark)
    finally:
        database.close()


def save_users(database: Database) -> list[dict[str, str]]:
    """The demo users with the scopes that make sense in the demo place."""
    with database.begin(SYSTEM) as connection:
        worker = whole.id_of(connection, "grid_worker", DEMO_GRID)
    accounts.save_demo_users(
        database, street=DEMO_STREET, community=DEMO_COMMUNITY, grid=DEMO_GRID, worker_id=worker
    )
    users = accounts.demo_users(DEMO_STREET, DEMO_COMMUNITY, DEMO_GRID, worker)
    return [
        {"login": u["login"], "password": accounts.DEMO_PASSWORD, "title": u["name"].removesuffix("（演示）")}
        for u in users
        if u["login"] != "device"
    ]


def note_users(data_dir: Path, users: list[dict[str, str]]) -> None:
    """Leave the demo sign-in where ``onemap up`` reads it to show it."""
    folder = data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo-users.json"
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"users": users}, ensure_ascii=False), encoding="utf-8")
    part.replace(path)


def _mark(size: str, seed: int) -> str:
    """Tells in the register of regions which demo place a district belongs to."""
    return f"{size}:{seed}"


def summary(rows: dict[str, int]) -> dict[str, Any]:
    """The figures that a user wants to hear after a load."""
    return {name: rows.get(name, 0) for name in ("person", "building", "address", "component", "event")}

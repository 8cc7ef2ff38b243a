"""Publishing grids: a draft becomes the version in force, and everything in the changed ground gets its new key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from gisapp.analytics.fabric import (
    Fabric,
    adopt_border,
    border_inserts,
    bounds_of,
    changed_codes,
    fabric_as_json,
    ground_moved,
    heirs,
    put_corners,
)
from gisapp.domain import clock, incoming
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import Conflict, InputError, NotFound
from gisapp.services.derived import refresh_search
from gisapp.services.grid_drafts import load_draft, require_tiling
from gisapp.services.grids import grid_name, read_plan, require_community
from gisapp.store import grid_drafts as drafts
from gisapp.store import grids as store
from gisapp.store.database import Database
from gisapp.store.derived import refresh_density
from gisapp.store.grid_rekeying import Ground, count_moves, move_all


def effects(database: Database, reader: Reader, community: str, revision: int) -> dict[str, Any]:
    """What publishing the draft today would change; nothing is changed.

    Returns:
        ``kept``, ``made``, ``removed``, ``changed`` (codes), and ``moves``: how many things of each kind change their
        grid, with ``people`` and ``households``.
    """
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        _, fabric = load_draft(connection, community, revision)
        ground, old = _ground(connection, fabric)
        return {
            "made": sorted(set(fabric.grids) - set(old)),
            "removed": sorted(ground.heirs),
            "heirs": dict(ground.heirs),
            "changed": [
                code
                for code in ground.touched
                if code in fabric.grids and ground_moved(old[code], fabric.grids[code])
            ],
            "kept": sorted(set(fabric.grids) & set(old)),
            "moves": count_moves(connection, ground),
        }


def publish(
    database: Database,
    reader: Reader,
    community: str,
    revision: int,
    *,
    valid_from: date | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Publish the draft as a new version from a day.

    Today: in force at once, and all standing things in the changed ground are re-keyed in the same transaction. A
    later day: stored, and brought into force by ``activate_due`` on that day.

    Raises:
        Forbidden: not a grid manager of this community.
        InputError: the day lies in the past, the draft changes nothing, or it does not tile the community.
        Conflict: another version was published meanwhile, or one is scheduled already.
    """
    reader.require(Role.MANAGER)
    note = incoming.text(note, incoming.NOTE, "note")
    today = clock.today()
    day = incoming.day(valid_from or today, "valid_from", "生效日期")
    if day < today:
        raise InputError(
            f"生效日期 {day:%Y-%m-%d} 已经过去。",
            remedy="请选择今天或以后的日期。",
            details={"field": "valid_from"},
        )
    with database.begin(reader) as connection:
        name = require_community(connection, reader, community)
    # Corners on the common border go into the neighbours' polygons too, and a vanished grid's workers keep their
    # accounts, so the transaction reaches beyond the scope that was just checked; what it changes is bounded by code.
    with database.begin(replace(reader, scope=Scope.everything())) as connection:
        store.lock_publishing(connection)
        draft, fabric = load_draft(connection, community, revision)
        base = draft["base_version"]
        if base != store.current_version(connection, community):
            raise Conflict(
                f"{name}在草稿打开之后已发布了新版本。",
                remedy="请放弃草稿，从现行版本重新划分。",
                details={"base_version": base},
            )
        if store.scheduled(connection, community):
            raise Conflict(f"{name}已有待生效的版本。", remedy="请先撤回待生效的版本，或等它生效后再发布。")
        require_tiling(fabric, name)
        old = {row["place"]: row for row in store.grids_in_force(connection, community)}
        if {code: row["shape"] for code, row in old.items()} == dict(fabric.grids):
            raise InputError("草稿与现行版本一致，没有可发布的改动。", remedy="请先分割、合并或移动边界。")
        version = store.newest_version(connection, community) + 1
        details = _details(name, fabric, old)
        drafts.drop_draft(connection, community)
        if day > today:
            planned = {"fabric": fabric_as_json(fabric), "details": details}
            store.add_version(
                connection,
                community,
                version,
                day,
                status=store.SCHEDULED,
                note=note,
                author=reader.user_id,
                planned=planned,
            )
            moved: dict[str, int] = {}
        else:
            moved = take_effect(connection, fabric, details, version, day)
            store.add_version(
                connection, community, version, day, status=store.IN_FORCE, note=note, author=reader.user_id
            )
        store.announce(connection, community, version)
    return {
        "community": community,
        "version": version,
        "valid_from": day.isoformat(),
        "in_force": day == today,
        "grids": len(fabric.grids),
        "moved": moved,
    }


def withdraw(database: Database, reader: Reader, community: str) -> None:
    """Take back the version that is scheduled and not yet in force.

    Raises:
        NotFound: none is scheduled.
    """
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        store.lock_publishing(connection)
        if not store.withdraw_scheduled(connection, community):
            raise NotFound("没有待生效的版本。", remedy="请刷新页面。")


def activate_due(database: Database, day: date | None = None) -> list[dict[str, Any]]:
    """Bring every scheduled version whose day has come into force, each in its own transaction.

    Safe to run at any time and by several processes; run it at start-up and after midnight.

    Returns:
        community, version, valid_from and counts of moved things of each.
    """
    day = day or clock.today()
    done = []
    with database.begin(SYSTEM) as connection:
        due = [row["place"] for row in store.scheduled(connection, due=day)]
    for community in due:
        with database.begin(SYSTEM) as connection:
            store.lock_publishing(connection)
            plans = store.scheduled(connection, community, due=day)
            if not plans:
                continue
            plan = plans[0]
            planned, details = read_plan(plan["planned"])
            fabric = adopt_border(planned, store.border_of(connection, community))
            moved = take_effect(connection, fabric, details, plan["version"], plan["valid_from"])
            store.bring_into_force(connection, community, plan["version"])
            store.announce(connection, community, plan["version"])
            done.append(
                {
                    "community": community,
                    "version": plan["version"],
                    "valid_from": plan["valid_from"].isoformat(),
                    "moved": moved,
                }
            )
    return done


def _details(
    community_name: str, fabric: Fabric, old: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Name and responsible persons of each new grid: its own where it was there before, those of the ground it took
    over where it is new or took over others, so that no ground is without one."""
    found = {}
    gone = heirs({code: row["shape"] for code, row in old.items()}, fabric.grids)
    for code, shape in fabric.grids.items():
        if code in old:
            name, persons = old[code]["name"], list(old[code]["responsible"])
        else:
            name = grid_name(community_name, code)
            before = max(old.values(), key=lambda row: row["shape"].intersection(shape).area, default=None)
            persons = list(before["responsible"]) if before else []
        for other, heir in gone.items():
            if heir == code:
                persons.extend(person for person in old[other]["responsible"] if person not in persons)
        found[code] = {"name": name, "responsible": persons}
    return found


def _ground(connection: Connection, fabric: Fabric) -> tuple[Ground, dict[str, Any]]:
    old = {row["place"]: row["shape"] for row in store.grids_in_force(connection, fabric.community)}
    ground = Ground(
        fabric.community, changed_codes(old, fabric.grids), fabric.grids, heirs(old, fabric.grids)
    )
    return ground, old


def take_effect(
    connection: Connection, fabric: Fabric, details: Mapping[str, Mapping[str, Any]], version: int, day: date
) -> dict[str, int]:
    """Put the grids in force and re-key; how many things of each kind moved."""
    ground, _ = _ground(connection, fabric)
    _share_border(connection, fabric)
    rows = [{"place": code, "shape": shape, **details[code]} for code, shape in fabric.grids.items()]
    store.replace_grids(connection, fabric.community, version, day, rows)
    moved = move_all(connection, ground)
    # People by building follow their building by foreign key; cells and search entries are made anew.
    refresh_density(connection, [fabric.community])
    refresh_search(connection, [fabric.community])
    return moved


def _share_border(connection: Connection, fabric: Fabric) -> None:
    """Corners that the draft put into the community's border, into every other polygon that has that border.

    A point rounded to nine decimals lies beside its edge by up to 0.1 mm; only when all who share the edge get the
    same corner is there still neither gap nor overlap.
    """
    border = store.border_of(connection, fabric.community)
    inserts = border_inserts(border, fabric.border)
    if not inserts:
        return
    box = bounds_of(inserts)
    for place, shape in store.regions_on_edge(connection, box):
        changed = put_corners(shape, inserts)
        if changed is not None:
            store.set_region_shape(connection, place, changed)
    for identifier, code, shape in store.grids_on_edge(connection, box):
        if not code.startswith(fabric.community):
            changed = put_corners(shape, inserts)
            if changed is not None:
                store.set_grid_shape(connection, identifier, changed)

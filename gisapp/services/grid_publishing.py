"""Publishing grids: a draft becomes the version in force, and everything in the changed ground gets its new key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon
from sqlalchemy import Connection

from gisapp.analytics.fabric import (
    Fabric,
    Problem,
    border_inserts,
    bounds_of,
    changed_codes,
    fabric_as_json,
    ground_moved,
    heirs,
    put_corners,
)
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import Conflict, InputError, NotFound
from gisapp.services import demand
from gisapp.services.derived import refresh_search
from gisapp.services.grid_drafts import load_draft, require_tiling
from gisapp.services.grids import grid_name, require_community
from gisapp.store import grid_drafts as drafts
from gisapp.store import grids as store
from gisapp.store.database import Database
from gisapp.store.derived import refresh_density
from gisapp.store.grid_locks import lock_publishing
from gisapp.store.grid_rekeying import Ground, count_moves, move_all

_SAME_LINE = 1e-8
"""Degrees, about a millimetre: a corner that was put into an edge lies beside it by less."""


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

    Today: in force from the instant at which nobody else publishes or stores a place key any more, and all standing things
    in the changed ground are re-keyed in the same transaction. A later day: stored, and brought into force by
    ``grid_activation.activate_due`` on that day.

    Returns:
        community, version, valid_from (instant, None where it is planned), planned_for (day, None where it is in force),
        in_force, grids (how many) and moved.

    Raises:
        Forbidden: not a grid manager of this community.
        InputError: the day lies in the past, the draft changes nothing, or it does not tile the community.
        Conflict: another version was published meanwhile, one is scheduled already, or an import is under way.
    """
    reader.require(Role.MANAGER)
    note = incoming.text(note, incoming.NOTE, "note")
    if valid_from is not None:
        valid_from = incoming.day(valid_from, "valid_from", "生效日期")
    if valid_from is not None and valid_from < clock.today():
        raise InputError(
            f"生效日期 {valid_from:%Y-%m-%d} 已经过去。",
            remedy="请选择今天或以后的日期。",
            details={"field": "valid_from"},
        )
    with database.begin(reader) as connection:
        name = require_community(connection, reader, community)
    # Corners on the common border go into the neighbours' polygons too, and a vanished grid's workers keep their
    # accounts, so the transaction reaches beyond the scope that was just checked; what it changes is bounded by code.
    with database.begin(replace(reader, scope=Scope.everything())) as connection:
        lock_publishing(connection)
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
        at: datetime | None = None
        moved: dict[str, int] = {}
        # The day is looked at here and not before the wait, which may have gone past midnight.
        planned_for = valid_from if valid_from is not None and valid_from > clock.today() else None
        if planned_for is not None:
            planned = {"fabric": fabric_as_json(fabric), "details": details}
            store.schedule(
                connection,
                community,
                version,
                planned_for,
                note=note,
                author=reader.user_id,
                planned=planned,
            )
        else:
            at, moved = take_effect(connection, fabric, details, version)
            store.add_version(connection, community, version, at, note=note, author=reader.user_id)
        store.announce(connection, community, version)
    return {
        "community": community,
        "version": version,
        "valid_from": clock.local(at).isoformat() if at is not None else None,
        "planned_for": planned_for.isoformat() if planned_for is not None else None,
        "in_force": at is not None,
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
        lock_publishing(connection)
        if not store.withdraw_scheduled(connection, community):
            raise NotFound("没有待生效的版本。", remedy="请刷新页面。")


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
    connection: Connection,
    fabric: Fabric,
    details: Mapping[str, Mapping[str, Any]],
    version: int,
    at: datetime | None = None,
) -> tuple[datetime, dict[str, int]]:
    """Put the grids in force and re-key, under the publishing lock.

    Args:
        at: the instant from which they hold; for the first grids of a community only, others hold from now on.

    Returns:
        the instant, and how many things of each kind moved.

    Raises:
        InputError: the border of the grids is not that of the community.
    """
    ground, _ = _ground(connection, fabric)
    _share_border(connection, fabric)
    at = at or store.instant_of_effect(connection, fabric.community)
    rows = [{"place": code, "shape": shape, **details[code]} for code, shape in fabric.grids.items()]
    store.replace_grids(connection, fabric.community, version, at, rows)
    moved = move_all(connection, ground, at)
    # People by building follow their building by foreign key; cells, counts and search entries are made anew.
    refresh_density(connection, [fabric.community])
    demand.recount(connection, [fabric.community])
    refresh_search(connection, [fabric.community])
    return at, moved


def _require_border(border: MultiPolygon, of_grids: Polygon | MultiPolygon) -> None:
    """Refuse grids whose outer border is not the community's, but for corners on its line.

    Raises:
        InputError: with the differing ground to show on the map.
    """
    if shapely.hausdorff_distance(border.boundary, of_grids.boundary) > _SAME_LINE:
        different = border.symmetric_difference(of_grids)
        problem = Problem("border", "社区边界已改变，网格不再恰好铺满社区。", (), different)
        raise InputError(
            problem.message,
            remedy="请从现行版本重新划分；若现行网格也不相符，请先重新导入与新边界一致的网格。",
            details={"problems": [problem.as_json()]},
        )


def _share_border(connection: Connection, fabric: Fabric) -> None:
    """Corners that the draft put into the community's border, into every other polygon that has that border.

    A point rounded to nine decimals lies beside its edge by up to 0.1 mm; only when all who share the edge get the
    same corner is there still neither gap nor overlap.
    """
    border = store.border_of(connection, fabric.community)
    _require_border(border, fabric.border)
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

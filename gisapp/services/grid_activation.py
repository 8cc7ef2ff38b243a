"""Bringing scheduled grid versions into force when their day has come, each by itself.

A version that cannot take effect keeps waiting; why, and who must act, is stored with it, shown on its community's page,
and told to the managers of the community. It is tried again at every run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shapely.geometry import shape
from sqlalchemy import Connection

from gisapp.analytics.fabric import adopt_border, check_tiling
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.errors import Conflict, InputError, OnemapError, Unavailable
from gisapp.services.grid_publishing import take_effect
from gisapp.services.grids import REMEDY_OF_PROBLEM, read_plan
from gisapp.store import grids as store
from gisapp.store.database import Database
from gisapp.store.grid_locks import lock_publishing
from gisapp.store.notices import notify

log = logging.getLogger("onemap.grids")


@dataclass(frozen=True, slots=True)
class Activated:
    """What became of the versions that were due.

    Attributes:
        done: of each that is in force now: community, version, valid_from (instant), planned_for (day), moved (counts).
        failed: of each that is not: community, name, version, planned_for (day), message (with the place where there is
            one) and remedy.
    """

    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)


def activate_due(database: Database, day: date | None = None) -> Activated:
    """Bring every scheduled version whose day has come into force, each in its own transaction.

    Safe to run at any time and by several processes; run it at start-up, after midnight, and after borders have changed.

    Raises:
        Unavailable: the database does not answer.
    """
    day = day or clock.today()
    found = Activated()
    with database.begin(SYSTEM) as connection:
        due = [dict(row) for row in store.scheduled(connection, due=day)]
    for plan in due:
        try:
            done = _activate(database, plan["place"], day)
        except Exception as error:
            found.failed.append(_failed(database, plan, error))
        else:
            found.done.extend([done] if done is not None else [])
    return found


def _activate(database: Database, community: str, day: date) -> dict[str, Any] | None:
    """One community; None where somebody else was first, or the version was taken back."""
    with database.begin(SYSTEM) as connection:
        lock_publishing(connection)
        plans = store.scheduled(connection, community, due=day)
        if not plans:
            return None
        plan = plans[0]
        planned, details = read_plan(plan["planned"])
        fabric = adopt_border(planned, store.border_of(connection, community))
        if problems := [p for p in check_tiling(fabric.border, fabric.grids) if p.kind != "small"]:
            raise InputError(problems[0].message, details={"problems": [problems[0].as_json()]})
        at, moved = take_effect(connection, fabric, details, plan["version"])
        store.bring_into_force(connection, community, plan["version"], at)
        store.announce(connection, community, plan["version"])
    return {
        "community": community,
        "version": plan["version"],
        "valid_from": clock.local(at).isoformat(),
        "planned_for": plan["planned_for"].isoformat(),
        "moved": moved,
    }


def _failed(database: Database, plan: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    """Keep and tell why a version is not in force; what passes by itself is not kept."""
    community, version = plan["place"], plan["version"]
    passing = isinstance(error, Conflict | Unavailable)
    remedy = REMEDY_OF_PROBLEM
    if isinstance(error, OnemapError):
        problem = _words(error)
        if passing:
            remedy = error.remedy or "请稍后再试。"
        log.warning("grids of %s, version %s, are not in force: %s", community, version, error.code)
    else:
        problem = f"程序内部错误（{type(error).__name__}）。"
        log.exception("grids of %s, version %s, are not in force", community, version, exc_info=error)
    name = community
    try:
        with database.begin(SYSTEM) as connection:
            row = store.find_community(connection, community)
            name = str(row["name"]) if row is not None else community
            if not passing and store.note_problem(connection, community, version, problem):
                _tell(connection, community, name, version, problem)
    except Exception:
        log.exception("why version %s of %s is not in force could not be stored", version, community)
    return {
        "community": community,
        "name": name,
        "version": version,
        "planned_for": plan["planned_for"].isoformat(),
        "message": problem,
        "remedy": remedy,
    }


def _words(error: OnemapError) -> str:
    """What was wrong, and where."""
    message = error.message.replace("在草稿打开之后", "在发布之后").rstrip("。")
    geometry = next((p.get("geometry") for p in error.details.get("problems", ()) if p.get("geometry")), None)
    if geometry is not None:
        at = shape(geometry).representative_point()
        if not at.is_empty:
            message += f"（经度 {at.x:.6f}，纬度 {at.y:.6f} 附近）"
    return f"{message}。"


def _tell(connection: Connection, community: str, name: str, version: int, problem: str) -> None:
    """Tell the managers of the community whose page is open, and let every open page of it be drawn anew."""
    notify(
        connection,
        "grids",
        community,
        name=name,
        version=version,
        title=f"{name}的第 {version} 版网格未能按期生效",
        message=problem,
        remedy=REMEDY_OF_PROBLEM,
    )
    store.announce(connection, community, version)

"""Drawing grids: one draft for each community, stored with every step, so that a lost connection loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon
from sqlalchemy import Connection, RowMapping

from gisapp.analytics.fabric import (
    Change,
    Fabric,
    adopt_border,
    check_tiling,
    fabric_as_json,
    fabric_from_json,
    grid_under,
    ground_moved,
    merge,
    move_vertex,
    next_code,
    remove_vertex,
    split,
)
from gisapp.domain import incoming
from gisapp.domain.access import Reader, Role
from gisapp.errors import Conflict, InputError, NotFound
from gisapp.services.grids import drawn, geojson, grid_name, require_community
from gisapp.store import grid_drafts as drafts
from gisapp.store import grids as store
from gisapp.store.database import Database
from gisapp.store.grid_locks import hold_grids

MOST_POINTS = 500
"""Points of a drawn line, and grids of one operation."""

WORDS = {"split": "分割", "merge": "合并", "move": "移动角点", "remove": "删除角点"}
"""Operations by their kind, as the page's buttons and the list of steps call them."""


def open_draft(database: Database, reader: Reader, community: str) -> dict[str, Any]:
    """The draft of a community, begun from the version in force when there is none yet.

    A community without grids begins as one grid.

    Raises:
        Forbidden: not a grid manager of this community.
        InputError: the grids in force do not tile the community; the problems are in the details.
    """
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        # The grids and the number of their version are read one after the other and must be of one version.
        hold_grids(connection)
        name = require_community(connection, reader, community)
        if drafts.find_draft(connection, community) is None:
            fabric = fabric_in_force(connection, community)
            if not fabric.grids:
                fabric = undivided(fabric)
            require_tiling(fabric, name)
            state = {"fabric": fabric_as_json(fabric), "position": 0}
            version = store.current_version(connection, community)
            drafts.open_draft(connection, community, version, state, reader.user_id)
        return view(connection, community)


def show_draft(database: Database, reader: Reader, community: str) -> dict[str, Any]:
    """The open draft of a community.

    Raises:
        NotFound: no draft is open.
    """
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        return view(connection, community)


def discard_draft(database: Database, reader: Reader, community: str) -> None:
    """Throw the draft away; the version in force stays as it is."""
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        if not drafts.drop_draft(connection, community):
            raise NotFound("没有打开的草稿。", remedy="请刷新页面。")


def apply(
    database: Database, reader: Reader, community: str, revision: int, operation: Mapping[str, Any]
) -> dict[str, Any]:
    """Do one operation on the draft and store it; steps that were undone before are gone.

    Args:
        database: of the application.
        reader: a grid manager of the community.
        community: 12-digit code.
        revision: the revision that the user saw.
        operation: ``{"kind": "split", "line"}`` (the grid that holds most of the line, or ``"code"``), ``{"kind": "merge", "codes"}``,
            ``{"kind": "move", "from", "to"}`` or ``{"kind": "remove", "at"}``; points are (lon, lat), EPSG:4490.

    Raises:
        InputError: the result would not tile the community; ``details["problems"]`` is what to show on the map.
        Conflict: somebody else changed the draft meanwhile.
    """
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        draft, fabric, changes = _load(connection, community, revision)
        result = _perform(connection, fabric, operation)
        position = draft["state"]["position"]
        changes = [*changes[:position], Change.between(operation, fabric, result)]
        _save(connection, community, revision, result, changes, len(changes), reader)
        return view(connection, community)


def undo(database: Database, reader: Reader, community: str, revision: int) -> dict[str, Any]:
    """Take the last step back, to the last corner.

    Raises:
        Conflict: nothing to undo, or somebody else changed the draft meanwhile.
    """
    return _step(database, reader, community, revision, -1)


def redo(database: Database, reader: Reader, community: str, revision: int) -> dict[str, Any]:
    """Do the last undone step again.

    Raises:
        Conflict: nothing to redo, or somebody else changed the draft meanwhile.
    """
    return _step(database, reader, community, revision, +1)


def _step(database: Database, reader: Reader, community: str, revision: int, way: int) -> dict[str, Any]:
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        require_community(connection, reader, community)
        draft, fabric, changes = _load(connection, community, revision)
        position = draft["state"]["position"]
        if way < 0:
            if position == 0:
                raise Conflict("没有可以撤销的步骤。", remedy="草稿与现行版本一致。")
            fabric = changes[position - 1].undo(fabric)
        else:
            if position == len(changes):
                raise Conflict("没有可以重做的步骤。", remedy="先撤销，才能重做。")
            fabric = changes[position].redo(fabric)
        _save(connection, community, revision, fabric, changes, position + way, reader)
        return view(connection, community)


def _perform(connection: Connection, fabric: Fabric, operation: Mapping[str, Any]) -> Fabric:
    kind = str(operation.get("kind"))
    if kind == "split":
        line = _points(operation, "line")
        code = incoming.place(operation.get("code"), "code") or grid_under(fabric, line)
        used = store.used_codes(connection, fabric.community) | set(fabric.grids)
        new_code = next_code(fabric.community, used)
        return split(fabric, code, line, new_code, _people_in(connection, fabric.community))
    if kind == "merge":
        codes = operation.get("codes")
        if not isinstance(codes, list | tuple) or len(codes) > MOST_POINTS:
            raise _incomplete(kind, "codes")
        return merge(fabric, [incoming.place(code, "codes") for code in codes])
    if kind == "move":
        return move_vertex(fabric, _point(operation, "from"), _point(operation, "to"))
    if kind == "remove":
        return remove_vertex(fabric, _point(operation, "at"))
    raise InputError(f"没有“{kind}”这种操作。", remedy=f"可用的操作：{'、'.join(WORDS)}。")


def _incomplete(kind: str, field: str) -> InputError:
    return InputError(
        f"操作“{WORDS[kind]}”的参数 {field} 不完整。", remedy="请重新绘制后再试。", details={"field": field}
    )


def _points(operation: Mapping[str, Any], field: str) -> list[tuple[float, float]]:
    given = operation.get(field)
    if not isinstance(given, list | tuple) or len(given) > MOST_POINTS:
        raise _incomplete(str(operation["kind"]), field)
    return [incoming.point(one, field) for one in given]


def _point(operation: Mapping[str, Any], field: str) -> tuple[float, float]:
    (point,) = _points({**operation, field: [operation.get(field)]}, field)
    return point


def _people_in(connection: Connection, community: str) -> Any:
    """How many people live in a part: the part with more of them keeps the code of the grid."""
    xs, ys, people = store.people_points(connection, community)
    x, y, weight = np.array(xs), np.array(ys), np.array(people)

    def count(part: Polygon) -> float:
        return float(weight[shapely.intersects_xy(part, x, y)].sum()) if len(weight) else 0.0

    return count


def fabric_in_force(connection: Connection, community: str) -> Fabric:
    """The grids of a community now in force with its border."""
    shapes = {row["place"]: row["shape"] for row in store.grids_in_force(connection, community)}
    return Fabric(community, store.border_of(connection, community), shapes)


def undivided(fabric: Fabric) -> Fabric:
    """A community before its first division: one grid, or one for each piece of its ground."""
    pieces = [part for part in shapely.get_parts(fabric.border).tolist() if isinstance(part, Polygon)]
    return fabric.replaced(
        {f"{fabric.community}{number:03d}": part for number, part in enumerate(pieces, start=1)}
    )


def require_tiling(fabric: Fabric, name: str) -> None:
    """Refuse grids that do not tile their community.

    Raises:
        InputError: with the problems to show on the map.
    """
    problems = [p for p in check_tiling(fabric.border, fabric.grids) if p.kind != "small"]
    if problems:
        raise InputError(
            f"{name}的现行网格没有恰好铺满社区：{problems[0].message}",
            remedy="请先重新导入该社区的网格或社区边界，使二者一致。",
            details={"problems": [problem.as_json() for problem in problems]},
        )


def load_draft(connection: Connection, community: str, revision: int) -> tuple[RowMapping, Fabric]:
    """The draft at a revision, locked, and its fabric on the community's border of now.

    Raises:
        Conflict: there is no draft any more, or it is at another revision.
        InputError: the community's border changed by more than corners that neighbours put into it.
    """
    draft, fabric, _ = _load(connection, community, revision)
    return draft, adopt_border(fabric, store.border_of(connection, community))


def _load(connection: Connection, community: str, revision: int) -> tuple[RowMapping, Fabric, list[Change]]:
    draft = drafts.find_draft(connection, community, lock=True)
    if draft is None:
        raise Conflict("草稿已被发布或放弃。", remedy="请刷新页面，从现行版本重新打开草稿。")
    if draft["revision"] != revision:
        raise Conflict(
            f"草稿已由{draft['author_name'] or '他人'}改到第 {draft['revision']} 步，您看到的是第 {revision} 步。",
            remedy="请刷新页面，在最新的草稿上继续。",
            details={"revision": draft["revision"]},
        )
    fabric = fabric_from_json(draft["state"]["fabric"])
    return draft, fabric, [Change.from_json(entry) for entry in draft["history"]]


def _save(
    connection: Connection,
    community: str,
    revision: int,
    fabric: Fabric,
    changes: list[Change],
    position: int,
    reader: Reader,
) -> None:
    state = {"fabric": fabric_as_json(fabric), "position": position}
    history = [change.as_json() for change in changes]
    if not drafts.save_draft(connection, community, revision, state, history, reader.user_id):
        raise Conflict("草稿刚被他人修改。", remedy="请刷新页面，在最新的草稿上继续。")


def view(connection: Connection, community: str) -> dict[str, Any]:
    """The draft as the page shows it.

    Returns:
        revision, base_version, author, updated_at, steps (words of the steps done), can_undo, can_redo, and ``grids``:
        as ``grids.drawn`` gives them, with name, changed and new.

    Raises:
        NotFound: no draft is open.
    """
    draft = drafts.find_draft(connection, community)
    if draft is None:
        raise NotFound("没有打开的草稿。", remedy="请先打开草稿。")
    fabric = fabric_from_json(draft["state"]["fabric"])
    position = draft["state"]["position"]
    base = {row["place"]: row for row in store.grids_in_force(connection, community)}
    row = store.find_community(connection, community)
    community_name = str(row["name"]) if row else ""
    describe = {
        code: {
            "name": base[code]["name"] if code in base else grid_name(community_name, code),
            "changed": code not in base or ground_moved(base[code]["shape"], shape),
            "new": code not in base,
        }
        for code, shape in fabric.grids.items()
    }
    changes = draft["history"]
    return {
        "community": community,
        "base_version": draft["base_version"],
        "revision": draft["revision"],
        "author": draft["author_name"] or "",
        "updated_at": draft["updated_at"].isoformat(),
        "steps": [WORDS[change["operation"]["kind"]] for change in changes[:position]],
        "can_undo": position > 0,
        "can_redo": position < len(changes),
        "removed": sorted(set(base) - set(fabric.grids)),
        "border": geojson(fabric.border),
        "grids": drawn(connection, community, fabric.grids, describe),
    }

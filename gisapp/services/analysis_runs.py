"""Runs of analyses: begun, computed in a thread with progress in the database, ended with a result or an error.

Progress stands in the run's own record, so that a page can be left and come back, whichever process computes.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from gisapp.domain import clock
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import PlaceKey
from gisapp.errors import Conflict, Forbidden, InputError, NotFound, OnemapError, TooMany
from gisapp.services.scopes import describe_scope
from gisapp.store import analysis, scopes
from gisapp.store.database import Database

log = logging.getLogger(__name__)

Report = Callable[[str, float], None]
"""Told of every step: what is being done, and the share of the work done before it (0 to 1)."""

Keep = Callable[[Connection, int, str], dict[str, Any]]
"""Stores a result under a run's number and place; returns the summary."""

Work = Callable[[Report], Keep]
"""Computes without a transaction and returns what stores the result in one."""


@dataclass(frozen=True, slots=True)
class Job:
    """An analysis that can be done at once or in the background.

    Attributes:
        kind: hotspot or allocation.
        place: key of the place that it is about.
        title: what lists call the run.
        parameters: what was asked for, JSON-serialisable, enough to fill the form again.
        work: what computes it.
    """

    kind: str
    place: str
    title: str
    parameters: Mapping[str, Any]
    work: Work


SILENT = timedelta(minutes=10)
"""A run that has not said anything for so long is taken for interrupted."""

ROLES = (Role.PLANNER, Role.MANAGER, Role.LEADER)

MOST_UNFINISHED = 4
"""Analyses of one account that wait or are computed at the same moment, in one process."""

_pool = ThreadPoolExecutor(2, "analysis")
_unfinished: Counter[int] = Counter()
_counting = threading.Lock()


def no_report(_step: str, _share: float) -> None:
    """Progress that nobody watches."""


def check_place(reader: Reader, place: str) -> PlaceKey:
    """A place that a reader may analyse.

    Raises:
        InputError: no place key.
        Forbidden: the role may not, or the place lies outside the scope.
    """
    reader.require(*ROLES)
    key = PlaceKey(place)
    reader.require_place(key)
    return key


def _begin(database: Database, reader: Reader, job: Job) -> int:
    with database.begin(reader) as connection:
        return analysis.open_run(
            connection,
            kind=job.kind,
            place=job.place,
            title=job.title,
            parameters=job.parameters,
            user_id=reader.user_id,
        )


def _say(database: Database, reader: Reader, run_id: int, step: str, share: float) -> None:
    summary = {"step": step, "share": round(share, 3), "beat": clock.now().isoformat(timespec="seconds")}
    with database.begin(reader) as connection:
        if not analysis.note_run(connection, run_id, summary=summary):
            raise Conflict("计算已被取消。")


def _compute(database: Database, reader: Reader, run_id: int, job: Job) -> None:
    """Do the work of a run; its end is in the database in any case."""
    try:
        keep = job.work(lambda step, share: _say(database, reader, run_id, step, share))
        _say(database, reader, run_id, "保存结果", 0.95)
        with database.begin(reader) as connection:
            summary = keep(connection, run_id, job.place)
            if not analysis.note_run(connection, run_id, state="done", summary=summary):
                raise Conflict("计算已被取消。")
    except Exception as error:
        known = error if isinstance(error, OnemapError) else None
        if known is None:
            log.exception("analysis run %s failed", run_id)
        shown = known or OnemapError(
            f"计算时出现意外错误（结果编号 {run_id}）。",
            remedy="请把编号告诉管理员，日志中有同一编号的记录。",
        )
        with database.begin(reader) as connection:
            analysis.note_run(connection, run_id, state="failed", summary=shown.as_json())
        raise shown from error


def run(database: Database, reader: Reader, job: Job) -> int:
    """Do an analysis here and now; returns the run's number."""
    run_id = _begin(database, reader, job)
    _compute(database, reader, run_id, job)
    return run_id


def start(database: Database, reader: Reader, job: Job) -> int:
    """Begin an analysis and return at once; ``get`` tells how far it is.

    Raises:
        TooMany: the account has ``MOST_UNFINISHED`` that are not finished.
    """
    _take_place(reader)
    try:
        run_id = _begin(database, reader, job)
    except BaseException:
        _leave_place(reader)
        raise

    def quietly() -> None:
        try:
            _compute(database, reader, run_id, job)
        except OnemapError:
            log.info("analysis run %s ended without a result", run_id)
        except Exception as error:  # its end could not even be noted; a pool would keep that to itself
            log.error("analysis run %s ended unnoted: %s", run_id, type(error).__name__, exc_info=error)
        finally:
            _leave_place(reader)

    _pool.submit(quietly)
    return run_id


def _take_place(reader: Reader) -> None:
    with _counting:
        if _unfinished[reader.user_id] >= MOST_UNFINISHED:
            raise TooMany(
                f"您已有 {MOST_UNFINISHED} 个分析没有算完。",
                wait=10,
                remedy="请等其中一个完成后再开始新的分析。",
            )
        _unfinished[reader.user_id] += 1


def _leave_place(reader: Reader) -> None:
    with _counting:
        _unfinished[reader.user_id] -= 1
        if not _unfinished[reader.user_id]:
            del _unfinished[reader.user_id]


def _shown(row: RowMapping, reader: Reader) -> dict[str, Any]:
    """A run as pages and the API show it."""
    found: dict[str, Any] = dict(row)
    if found["state"] == "running":
        beat = found["summary"].get("beat")
        last = datetime.fromisoformat(beat) if beat else found["created_at"]
        if clock.now() - clock.local(last) > SILENT:
            found["state"] = "failed"
            interrupted = InputError("计算被中断（服务曾经停止）。", remedy="请重新计算。")
            found["summary"] = interrupted.as_json()
    found["mine"] = found["created_by"] == reader.user_id
    return found


def get(
    database: Database, reader: Reader, run_id: int, *, kind: str | None = None, called: str = ""
) -> dict[str, Any]:
    """One run: kind, title, parameters, state, and its summary, progress or error.

    Args:
        kind: the kind that it must be of; any when left out.
        called: what that kind is called, for the message.

    Raises:
        NotFound: no such run within the reader's scope, or one of another kind.
    """
    with database.begin(reader) as connection:
        row = analysis.find_run(connection, run_id)
    if row is None:
        raise NotFound(f"没有编号为 {run_id} 的分析结果。", remedy="它可能已被删除，请从列表中选择。")
    if kind is not None and row["kind"] != kind:
        raise NotFound(f"编号 {run_id} 不是{called}。", remedy=f"请从列表中选择{called}的结果。")
    return _shown(row, reader)


def recent(database: Database, reader: Reader, kind: str | None = None) -> list[dict[str, Any]]:
    """Runs within the reader's scope, the newest first."""
    with database.begin(reader) as connection:
        rows = analysis.list_runs(connection, kind)
    return [_shown(row, reader) for row in rows]


def remove(database: Database, reader: Reader, run_id: int) -> None:
    """Delete a run; its author and administrators may.

    Raises:
        NotFound: no such run within the reader's scope.
        Forbidden: somebody else's.
    """
    found = get(database, reader, run_id)
    if not found["mine"] and reader.role is not Role.ADMIN:
        raise Forbidden("只能删除自己的分析结果。", remedy="请联系结果的作者或管理员。")
    with database.begin(reader) as connection:
        analysis.remove_run(connection, run_id)


def places_to_choose(database: Database, reader: Reader) -> list[dict[str, Any]]:
    """Places that a reader may analyse: key, name, level (digits) and bounds (west, south, east, north), from above to below."""
    with database.begin(reader) as connection:
        drawn = [(key, name) for key, name in analysis.regions_below(connection) if reader.scope.covers(key)]
        boxes = scopes.extents_of(connection, [key for key, _ in drawn])
    inside = [
        {"place": key, "name": name, "level": len(key), "bounds": boxes.get(key)} for key, name in drawn
    ]
    if inside or len(reader.scope.prefixes) != 1 or not reader.scope.prefixes[0]:
        return inside
    only = reader.scope.prefixes[0]  # a scope below the regions, such as one grid
    here = describe_scope(database, reader)
    return [{"place": only, "name": here.short, "level": len(only), "bounds": here.bounds}]


def place_to_begin_with(
    database: Database, reader: Reader, places: Sequence[Mapping[str, Any]]
) -> str | None:
    """Of the places to choose from, the street (or the place above or below it) where most cases are."""
    with database.begin(reader) as connection:
        busiest = analysis.busiest_place(connection) or ""
    keys = [str(p["place"]) for p in places]
    near = [key for key in keys if busiest.startswith(key) or key.startswith(busiest)]
    return max(near or keys, key=lambda key: (key == busiest, -len(key)), default=None) if keys else None


def name_of_place(database: Database, reader: Reader, place: str) -> str:
    """Name of a region or grid; its key where it has none."""
    with database.begin(reader) as connection:
        return (scopes.names_of(connection, [place]) | scopes.grid_names_of(connection, [place])).get(
            place, place
        )

"""Positions of workers: taken in (checked, stored, judged, told to every screen, in one transaction), and shown.

What the answer calls stored is stored: the answer is given after the commit. Batches that share a worker follow each
other, because the worker's row is locked; what comes late or twice leads to the same alerts as if it had come in order.

Posts that wait at the same moment share a transaction (``take_in_together``): a commit, and every statement before it,
then costs the same for a hundred telephones as for one. Each still gets an answer of its own, the one it would have got
alone; if the transaction fails, whatever the reason, each is tried alone, so that nobody suffers for a neighbour.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from gisapp.analytics import tracks as analysis
from gisapp.domain import clock, incoming
from gisapp.domain.access import REPORTERS, SYSTEM, Reader, Role
from gisapp.domain.workers import Fix, Refusal, read_batch
from gisapp.errors import Forbidden, NotFound, Unavailable
from gisapp.services.judging import Judging
from gisapp.store import workers as store
from gisapp.store.database import Database
from gisapp.store.grid_locks import hold_grids
from gisapp.store.workers import Worker

log = logging.getLogger("onemap.tracks")

#: whose work it is to know where workers on duty are (administrators too)
WATCHERS = (Role.LEADER, Role.MANAGER, Role.WORKER)

Key = tuple[int, datetime]
"""What identifies a position: worker and instant."""


@dataclass(frozen=True, slots=True)
class Post:
    """One report of positions.

    Attributes:
        reader: who reports: a gateway for the workers in its scope, or a worker for itself.
        messages: as ``gisapp.domain.workers.read_batch`` wants them.
    """

    reader: Reader
    messages: Sequence[Any]


@dataclass(slots=True)
class Receipt:
    """What became of a post.

    Attributes:
        stored: positions that are stored now and were not before.
        doubled: positions that were there already, or twice in the post.
        refused: the others, each with its reason.
        alerts: ids of the alerts that the post raised.
    """

    stored: int = 0
    doubled: int = 0
    refused: list[Refusal] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The API's answer."""
        return {
            "stored": self.stored,
            "doubled": self.doubled,
            "refused": [refusal.as_json() for refusal in self.refused],
            "alerts": self.alerts,
        }


def take_in(
    database: Database, reader: Reader, messages: Sequence[Any], now: datetime | None = None
) -> Receipt:
    """Take in one post.

    Args:
        reader: who reports; see ``Post``.
        now: the server's instant.

    Raises:
        Forbidden: the reader's role may not report positions at all.
        InputError: more messages than one request may carry.
        Unavailable: the database does not answer.
    """
    return _commit(database, [_read(Post(reader, messages), now or clock.now())], now or clock.now())[0]


def take_in_together(
    database: Database, posts: Sequence[Post], now: datetime | None = None
) -> list[Receipt | Exception]:
    """Take in posts in one transaction, as if each had come after the one before it.

    Args:
        now: the server's instant.

    Returns:
        for each post its receipt, or the error that ``take_in`` would have raised.
    """
    now = now or clock.now()
    outcomes: dict[int, Receipt | Exception] = {}
    read: dict[int, _Read] = {}
    for i, post in enumerate(posts):
        try:
            read[i] = _read(post, now)
        except Exception as error:  # whatever it is, it is this post's own
            outcomes[i] = error
    outcomes |= zip(read, _commit_or_each(database, list(read.values()), now), strict=True)
    return [outcomes[i] for i in range(len(posts))]


@dataclass(slots=True)
class _Read:
    """A post whose messages have been checked each by itself."""

    reader: Reader
    fixes: list[tuple[int, Fix]]
    receipt: Receipt
    allowed: list[Fix] = field(default_factory=list)


def _read(post: Post, now: datetime) -> _Read:
    if post.reader.role is not Role.ADMIN and post.reader.role not in REPORTERS:
        raise Forbidden("只有网格员终端可以上报定位。", remedy="请用网格员或终端网关账号登录。")
    fixes, refused = read_batch(post.messages, now)
    return _Read(post.reader, fixes, Receipt(refused=refused))


def _commit_or_each(database: Database, posts: list[_Read], now: datetime) -> list[Receipt | Exception]:
    """All in one transaction; where that fails, for whatever reason, each in one of its own."""
    try:
        return list(_commit(database, posts, now))
    except Exception as error:
        failure = error
    if len(posts) == 1 or not _answers(database):
        return [failure] * len(posts)
    log.warning("%d posts failed together (%s); each is tried by itself", len(posts), type(failure).__name__)
    outcomes: list[Receipt | Exception] = []
    for post in posts:
        try:
            outcomes += _commit(database, [_again(post)], now)
        except Exception as error:
            outcomes.append(error)
            if isinstance(error, Unavailable) and not _answers(database):
                return outcomes + [error] * (len(posts) - len(outcomes))
    return outcomes


def _answers(database: Database) -> bool:
    """Whether the database answers at all: where it does not, nobody is made to wait for its silence once more."""
    try:
        with database.begin(SYSTEM):
            return True
    except Exception:
        return False


def _again(post: _Read) -> _Read:
    """The post as it was before a transaction that failed."""
    index = {index for index, _ in post.fixes}
    refused = [refusal for refusal in post.receipt.refused if refusal.index not in index]
    return _Read(post.reader, post.fixes, Receipt(refused=refused))


def _commit(database: Database, posts: list[_Read], now: datetime) -> list[Receipt]:
    """One transaction for all; the receipts are true once it has returned."""
    fixes = [fix for post in posts for _, fix in post.fixes]
    if fixes:
        _ensure_partitions(database, {clock.local(fix.at).date() for fix in fixes})
        with database.begin(SYSTEM) as connection:
            hold_grids(connection)
            workers = store.lock(connection, {fix.worker for fix in fixes})
            for post in posts:
                _admit(post, workers)
            if any(post.allowed for post in posts):
                new, owner = _new(connection, posts)
                judging = Judging(connection, database, workers, now)
                judging.take(new)
                _account(posts, owner, judging.raised)
    return [post.receipt for post in posts]


def _admit(post: _Read, workers: dict[int, Worker]) -> None:
    """Set apart the positions that the reader may report."""
    for index, fix in post.fixes:
        refusal = _refuse(index, fix, workers.get(fix.worker), post.reader)
        if refusal is None:
            post.allowed.append(fix)
        else:
            post.receipt.refused.append(refusal)
    post.receipt.refused.sort(key=lambda refusal: refusal.index)


def _refuse(index: int, fix: Fix, worker: Worker | None, reader: Reader) -> Refusal | None:
    hidden = worker is None or not (reader.scope.covers(worker.place) or reader.worker_id == fix.worker)
    if hidden:
        return Refusal(
            index,
            "worker",
            fix.worker,
            f"没有编号为 {fix.worker} 的网格员。",
            "请核对编号，或联系管理员登记。",
        )
    if reader.role is Role.WORKER and reader.worker_id != fix.worker:
        return Refusal(index, "worker", fix.worker, "网格员只能上报本人的位置。", "请用本人账号登录终端。")
    assert worker is not None
    if not worker.active:
        return Refusal(
            index, "worker", fix.worker, f"网格员{worker.name}已停用。", "请联系管理员启用后再上报。"
        )
    return None


def _new(connection: Connection, posts: Iterable[_Read]) -> tuple[dict[int, list[Fix]], dict[Key, _Read]]:
    """New positions by worker in order, each instant once, and which post brought each.

    Of two posts with the same instant the earlier one's position stands, as if they had come one after the other.
    """
    known = store.known(connection, [fix for post in posts for fix in post.allowed])
    by_worker: dict[int, list[Fix]] = {}
    owner: dict[Key, _Read] = {}
    for post in posts:
        of_post: dict[int, list[Fix]] = {}
        for fix in post.allowed:
            if (fix.worker, fix.at) not in known:
                of_post.setdefault(fix.worker, []).append(fix)
        for worker, found in of_post.items():
            for fix in analysis.in_order(found):
                if owner.setdefault((worker, fix.at), post) is post:
                    by_worker.setdefault(worker, []).append(fix)
    for found in by_worker.values():
        found.sort(key=lambda fix: fix.at)
    return dict(sorted(by_worker.items())), owner


def _account(posts: Sequence[_Read], owner: dict[Key, _Read], raised: Iterable[tuple[int, Key]]) -> None:
    """Write into each receipt what its post has brought about."""
    for post in owner.values():
        post.receipt.stored += 1
    for post in posts:
        post.receipt.doubled = len(post.allowed) - post.receipt.stored
    last = {fix.worker: post for post in posts for fix in post.allowed}
    for identifier, key in raised:
        # The proof may have been stored before, where a late position changed what it proves.
        owner.get(key, last[key[0]]).receipt.alerts.append(identifier)


_ready: WeakKeyDictionary[Database, dict[date, float]] = WeakKeyDictionary()
_READY_S = 60.0
"""How long a partition is taken to be there without asking."""


def _ensure_partitions(database: Database, days: set[date]) -> None:
    """In a transaction of its own: making a partition locks the whole table for a moment."""
    ready = _ready.setdefault(database, {})
    now = time.monotonic()
    missing = {day for day in days if now - ready.get(day, -_READY_S) >= _READY_S}
    if missing:
        with database.begin(SYSTEM) as connection:
            # The next day comes along, so that nobody waits at midnight.
            store.ensure_partitions(connection, missing | {max(missing) + timedelta(days=1)})
        ready.update(dict.fromkeys(missing, now))


def may_watch(reader: Reader) -> bool:
    """Whether the reader's role may see where workers are."""
    return reader.role is Role.ADMIN or reader.role in WATCHERS


def live(database: Database, reader: Reader, prefix: str = "") -> dict[str, Any]:
    """Workers within the reader's scope with their newest positions, and the moment of the answer.

    Raises:
        Forbidden: the reader's role has no part in it.
    """
    reader.require(*WATCHERS)
    prefix = incoming.place(prefix)
    with database.begin(reader) as connection:
        rows = store.live(connection, prefix)
    return {"moment": clock.now().isoformat(), "workers": [dict(row) for row in rows]}


def track_of_day(database: Database, reader: Reader, worker: int, day: date) -> dict[str, Any]:
    """A worker's track of one local day as GeoJSON, judged, with its length, gaps and jumps.

    Raises:
        NotFound: no such worker within the reader's scope.
    """
    first, last = clock.day_bounds(incoming.day(day, "day"))
    return {**track_between(database, reader, worker, first, last), "day": day.isoformat()}


def track_between(
    database: Database, reader: Reader, worker: int, first: datetime, last: datetime
) -> dict[str, Any]:
    """A worker's track from ``first`` (included) to ``last`` (not included).

    Whoever may see the worker may see the whole track, also where it leaves the reader's scope: there it matters most.

    Raises:
        Forbidden: the reader's role has no part in it.
        NotFound: no such worker within the reader's scope.
    """
    reader.require(*WATCHERS)
    with database.begin(reader) as connection:
        found = store.find(connection, worker)
    if found is None:
        raise NotFound(f"没有编号为 {worker} 的网格员。", remedy="请核对编号，或确认其在您的管辖范围内。")
    with database.begin(SYSTEM) as connection:
        kept = store.track(connection, worker, first, last)
    judged = analysis.judge(k.fix for k in kept)
    return {
        **analysis.as_geojson(judged),
        "worker": {"id": found["id"], "name": found["name"], "code": found["code"], "place": found["place"]},
        "fixes": len(judged.fixes),
        "metres": round(judged.metres, 1),
        "gaps": [
            {"from": gap.start.isoformat(), "to": gap.end.isoformat(), "seconds": gap.seconds}
            for gap in judged.gaps
        ],
        "jumps": [fix.at.isoformat() for fix in judged.jumps],
    }

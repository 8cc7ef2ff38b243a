"""Taking in positions of workers: checked, stored, judged, and told to every screen, in one transaction.

What the answer calls stored is stored: the answer is given after the commit. Batches that share a worker follow each
other, because the worker's row is locked; what comes late or twice leads to the same alerts as if it had come in order.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Connection

from gisapp.analytics import tracks as analysis
from gisapp.analytics.tracks import Verdict
from gisapp.checks import engine
from gisapp.checks.registry import rules
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.workers import MAX_AGE, Fix, Refusal, read_batch
from gisapp.errors import Forbidden, NotFound
from gisapp.services.alerting import settle
from gisapp.services.grounds import Ground, grounds_of
from gisapp.store import alerts as alert_store
from gisapp.store import workers as store
from gisapp.store.database import Database
from gisapp.store.notices import notify_many
from gisapp.store.workers import Kept, StoredState, Worker

#: a position that arrives so much after its instant is flagged late
LATE = timedelta(minutes=5)
#: how far back the beginning of a span is looked for, step by step
_LOOK_BACK = (timedelta(hours=3), timedelta(hours=30), MAX_AGE + timedelta(days=1))

#: whose work it is to know where workers on duty are (administrators too)
WATCHERS = (Role.LEADER, Role.MANAGER, Role.WORKER)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch.

    Attributes:
        stored: positions that are stored now and were not before.
        doubled: positions that were there already, or twice in the batch.
        refused: the others, each with its reason.
        alerts: ids of the alerts that the batch raised.
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
    """Take in a batch of positions.

    Args:
        reader: who reports: an administrator's device account for workers in its scope, or a worker for itself.
        messages: as ``gisapp.domain.workers.read_batch`` wants them.
        now: the server's instant.

    Raises:
        Forbidden: the reader's role may not report positions at all.
        InputError: more messages than one request may carry.
    """
    if reader.role not in (Role.ADMIN, Role.WORKER):
        raise Forbidden("只有网格员终端可以上报定位。", remedy="请用网格员或终端网关账号登录。")
    now = now or clock.now()
    read, refused = read_batch(messages, now)
    if not read:
        return Receipt(refused=refused)
    _ensure_partitions(database, {clock.local(fix.at).date() for _, fix in read})
    with database.begin(SYSTEM) as connection:
        workers = store.lock(connection, {fix.worker for _, fix in read})
        allowed: list[Fix] = []
        for index, fix in read:
            refusal = _refuse(index, fix, workers.get(fix.worker), reader)
            if refusal is None:
                allowed.append(fix)
            else:
                refused.append(refusal)
        refused.sort(key=lambda refusal: refusal.index)
        if not allowed:
            return Receipt(refused=refused)
        intake = _Intake(connection, database, workers, now)
        stored = intake.take(_without_known(connection, allowed))
    return Receipt(stored, len(allowed) - stored, refused, intake.raised)


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


def _without_known(connection: Connection, fixes: Sequence[Fix]) -> dict[int, list[Fix]]:
    """New positions by worker in order, each instant once."""
    known = store.known(connection, fixes)
    by_worker: dict[int, list[Fix]] = {}
    for fix in fixes:
        if (fix.worker, fix.at) not in known:
            by_worker.setdefault(fix.worker, []).append(fix)
    return {worker: analysis.in_order(found) for worker, found in sorted(by_worker.items())}


class _Intake:
    """One batch within its transaction."""

    def __init__(
        self, connection: Connection, database: Database, workers: dict[int, Worker], now: datetime
    ) -> None:
        self.connection = connection
        self.workers = workers
        self.now = now
        self.rules = rules()
        self.raised: list[int] = []
        self._grounds = grounds_of(database)
        self._by_day: dict[date, Ground] = {}

    def ground(self, day: date) -> Ground:
        """The ground of a day; asked for once a day and batch."""
        if day not in self._by_day:
            self._by_day[day] = self._grounds.on(self.connection, day)
        return self._by_day[day]

    def take(self, new: dict[int, list[Fix]]) -> int:
        """Judge and store; returns how many positions were stored."""
        fixes = [fix for found in new.values() for fix in found]
        if not fixes:
            return 0
        places, outside = self._locate(fixes)
        place_of = dict(zip(((f.worker, f.at) for f in fixes), places, strict=True))
        outside_of = dict(zip(((f.worker, f.at) for f in fixes), outside, strict=True))
        memories = store.states(self.connection, new)
        flags: dict[tuple[int, datetime], str] = {}
        newest: list[tuple[Fix, str]] = []
        saved: dict[int, StoredState] = {}
        alerted: dict[int, bool] = {}
        for worker, found in new.items():
            run, memory = self._judge(self.workers[worker], found, memories.get(worker), outside_of, flags)
            saved[worker] = memory
            alerted[worker] = bool(run.memory.open_alerts)
            good = [fix for fix in found if flags[worker, fix.at] not in (Verdict.JUMP, Verdict.COARSE)]
            last_at = self.workers[worker].last_at
            if good and (last_at is None or good[-1].at > last_at):
                newest.append((good[-1], place_of[worker, good[-1].at]))
        stored = store.add(self.connection, fixes, places, [flags[f.worker, f.at] for f in fixes])
        store.move(self.connection, newest)
        store.save_states(self.connection, saved)
        self._tell(newest, alerted)
        return stored

    def _locate(self, fixes: Sequence[Fix]) -> tuple[list[str], list[float | None]]:
        """Place key and metres outside the own ground of each position, by the grids of its day."""
        places: list[str] = [""] * len(fixes)
        outside: list[float | None] = [None] * len(fixes)
        by_day: dict[date, list[int]] = {}
        for i, fix in enumerate(fixes):
            by_day.setdefault(clock.local(fix.at).date(), []).append(i)
        for day, which in by_day.items():
            ground = self.ground(day)
            lon, lat = np.array([fixes[i].lon for i in which]), np.array([fixes[i].lat for i in which])
            own = [self.workers[fixes[i].worker].place for i in which]
            found = zip(which, ground.places(lon, lat), ground.outside(own, lon, lat), own, strict=True)
            for i, place, metres, home in found:
                # In no region at all: the worker's district is the deepest that is known.
                places[i], outside[i] = place or home[:6], metres
        return places, outside

    def _judge(
        self,
        worker: Worker,
        found: list[Fix],
        memory: StoredState | None,
        outside_of: dict[tuple[int, datetime], float | None],
        flags: dict[tuple[int, datetime], str],
    ) -> tuple[engine.Run, StoredState]:
        """Run the rules: onwards from the memory if everything is newer, else again from where the span began."""
        # A worker who moves to another ground is judged from there on; what was before is not judged by the new one.
        moved = memory is not None and memory.place != worker.place
        since = _instant_of(memory.state.get("since")) if memory is not None else None
        if moved and memory is not None:
            since = max(memory.at, found[0].at) if found[0].at <= memory.at else found[0].at
        for fix in found:
            flags[fix.worker, fix.at] = "late" if self.now - fix.at > LATE else ""
        judged = [fix for fix in found if since is None or fix.at >= since]
        late = memory is not None and not moved and bool(judged) and judged[0].at <= memory.at
        if memory is None or moved:
            open_alerts = alert_store.open_ones(self.connection, [worker.id]) if moved else {}
            start = engine.Memory.fresh(self.rules, frozenset(rule for rule, _ in open_alerts))
        else:
            start = engine.Memory.from_json(memory.state)
        at = max(found[-1].at, memory.at) if memory is not None else found[-1].at
        if late and memory is not None:
            run = self._judge_again(worker, judged, since, outside_of, flags)
        else:
            run = engine.run(self.rules, start, judged, [outside_of[f.worker, f.at] for f in judged])
            for fix, verdict in zip(judged, run.verdicts, strict=True):
                flags[fix.worker, fix.at] = verdict.value or flags[fix.worker, fix.at]
            self.raised += settle(self.connection, worker, run.episodes)
        state = run.memory.as_json() | ({"since": since.isoformat()} if since else {})
        return run, StoredState(worker.place, at, state)

    def _judge_again(
        self,
        worker: Worker,
        late: list[Fix],
        since: datetime | None,
        outside_of: dict[tuple[int, datetime], float | None],
        flags: dict[tuple[int, datetime], str],
    ) -> engine.Run:
        """Run the rules over the whole span that the late positions belong to, and all that follows it."""
        begin = self._span_start(worker.id, late[0].at, since)
        kept = store.track(self.connection, worker.id, begin, self.now + timedelta(days=1))
        _, metres = self._locate([k.fix for k in kept])
        known = {k.fix.at: (k, m) for k, m in zip(kept, metres, strict=True)}
        whole = analysis.in_order([*(k.fix for k in kept), *late])
        outside = [known[f.at][1] if f.at in known else outside_of[f.worker, f.at] for f in whole]
        before = alert_store.since(self.connection, worker.id, begin)
        earlier = [a for a in before if a.opened_at < begin]
        start = engine.Memory.fresh(self.rules, frozenset(a.rule for a in earlier))
        run = engine.run(self.rules, start, whole, outside)
        changed: dict[datetime, str] = {}
        for fix, verdict in zip(whole, run.verdicts, strict=True):
            if fix.at not in known:
                flags[fix.worker, fix.at] = verdict.value or flags[fix.worker, fix.at]
            elif (flag := _flag(known[fix.at][0], verdict)) != known[fix.at][0].flag:
                changed[fix.at] = flag
        store.change_flags(self.connection, worker.id, changed)
        self.raised += settle(self.connection, worker, run.episodes, stored=before)
        return run

    def _span_start(self, worker: int, at: datetime, since: datetime | None) -> datetime:
        """First instant of the span that a late position belongs to, its own where it begins one."""
        silence = timedelta(seconds=analysis.SPAN_GAP_S)
        start = at
        for reach in _LOOK_BACK:
            bound = at - reach if since is None else max(since, at - reach)
            span = store.span_before(self.connection, worker, at, bound, analysis.SPAN_GAP_S)
            if span.start is None or span.latest is None or at - span.latest > silence:
                return at
            start = span.start
            # The first position looked at begins the span only if nothing can be hidden just before the bound.
            if start != span.earliest or start - bound > silence or bound == since:
                break
        return start

    def _tell(self, newest: Sequence[tuple[Fix, str]], alerted: dict[int, bool]) -> None:
        """Notices of where workers are now, by street, so that most listeners get whole messages."""
        by_street: dict[str, list[list[Any]]] = {}
        for fix, _ in newest:
            worker = self.workers[fix.worker]
            by_street.setdefault(worker.place[:9], []).append(
                [
                    worker.id,
                    worker.place,
                    worker.name,
                    round(fix.lon, 7),
                    round(fix.lat, 7),
                    int(fix.at.timestamp() * 1000),
                    None if fix.speed is None else round(fix.speed, 1),
                    int(alerted[worker.id]),
                ]
            )
        notify_many(self.connection, "fix", list(by_street.items()))


def _instant_of(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _flag(kept: Kept, verdict: Verdict) -> str:
    return verdict.value or ("late" if kept.received_at - kept.fix.at > LATE else "")


def may_watch(reader: Reader) -> bool:
    """Whether the reader's role may see where workers are."""
    return reader.role is Role.ADMIN or reader.role in WATCHERS


def live(database: Database, reader: Reader, prefix: str = "") -> dict[str, Any]:
    """Workers within the reader's scope with their newest positions, and the moment of the answer.

    Raises:
        Forbidden: the reader's role has no part in it.
    """
    reader.require(*WATCHERS)
    with database.begin(reader) as connection:
        rows = store.live(connection, prefix)
    return {"moment": clock.now().isoformat(), "workers": [dict(row) for row in rows]}


def track_of_day(database: Database, reader: Reader, worker: int, day: date) -> dict[str, Any]:
    """A worker's track of one local day as GeoJSON, judged, with its length, gaps and jumps.

    Raises:
        NotFound: no such worker within the reader's scope.
    """
    first, last = clock.day_bounds(day)
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

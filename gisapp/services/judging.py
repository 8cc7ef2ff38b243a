"""Judging new positions within a transaction: where they lie, what the rules make of them, and all that follows.

Positions that are newer than what is known go on from the rules' memory; where something came late, the rules run again
over the whole span that it belongs to. So the same positions lead to the same alerts in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from gisapp.analytics import tracks as analysis
from gisapp.analytics.tracks import Verdict
from gisapp.checks import engine
from gisapp.checks.registry import rules
from gisapp.domain.workers import MAX_AGE, Fix
from gisapp.services.alerting import Proof, settle
from gisapp.services.grounds import grounds_of
from gisapp.store import alerts as alert_store
from gisapp.store import workers as store
from gisapp.store.alerts import Stored
from gisapp.store.database import Database
from gisapp.store.notices import notify_items
from gisapp.store.workers import Kept, StoredState, Worker

#: a position that arrives so much after its instant is flagged late
LATE = timedelta(minutes=5)
#: how far back the beginning of a span is looked for, step by step
_LOOK_BACK = (timedelta(hours=3), timedelta(hours=30), MAX_AGE + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class _Case:
    """What is new of one worker.

    Attributes:
        found: new positions in order; ``first`` is the index of the first among all of the transaction.
        since: nothing before this instant is judged; None where there is no such bound.
        skipped: how many of the found lie before it.
        moved: the worker has another ground than the one that the memory was made on.
    """

    worker: Worker
    found: list[Fix]
    first: int
    memory: StoredState | None
    since: datetime | None
    skipped: int
    moved: bool

    @property
    def judged(self) -> list[Fix]:
        """The positions that are judged."""
        return self.found[self.skipped :] if self.skipped else self.found

    @property
    def indices(self) -> range:
        """Their indices among all of the transaction."""
        return range(self.first + self.skipped, self.first + len(self.found))

    @property
    def late(self) -> bool:
        """Whether something of it lies before what the memory knows, so that the rules must run again."""
        judged = self.judged
        return self.memory is not None and not self.moved and bool(judged) and judged[0].at <= self.memory.at


class Judging:
    """The new positions of one transaction that holds the grids, and whose workers are locked."""

    def __init__(
        self, connection: Connection, database: Database, workers: dict[int, Worker], now: datetime
    ) -> None:
        self.connection = connection
        self.workers = workers
        self.now = now
        self.rules = rules()
        self.raised: list[tuple[int, tuple[int, datetime]]] = []
        """Id of each alert that was raised, and the worker and instant of the position that proves it."""
        self._timeline = grounds_of(database).timeline(connection)

    def take(self, new: dict[int, list[Fix]]) -> int:
        """Judge and store new positions by worker, in order; returns how many were stored."""
        fixes = [fix for found in new.values() for fix in found]
        if not fixes:
            return 0
        places, outside = self._locate(fixes)
        flags = ["late" if self.now - fix.at > LATE else "" for fix in fixes]
        cases = self._cases(new)
        again = [case for case in cases if case.late]
        runs = self._onwards([case for case in cases if not case.late], outside, flags)
        stored_alerts: dict[int, list[Stored]] = {}
        if again:
            late_runs, stored_alerts = self._again(again, outside, flags)
            runs |= late_runs
        proofs = [
            Proof(case.worker, runs[case.worker.id].episodes, stored_alerts.get(case.worker.id))
            for case in cases
        ]
        self.raised = settle(self.connection, proofs)
        stored = store.add(self.connection, fixes, places, flags)
        newest = [row for case in cases if (row := self._newest(case, places, flags)) is not None]
        store.move(self.connection, newest)
        store.save_states(
            self.connection, {case.worker.id: _remember(case, runs[case.worker.id]) for case in cases}
        )
        self._tell(newest, {worker: bool(run.memory.open_alerts) for worker, run in runs.items()})
        return stored

    def _cases(self, new: dict[int, list[Fix]]) -> list[_Case]:
        memories = store.states(self.connection, new)
        cases = []
        first = 0
        for identifier, found in new.items():
            worker, memory = self.workers[identifier], memories.get(identifier)
            # A worker who moves to another ground is judged from there on; what was before is not judged by the new one.
            moved = memory is not None and memory.place != worker.place
            since = _instant_of(memory.state.get("since")) if memory is not None else None
            if moved and memory is not None:
                since = max(memory.at, found[0].at)
            skipped = 0 if since is None else sum(fix.at < since for fix in found)
            cases.append(_Case(worker, found, first, memory, since, skipped, moved))
            first += len(found)
        return cases

    def _newest(self, case: _Case, places: list[str], flags: list[str]) -> tuple[Fix, str] | None:
        """The worker's newest good position with its place, if it is newer than the one that is known."""
        for offset in range(len(case.found) - 1, -1, -1):
            fix, index = case.found[offset], case.first + offset
            if flags[index] not in (Verdict.JUMP, Verdict.COARSE):
                last_at = case.worker.last_at
                return (fix, places[index]) if last_at is None or fix.at > last_at else None
        return None

    def _locate(self, fixes: Sequence[Fix]) -> tuple[list[str], list[float | None]]:
        """Place key and metres outside the own ground of each position, by the grids of its instant."""
        places: list[str] = [""] * len(fixes)
        outside: list[float | None] = [None] * len(fixes)
        by_span: dict[int, list[int]] = {}
        for i, fix in enumerate(fixes):
            by_span.setdefault(self._timeline.span(fix.at), []).append(i)
        for span, which in by_span.items():
            ground = self._timeline.ground(span)
            lon, lat = np.array([fixes[i].lon for i in which]), np.array([fixes[i].lat for i in which])
            own = [self.workers[fixes[i].worker].place_at(fixes[i].at) for i in which]
            found = zip(which, ground.places(lon, lat), ground.outside(own, lon, lat), own, strict=True)
            for i, place, metres, home in found:
                # In no region at all: the worker's district is the deepest that is known.
                places[i], outside[i] = place or home[:6], metres
        return places, outside

    def _onwards(
        self, cases: Sequence[_Case], outside: list[float | None], flags: list[str]
    ) -> dict[int, engine.Run]:
        """Run the rules on from what is remembered; writes the verdicts into the flags."""
        moved = [case.worker.id for case in cases if case.moved]
        opened = alert_store.open_ones(self.connection, moved) if moved else {}
        runs = {}
        for case in cases:
            if case.memory is None or case.moved:
                own = frozenset(rule for rule, worker in opened if worker == case.worker.id)
                start = engine.Memory.fresh(self.rules, own)
            else:
                start = engine.Memory.from_json(case.memory.state)
            run = engine.run(self.rules, start, case.judged, [outside[i] for i in case.indices])
            for index, verdict in zip(case.indices, run.verdicts, strict=True):
                flags[index] = verdict.value or flags[index]
            runs[case.worker.id] = run
        return runs

    def _again(
        self, cases: Sequence[_Case], outside: list[float | None], flags: list[str]
    ) -> tuple[dict[int, engine.Run], dict[int, list[Stored]]]:
        """Run the rules over the whole spans that late positions belong to, and all that follows them.

        Returns:
            the runs, and the alerts that stood open at the beginning of each or were opened later, by worker.
        """
        begins = self._span_starts(cases)
        kept = store.tracks(self.connection, begins, self.now + timedelta(days=1))
        metres = iter(self._locate([k.fix for found in kept.values() for k in found])[1])
        outside_of = {worker: [next(metres) for _ in found] for worker, found in kept.items()}
        before = alert_store.since(self.connection, begins)
        runs: dict[int, engine.Run] = {}
        changed: dict[tuple[int, datetime], str] = {}
        for case in cases:
            worker = case.worker.id
            known = {k.fix.at: (k, m) for k, m in zip(kept[worker], outside_of[worker], strict=True)}
            new = dict(zip((fix.at for fix in case.judged), case.indices, strict=True))
            whole = analysis.in_order([*(k.fix for k in kept[worker]), *case.judged])
            distances = [known[f.at][1] if f.at in known else outside[new[f.at]] for f in whole]
            earlier = frozenset(a.rule for a in before[worker] if a.opened_at < begins[worker])
            run = engine.run(self.rules, engine.Memory.fresh(self.rules, earlier), whole, distances)
            for fix, verdict in zip(whole, run.verdicts, strict=True):
                if fix.at not in known:
                    flags[new[fix.at]] = verdict.value or flags[new[fix.at]]
                elif (flag := _flag(known[fix.at][0], verdict)) != known[fix.at][0].flag:
                    changed[worker, fix.at] = flag
            runs[worker] = run
        store.change_flags(self.connection, changed)
        return runs, before

    def _span_starts(self, cases: Sequence[_Case]) -> dict[int, datetime]:
        """First instant of the span that each late position belongs to, its own where it begins one."""
        silence = timedelta(seconds=analysis.SPAN_GAP_S)
        starts = {case.worker.id: case.judged[0].at for case in cases}
        open_ = list(cases)
        for reach in _LOOK_BACK:
            asked: dict[int, tuple[datetime, datetime]] = {}
            for case in open_:
                at = case.judged[0].at
                bound = at - reach if case.since is None else max(case.since, at - reach)
                asked[case.worker.id] = (at, bound)
            spans = store.spans_before(self.connection, asked, analysis.SPAN_GAP_S)
            further = []
            for case in open_:
                (at, bound), span = asked[case.worker.id], spans[case.worker.id]
                if span.start is None or span.latest is None or at - span.latest > silence:
                    starts[case.worker.id] = at
                    continue
                starts[case.worker.id] = span.start
                # The first position looked at begins the span only if nothing can be hidden just before the bound.
                if span.start == span.earliest and span.start - bound <= silence and bound != case.since:
                    further.append(case)
            open_ = further
            if not open_:
                break
        return starts

    def _tell(self, newest: Sequence[tuple[Fix, str]], alerted: dict[int, bool]) -> None:
        """Notices of where workers are now."""
        moves: list[tuple[str, list[Any]]] = []
        for fix, _ in newest:
            worker = self.workers[fix.worker]
            move = [
                worker.id,
                worker.place,
                worker.name,
                round(fix.lon, 7),
                round(fix.lat, 7),
                int(fix.at.timestamp() * 1000),
                None if fix.speed is None else round(fix.speed, 1),
                int(alerted[worker.id]),
            ]
            moves.append((worker.place, move))
        notify_items(self.connection, "fix", moves)


def _remember(case: _Case, run: engine.Run) -> StoredState:
    at = case.found[-1].at if case.memory is None else max(case.found[-1].at, case.memory.at)
    since = {"since": case.since.isoformat()} if case.since else {}
    return StoredState(case.worker.place, at, run.memory.as_json() | since)


def _instant_of(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _flag(kept: Kept, verdict: Verdict) -> str:
    return verdict.value or ("late" if kept.received_at - kept.fix.at > LATE else "")

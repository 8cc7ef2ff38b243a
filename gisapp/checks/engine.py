"""Runs a rule along the positions of one worker, and says which alerts they prove.

The positions are those of one worker in order. Silence longer than ``SPAN_GAP_S`` begins a new span, whose judgement
needs nothing of what was before but whether an alert is open. So positions that come late are judged by running again
from the beginning of their span, and the outcome is the same whatever the order in which they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gisapp.analytics.tracks import SPAN_GAP_S, TrackState, Verdict, classify
from gisapp.checks.definition import Context, Raised, Rule, State
from gisapp.domain.workers import Fix

OutsideOf = Callable[[Fix], float | None]
"""Metres of a position outside its worker's own ground; see ``Context.outside_m``."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of one worker and rule between two batches: the track's state and the rule's."""

    track: TrackState
    rule: State

    def as_json(self) -> dict[str, Any]:
        return {"track": self.track.as_json(), "rule": dict(self.rule)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Memory:
        return cls(TrackState.from_json(value["track"]), value["rule"])

    @classmethod
    def fresh(cls, rule: Rule, *, open_alert: bool = False) -> Memory:
        """Memory at the beginning of a span."""
        return cls(TrackState(), rule.start(open_alert))


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert from its opening to the return; ``raised`` is None where it was open before the run began."""

    raised: Raised | None
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Outcome of a run.

    Attributes:
        memory: after the last position.
        episodes: alerts in order; the first may have been open before.
        verdicts: one for each position.
    """

    memory: Memory
    episodes: list[Episode]
    verdicts: list[Verdict]


def run(rule: Rule, memory: Memory, fixes: Iterable[Fix], outside_of: OutsideOf) -> Run:
    """Run a rule along positions.

    Args:
        rule: the rule.
        memory: before the first position.
        fixes: positions of one worker in order, each instant once, all later than the memory's newest.
        outside_of: metres outside the own ground.
    """
    track, state = memory.track, memory.rule
    episodes: list[Episode] = [Episode(None)] if state["open"] else []
    verdicts: list[Verdict] = []
    for fix in fixes:
        if track.newest is not None and fix.at.timestamp() - track.newest > SPAN_GAP_S:
            state = rule.start(bool(state["open"]))
        track, verdict = classify(track, fix)
        verdicts.append(verdict)
        done = rule.step(state, fix, Context(verdict, outside_of(fix)))
        state = done.state
        if done.raised is not None:
            episodes.append(Episode(done.raised))
        if done.returned is not None and episodes:
            episodes[-1] = replace(episodes[-1], returned_at=done.returned)
    return Run(Memory(track, state), episodes, verdicts)

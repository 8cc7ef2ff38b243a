"""Runs the rules along the positions of one worker, and says which alerts they prove.

The positions are those of one worker in order. Silence longer than ``SPAN_GAP_S`` begins a new span, whose judgement
needs nothing of what was before but which alerts are open. So positions that come late are judged by running again from
the beginning of their span, and the outcome is the same whatever the order in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gisapp.analytics.tracks import SPAN_GAP_S, TrackState, Verdict, classify
from gisapp.checks.definition import Context, Raised, Rule, State
from gisapp.domain.workers import Fix


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of one worker between two batches: the track's state and that of each rule by its id."""

    track: TrackState
    rules: Mapping[str, State]

    def as_json(self) -> dict[str, Any]:
        return {
            "track": self.track.as_json(),
            "rules": {key: dict(state) for key, state in self.rules.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Memory:
        return cls(TrackState.from_json(value["track"]), value["rules"])

    @classmethod
    def fresh(cls, rules: Mapping[str, Rule], open_alerts: frozenset[str] = frozenset()) -> Memory:
        """Memory at the beginning of a span, in which alerts of some rules are open."""
        return cls(TrackState(), {key: rule.start(key in open_alerts) for key, rule in rules.items()})

    @property
    def open_alerts(self) -> frozenset[str]:
        """Rules of which an alert is open."""
        return frozenset(key for key, state in self.rules.items() if state["open"])


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
        episodes: alerts of each rule in order; the first may have been open before.
        verdicts: one for each position.
    """

    memory: Memory
    episodes: Mapping[str, list[Episode]]
    verdicts: list[Verdict]


def run(
    rules: Mapping[str, Rule], memory: Memory, fixes: Sequence[Fix], outside: Sequence[float | None]
) -> Run:
    """Run rules along positions.

    Args:
        rules: by id.
        memory: before the first position; a rule it does not know begins here.
        fixes: positions of one worker in order, each instant once, all later than the memory's newest.
        outside: metres outside the own ground, one for each; see ``Context.outside_m``.
    """
    track = memory.track
    states = {key: memory.rules.get(key) or rule.start(False) for key, rule in rules.items()}
    episodes = {key: [Episode(None)] if state["open"] else [] for key, state in states.items()}
    verdicts: list[Verdict] = []
    for fix, metres in zip(fixes, outside, strict=True):
        if track.newest is not None and fix.at.timestamp() - track.newest > SPAN_GAP_S:
            states = {key: rule.start(bool(states[key]["open"])) for key, rule in rules.items()}
        track, verdict = classify(track, fix)
        verdicts.append(verdict)
        context = Context(verdict, metres)
        for key, rule in rules.items():
            done = rule.step(states[key], fix, context)
            states[key] = done.state
            if done.raised is not None:
                episodes[key].append(Episode(done.raised))
            if done.returned is not None and episodes[key]:
                episodes[key][-1] = replace(episodes[key][-1], returned_at=done.returned)
    return Run(Memory(track, states), episodes, verdicts)

"""What a rule is: a pure step from one position to the next, with its thresholds beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gisapp.analytics.tracks import Verdict
from gisapp.domain.vocabulary import term
from gisapp.domain.workers import Fix

State = Mapping[str, Any]
"""A rule's memory of one worker between two positions: JSON values only, because it is stored as such."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know beside the position itself.

    Attributes:
        verdict: what the track's classifier thinks of the position.
        outside_m: metres from the worker's own ground at the position's instant, 0 inside or on its border;
            None where that ground is not known.
    """

    verdict: Verdict
    outside_m: float | None


@dataclass(frozen=True, slots=True)
class Raised:
    """A rule is broken.

    Attributes:
        opened_at: when it was first broken; names the alert among those of one rule and worker.
        raised_at: instant of the position that proves it.
        evidence: what proves it, JSON values only.
        lon, lat: where, EPSG:4490 degrees.
    """

    opened_at: datetime
    raised_at: datetime
    lon: float
    lat: float
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What one position did: the memory after it, an alert raised, or things in order again since an instant."""

    state: State
    raised: Raised | None = None
    returned: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: identifier, and the name of its file.
        title: its term in the vocabulary.
        unit: unit of what it measures.
        source: the clause it comes from.
        summary: what it says, in Chinese, with its thresholds.
        start: memory of a worker of whom nothing is known but whether an alert is open.
        step: ``(state, fix, context) -> Step``; called in the order of instants, each instant once.
        sentence: title of an alert from the worker's name.
    """

    id: str
    title: str
    unit: str
    source: str
    summary: str
    start: Callable[[bool], State]
    step: Callable[[State, Fix, Context], Step]
    sentence: Callable[[str], str]

    @property
    def label(self) -> str:
        """Chinese name of the rule."""
        return term(self.title).zh

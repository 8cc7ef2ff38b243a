"""When something was done: the instant that was stated, the one at which it was recorded, and the one that counts.

Who works without a line states later when it was done. That counts as far back as ``MAX_BACK`` and never before the step
before it; beyond that the recorded instant counts. So nothing is closed in time by stating an earlier day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gisapp.domain import clock
from gisapp.errors import InputError

MAX_AHEAD = timedelta(minutes=2)
"""How far a terminal's clock may run ahead of ours."""
MAX_BACK = timedelta(hours=24)
"""How far back a stated instant counts."""


@dataclass(frozen=True, slots=True)
class Instants:
    """The instants of one step; all with a zone.

    Attributes:
        at: the one that counts: for the order of steps, the time limit, the indicators.
        stated_at: the one that was stated; None where none was.
        recorded_at: when the server took the step in.
    """

    at: datetime
    stated_at: datetime | None
    recorded_at: datetime


def counting(stated: datetime | None, recorded: datetime, before: datetime | None = None) -> Instants:
    """The instants of a step.

    Args:
        stated: what the terminal states; without a zone it is taken for local time.
        recorded: the server's instant, taken when nobody else can act any more.
        before: the instant that counts of the step before; None for the first one.

    Raises:
        InputError: the stated instant lies more than ``MAX_AHEAD`` after the recorded one.
    """
    # A server's clock may be set back: the recorded instant still does not count as earlier than the step before.
    own = recorded if before is None else max(recorded, before)
    if stated is None:
        return Instants(own, None, recorded)
    given = clock.local(stated)
    if given > recorded + MAX_AHEAD:
        raise InputError("时间晚于现在。", remedy="请核对终端的时间设置。", details={"field": "at"})
    counts = recorded - MAX_BACK <= given <= recorded and (before is None or given >= before)
    return Instants(given if counts else own, given, recorded)

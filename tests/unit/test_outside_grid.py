"""The fence rule: what raises an alert, what does not, and that order and doubles make no difference."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gisapp.checks.engine import Episode, Memory, run
from gisapp.checks.outside_grid import OUTSIDE_S, RULE, SILENCE_S
from gisapp.checks.registry import rules
from gisapp.domain.clock import ZONE
from gisapp.domain.workers import Fix
from tests.unit.test_tracks import fix

RULES = {RULE.id: RULE}
HALF = 150.0  # the own ground is a square of 300 m around the origin


@dataclass(frozen=True)
class Here:
    """A position with its metres outside the square."""

    fix: Fix
    outside: float


def at(seconds: float, x: float, y: float = 0.0, accuracy: float | None = 8.0) -> Here:
    dx, dy = max(abs(x) - HALF, 0.0), max(abs(y) - HALF, 0.0)
    return Here(fix(seconds, x, y, accuracy), (dx * dx + dy * dy) ** 0.5)


def judged(walk: list[Here]) -> list[Episode]:
    done = run(RULES, Memory.fresh(RULES), [h.fix for h in walk], [h.outside for h in walk])
    return done.episodes[RULE.id]


def line(start: float, end: float, x: float, every: float = 10.0, **more: float) -> list[Here]:
    count = int((end - start) / every)
    return [at(start + i * every, x, **more) for i in range(count + 1)]


def test_the_registry_knows_the_rule() -> None:
    assert rules()["outside_grid"] is RULE
    assert RULE.label == "电子围栏" and RULE.unit and RULE.source


def test_outside_for_the_stated_time_raises_once_and_the_return_is_recorded() -> None:
    walk = [*line(0, 60, 0.0), *line(70, 400, 260.0), *line(410, 440, 0.0)]
    episodes = judged(walk)
    assert len(episodes) == 1
    raised = episodes[0].raised
    assert raised is not None
    assert raised.opened_at == walk[7].fix.at
    assert (raised.raised_at - raised.opened_at).total_seconds() == OUTSIDE_S
    assert episodes[0].returned_at == at(410, 0.0).fix.at
    proof = raised.evidence["fixes"]
    assert proof[0]["at"] == raised.opened_at.isoformat() and proof[-1]["at"] == raised.raised_at.isoformat()
    assert all(row["outside_m"] == 110.0 for row in proof)


def test_a_short_absence_raises_nothing() -> None:
    assert judged([*line(0, 60, 0.0), *line(70, 70 + OUTSIDE_S - 10, 260.0), *line(200, 300, 0.0)]) == []


def test_standing_near_the_edge_with_an_honest_error_raises_nothing() -> None:
    dice = random.Random(5)
    walk = []
    for i in range(4000):
        # A 68 % radius of r means a standard deviation of r / 1.51 on each axis.
        walk.append(at(10.0 * i, HALF - 3 + dice.gauss(0, 20 / 1.51), dice.gauss(0, 20 / 1.51), 20.0))
    assert judged(walk) == []


def test_just_beyond_the_margin_is_noticed_and_within_it_is_not() -> None:
    assert judged([*line(0, 60, 0.0), *line(70, 400, HALF + 29.0, accuracy=10.0)]) == []
    assert len(judged([*line(0, 60, 0.0), *line(70, 400, HALF + 31.0, accuracy=10.0)])) == 1


def test_jumps_and_coarse_positions_neither_raise_nor_return() -> None:
    inside = line(0, 600, 0.0)
    wild = [at(305 + 60 * i, 6_000.0) for i in range(3)]
    assert judged(sorted([*inside, *wild], key=lambda h: h.fix.at)) == []
    outside = [*line(0, 60, 0.0), *line(70, 600, 400.0), at(605, 0.0, accuracy=900.0), at(610, 400.0)]
    episodes = judged(outside)
    assert len(episodes) == 1 and episodes[0].returned_at is None


def test_what_happened_in_a_silence_is_not_claimed() -> None:
    walk = [
        at(0, 0.0),
        at(10, 400.0),
        at(20 + SILENCE_S, 400.0),
        at(30 + SILENCE_S, 400.0),
        at(40 + SILENCE_S, 400.0),
    ]
    assert judged(walk) == []
    assert len(judged([*walk, *line(50 + SILENCE_S, 50 + SILENCE_S + OUTSIDE_S, 400.0)])) == 1


def test_still_outside_after_a_night_is_the_same_alert() -> None:
    walk = [*line(0, 400, 400.0), *line(40_000, 40_400, 400.0), at(40_410, 0.0)]
    episodes = judged(walk)
    assert len(episodes) == 1
    assert episodes[0].returned_at == at(40_410, 0.0).fix.at


def test_midnight_changes_nothing() -> None:
    late = datetime(2025, 3, 4, 23, 59, tzinfo=ZONE) - datetime(2025, 3, 4, 8, 0, tzinfo=ZONE)
    begin = late.total_seconds()
    episodes = judged([*line(begin - 60, begin - 10, 0.0), *line(begin, begin + 300, 400.0)])
    assert len(episodes) == 1
    raised = episodes[0].raised
    assert raised is not None and raised.raised_at.date() != raised.opened_at.date()


def test_memory_survives_json() -> None:
    walk = [*line(0, 60, 0.0), *line(70, 150, 260.0), at(155, 9000.0)]
    done = run(RULES, Memory.fresh(RULES), [h.fix for h in walk], [h.outside for h in walk])
    assert Memory.from_json(done.memory.as_json()) == done.memory


moves = st.lists(
    st.tuples(
        st.sampled_from([5.0, 10.0, 30.0, 170.0, 190.0, 2000.0]),
        st.sampled_from([0.0, 100.0, 160.0, 260.0, 9000.0]),
    ),
    min_size=1,
    max_size=60,
)


@given(moves, st.data())
def test_in_any_pieces_it_is_the_same(given_moves, data) -> None:
    """Judging on, batch by batch, gives what judging all at once gives."""
    seconds, walk = 0.0, []
    for pause, x in given_moves:
        seconds += pause
        walk.append(at(seconds, x))
    whole = run(RULES, Memory.fresh(RULES), [h.fix for h in walk], [h.outside for h in walk])
    cut = data.draw(st.integers(0, len(walk)))
    first = run(RULES, Memory.fresh(RULES), [h.fix for h in walk[:cut]], [h.outside for h in walk[:cut]])
    kept = Memory.from_json(first.memory.as_json())
    second = run(RULES, kept, [h.fix for h in walk[cut:]], [h.outside for h in walk[cut:]])
    assert second.memory == whole.memory
    assert first.verdicts + second.verdicts == whole.verdicts
    opened = [e.raised for e in [*first.episodes[RULE.id], *second.episodes[RULE.id]] if e.raised]
    assert opened == [e.raised for e in whole.episodes[RULE.id]]
    assert [e.returned_at for e in second.episodes[RULE.id]][-1:] in (
        [e.returned_at for e in whole.episodes[RULE.id]][-1:],
        [],
    )


@given(moves)
def test_a_span_needs_nothing_of_what_was_before(given_moves) -> None:
    """Judging may begin at the first position after a long silence, knowing only whether an alert is open."""
    seconds, walk, starts = 0.0, [], [0]
    for pause, x in given_moves:
        seconds += pause
        if pause == 2000.0 and walk:
            starts.append(len(walk))
        walk.append(at(seconds, x))
    whole = run(RULES, Memory.fresh(RULES), [h.fix for h in walk], [h.outside for h in walk])
    for start in starts:
        before = run(
            RULES, Memory.fresh(RULES), [h.fix for h in walk[:start]], [h.outside for h in walk[:start]]
        )
        memory = Memory.fresh(RULES, before.memory.open_alerts)
        rest = run(RULES, memory, [h.fix for h in walk[start:]], [h.outside for h in walk[start:]])
        assert rest.memory == whole.memory


def test_evidence_stays_bounded() -> None:
    walk = [at(0, 0.0), *line(20, 20 + OUTSIDE_S, 400.0, every=0.5)]
    raised = judged(walk)[0].raised
    assert raised is not None and len(raised.evidence["fixes"]) <= 40
    assert timedelta(seconds=raised.evidence["seconds"]) == timedelta(seconds=OUTSIDE_S)

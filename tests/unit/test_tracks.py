"""Tracks: order, doubles, jumps, gaps, lengths."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.analytics.crs import points_from_metric
from gisapp.analytics.tracks import (
    COARSE_M,
    GAP_S,
    SPAN_GAP_S,
    Verdict,
    as_geojson,
    in_order,
    judge,
    rough_metres,
)
from gisapp.domain.clock import ZONE
from gisapp.domain.workers import Fix

START = datetime(2025, 3, 4, 8, 0, tzinfo=ZONE)
EAST, NORTH = 500_000.0, 3_352_000.0


def fix(seconds: float, x: float = 0.0, y: float = 0.0, accuracy: float | None = 8.0) -> Fix:
    """A position x metres east and y metres north of a point in zone 40 (120° E)."""
    lon, lat = points_from_metric(EAST + x, NORTH + y, 40)
    return Fix(7, START + timedelta(seconds=seconds), float(lon), float(lat), accuracy)


def test_a_walk_is_one_piece_and_its_length_is_metric() -> None:
    track = judge(fix(10 * i, 14.0 * i) for i in range(30))
    assert [len(piece) for piece in track.pieces] == [30]
    assert track.metres == pytest.approx(14.0 * 29, abs=1e-3)
    assert not track.gaps and not track.jumps


def test_one_impossible_position_is_named_and_left_out() -> None:
    walk = [fix(10 * i, 10.0 * i) for i in range(10)]
    wild = fix(45, 8_000.0, 8_000.0)
    track = judge([*walk, wild])
    assert track.jumps == [wild]
    assert track.pieces == [walk]


def test_two_wild_positions_are_jumps_and_a_third_that_agrees_is_where_the_worker_is() -> None:
    here = [fix(10 * i) for i in range(5)]
    there = [fix(60 + 10 * i, 9_000.0) for i in range(6)]
    track = judge([*here, *there])
    assert track.jumps == there[:2]
    assert track.pieces[-1][-4:] == there[2:]


def test_wild_positions_that_do_not_agree_settle_nothing() -> None:
    wild = [fix(50 + 10 * i, 9_000.0 * (i + 1) * (-1) ** i) for i in range(6)]
    back = fix(120, 3.0)
    track = judge([fix(0), *wild, back])
    assert track.jumps == wild
    assert track.pieces[-1][-1] == back


def test_a_coarse_position_says_nothing() -> None:
    coarse = fix(10, 40_000.0, accuracy=COARSE_M + 1)
    track = judge([fix(0), coarse, fix(20)])
    assert track.verdicts == [Verdict.GOOD, Verdict.COARSE, Verdict.GOOD]


def test_gaps_are_named_and_a_line_never_crosses_one() -> None:
    track = judge([fix(0), fix(10), fix(10 + GAP_S + 1), fix(20 + GAP_S + 1)])
    assert [gap.seconds for gap in track.gaps] == [GAP_S + 1]
    lines = [f for f in as_geojson(track)["features"] if f["geometry"]["type"] == "LineString"]
    assert [len(line["properties"]["times"]) for line in lines] == [2, 2]


def test_after_a_long_silence_a_worker_may_be_anywhere() -> None:
    track = judge([fix(0), fix(SPAN_GAP_S + 1, 90_000.0)])
    assert not track.jumps


def test_of_two_messages_with_one_instant_the_more_accurate_stands() -> None:
    rough, fine = fix(0, 40.0, accuracy=60.0), fix(0, accuracy=5.0)
    assert in_order([rough, fine]) == in_order([fine, rough]) == [fine]


steps = st.lists(
    st.tuples(
        st.floats(1, 400),
        st.floats(-900, 900),
        st.floats(-900, 900),
        st.sampled_from([None, 5.0, 20.0, 150.0]),
    ),
    min_size=1,
    max_size=30,
)


def walk_of(given_steps: list[tuple[float, float, float, float | None]]) -> list[Fix]:
    at, walk = 0.0, []
    for seconds, x, y, accuracy in given_steps:
        at += seconds
        walk.append(fix(at, x, y, accuracy))
    return walk


@given(steps, st.randoms(use_true_random=False))
def test_order_and_doubles_do_not_matter(given_steps, random) -> None:
    walk = walk_of(given_steps)
    messages = walk + random.choices(walk, k=len(walk))
    random.shuffle(messages)
    assert judge(messages) == judge(walk)


@given(steps)
def test_every_position_is_judged_once_and_good_ones_fill_the_pieces(given_steps) -> None:
    track = judge(walk_of(given_steps))
    good = [f for f, v in zip(track.fixes, track.verdicts, strict=True) if v is Verdict.GOOD]
    assert [f for piece in track.pieces for f in piece] == good
    assert len(track.gaps) == max(len(track.pieces) - 1, 0)


@given(st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_rough_metres_are_good_to_a_thousandth(x: float, y: float) -> None:
    a, b = fix(0), fix(0, x, y)
    assert rough_metres(a.lon, a.lat, b.lon, b.lat) == pytest.approx(
        (x * x + y * y) ** 0.5, rel=1e-3, abs=1e-4
    )

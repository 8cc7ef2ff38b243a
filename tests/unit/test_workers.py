"""Messages of terminals: what is taken in, and how each refusal reads."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gisapp.domain.clock import ZONE
from gisapp.domain.workers import MAX_BATCH, Fix, Refusal, read_batch, read_fix
from gisapp.errors import InputError

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=ZONE)
GOOD = {
    "id": "a-1", "worker": 7, "at": NOW.isoformat(), "lon": 120.17, "lat": 30.28, "accuracy": 9.5, "speed": 1.2,
}  # fmt: skip


def test_a_good_message_becomes_a_fix() -> None:
    assert read_fix(GOOD, NOW) == Fix(7, NOW, 120.17, 30.28, 9.5, 1.2, "a-1")


def test_what_a_terminal_does_not_know_may_be_missing() -> None:
    bare = {key: GOOD[key] for key in ("worker", "at", "lon", "lat")}
    assert read_fix(bare, NOW) == Fix(7, NOW, 120.17, 30.28)


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("worker", "7", "编号"),
        ("worker", True, "编号"),
        ("worker", 0, "编号"),
        ("worker", None, "编号"),
        ("at", None, "缺失"),
        ("at", "yesterday", "无法识别"),
        ("at", "2025-03-04T12:00:00", "时区"),
        ("at", (NOW + timedelta(minutes=3)).isoformat(), "晚 180 秒"),
        ("at", (NOW - timedelta(days=31)).isoformat(), "30 天"),
        ("lon", 200.0, "超出"),
        ("lon", "120.17", "不是数字"),
        ("lon", float("nan"), "不是数字"),
        ("lat", 120.17, "超出"),
        ("lat", None, "缺失"),
        ("accuracy", -1, "精度"),
        ("accuracy", 1e6, "精度"),
        ("speed", -0.1, "速度"),
        ("speed", 500.0, "速度"),
        ("speed", "fast", "速度"),
        ("id", "x" * 65, "编号"),
    ],
)
def test_each_wrong_field_is_named_with_reason_and_remedy(field: str, value: object, word: str) -> None:
    refusal = read_fix({**GOOD, field: value}, NOW, 3)
    assert isinstance(refusal, Refusal)
    assert (refusal.index, refusal.field) == (3, field)
    assert word in refusal.message and refusal.remedy
    assert set(refusal.as_json()) == {"index", "field", "value", "message", "remedy"}


def test_a_terminal_without_a_position_is_told_so() -> None:
    refusal = read_fix({**GOOD, "lon": 0, "lat": 0.0}, NOW)
    assert isinstance(refusal, Refusal) and "尚未定位" in refusal.message


def test_two_minutes_ahead_is_a_clock_and_is_taken() -> None:
    assert isinstance(read_fix({**GOOD, "at": (NOW + timedelta(minutes=2)).isoformat()}, NOW), Fix)


def test_the_good_ones_of_a_batch_are_read_beside_the_bad() -> None:
    fixes, refused = read_batch([GOOD, "nonsense", {**GOOD, "lat": 99}], NOW)
    assert [index for index, _ in fixes] == [0]
    assert [refusal.index for refusal in refused] == [1, 2]


def test_a_batch_has_a_limit() -> None:
    with pytest.raises(InputError, match="超过上限"):
        read_batch([GOOD] * (MAX_BATCH + 1), NOW)

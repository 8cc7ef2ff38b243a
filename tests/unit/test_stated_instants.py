"""Which instant of a step counts: values worked out by hand, at midnight, month and year ends in Asia/Shanghai."""

from __future__ import annotations

from datetime import datetime

import pytest

from gisapp.domain import clock
from gisapp.domain.stated_instants import counting
from gisapp.errors import InputError


def at(text: str) -> datetime:
    return clock.local(datetime.fromisoformat(text))


RECORDED = at("2026-12-01T00:00:30")


@pytest.mark.parametrize(
    ("stated", "before", "counts"),
    [
        # the recorded instant lies 30 s after midnight of 1 December
        (None, None, "2026-12-01T00:00:30"),
        ("2026-12-01T00:00:30+08:00", None, "2026-12-01T00:00:30"),
        ("2026-12-01T00:00:00+08:00", None, "2026-12-01T00:00:00"),
        ("2026-11-30T23:59:59+08:00", None, "2026-11-30T23:59:59"),
        ("2026-11-30T15:59:59+00:00", None, "2026-11-30T23:59:59"),
        ("2026-11-30T23:59:59", None, "2026-11-30T23:59:59"),
        # 24 h back exactly, and one second more
        ("2026-11-30T00:00:30+08:00", None, "2026-11-30T00:00:30"),
        ("2026-11-30T00:00:29+08:00", None, "2026-12-01T00:00:30"),
        ("2026-11-01T09:00:00+08:00", None, "2026-12-01T00:00:30"),
        # a clock that runs ahead, up to two minutes
        ("2026-12-01T00:00:31+08:00", None, "2026-12-01T00:00:30"),
        ("2026-12-01T00:02:30+08:00", None, "2026-12-01T00:00:30"),
        # the step before it was taken at ten minutes to midnight
        ("2026-11-30T23:50:00+08:00", "2026-11-30T23:50:00", "2026-11-30T23:50:00"),
        ("2026-11-30T23:50:01+08:00", "2026-11-30T23:50:00", "2026-11-30T23:50:01"),
        ("2026-11-30T23:49:59+08:00", "2026-11-30T23:50:00", "2026-12-01T00:00:30"),
        # the step before it lies longer back than 24 h
        ("2026-11-29T12:00:00+08:00", "2026-11-29T11:00:00", "2026-12-01T00:00:30"),
        # the server's clock was set back after the step before
        (None, "2026-12-01T00:00:35", "2026-12-01T00:00:35"),
        ("2026-12-01T00:00:30+08:00", "2026-12-01T00:00:35", "2026-12-01T00:00:35"),
    ],
)
def test_which_instant_counts(stated: str | None, before: str | None, counts: str) -> None:
    given = None if stated is None else datetime.fromisoformat(stated)
    found = counting(given, RECORDED, None if before is None else at(before))
    assert found.at == at(counts)
    assert found.recorded_at == RECORDED
    assert found.stated_at == (None if given is None else clock.local(given))


def test_at_the_turn_of_the_year() -> None:
    midnight = at("2027-01-01T00:00:00")
    assert counting(at("2026-12-31T00:00:00"), midnight).at == at("2026-12-31T00:00:00")
    assert counting(at("2026-12-30T23:59:59"), midnight).at == midnight


@pytest.mark.parametrize("stated", ["2026-12-01T00:02:31+08:00", "2027-01-01T00:00:00+08:00"])
def test_more_than_two_minutes_ahead_is_refused(stated: str) -> None:
    with pytest.raises(InputError) as refused:
        counting(datetime.fromisoformat(stated), RECORDED)
    assert refused.value.details["field"] == "at" and refused.value.remedy

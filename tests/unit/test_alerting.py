"""Which stored alert an episode is, when late positions change what is proved."""

from __future__ import annotations

from datetime import datetime, timedelta

from gisapp.checks.definition import Raised
from gisapp.checks.engine import Episode
from gisapp.domain.clock import ZONE
from gisapp.services.alerting import match
from gisapp.store.alerts import Stored

START = datetime(2025, 3, 4, 8, 0, tzinfo=ZONE)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def stored(number: int, opened: float, returned: float | None) -> Stored:
    return Stored(
        number, "outside_grid", 7, at(opened), at(opened + 2), None if returned is None else at(returned)
    )


def episode(opened: float | None, returned: float | None) -> Episode:
    raised = None if opened is None else Raised(at(opened), at(opened + 2), 120.0, 30.0)
    return Episode(raised, None if returned is None else at(returned))


def numbers(found: list[Episode], known: list[Stored]) -> tuple[list[int | None], list[int]]:
    pairs, gone = match(found, known)
    return [alert.id if alert else None for _, alert in pairs], [alert.id for alert in gone]


def test_an_earlier_opening_or_a_later_return_is_the_same_alert() -> None:
    assert numbers([episode(5, 30)], [stored(1, 8, 20)]) == ([1], [])
    assert numbers([episode(5, None)], [stored(1, 8, 20)]) == ([1], [])


def test_what_nothing_proves_any_more_is_gone() -> None:
    assert numbers([], [stored(1, 8, 20), stored(2, 30, None)]) == ([], [1, 2])


def test_two_that_turn_out_to_be_one_keep_the_first() -> None:
    assert numbers([episode(5, 60)], [stored(1, 8, 20), stored(2, 30, 50)]) == ([1], [2])


def test_one_that_turns_out_to_be_two_is_the_first_of_them() -> None:
    assert numbers([episode(5, 20), episode(30, 60)], [stored(1, 5, 60)]) == ([1, None], [])


def test_one_after_the_other_is_not_the_same() -> None:
    assert numbers([episode(20, 30)], [stored(1, 5, 20)]) == ([None], [1])


def test_what_was_open_before_is_what_is_stored_first() -> None:
    assert numbers([episode(None, 10), episode(20, None)], [stored(1, -60, None)]) == ([1, None], [])

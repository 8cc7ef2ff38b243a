"""Failed sign-ins: a stranger keeps himself out, and not the owner."""

from __future__ import annotations

import pytest

from gisapp.errors import TooMany
from gisapp.services import tries as module
from gisapp.services.tries import Tries
from tests.unit.test_buckets import Clock

OWNER, STRANGER = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> Tries:
    return Tries(clock)


def waits(tries: Tries, login: str, address: str) -> int:
    """Seconds that a try is told to wait; 0 where it may be made."""
    try:
        tries.check(login, address)
    except TooMany as refused:
        assert refused.status == 429 and str(refused.retry_after) in str(refused.remedy)
        return refused.retry_after
    return 0


def fail(tries: Tries, login: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        tries.failed(login, address)


def test_five_wrong_passwords_pause_a_minute_and_each_further_one_twice_as_long(
    tries: Tries, clock: Clock
) -> None:
    fail(tries, "leader", OWNER, 4)
    assert waits(tries, "leader", OWNER) == 0
    expected = [60, 120, 240, 480, 960, 1920, 3600, 3600]
    for pause in expected:
        fail(tries, "leader", OWNER)
        assert waits(tries, "leader", OWNER) == pause
        clock.at += pause - 1
        assert waits(tries, "leader", OWNER) == 1
        clock.at += 1
        assert waits(tries, "leader", OWNER) == 0


def test_a_stranger_does_not_lock_the_owner_out(tries: Tries) -> None:
    fail(tries, "leader", STRANGER, 5)
    assert waits(tries, "leader", STRANGER) == 60
    assert waits(tries, "leader", OWNER) == 0
    assert waits(tries, "manager", STRANGER) == 0


def test_a_sign_in_forgets_what_failed_before(tries: Tries) -> None:
    fail(tries, "leader", OWNER, 4)
    tries.succeeded("leader", OWNER)
    fail(tries, "leader", OWNER, 4)
    assert waits(tries, "leader", OWNER) == 0
    fail(tries, "leader", OWNER)
    assert waits(tries, "leader", OWNER) == 60


def test_failures_of_yesterday_do_not_count(tries: Tries, clock: Clock) -> None:
    fail(tries, "leader", OWNER, 4)
    clock.at += 24 * 3600 + 1
    fail(tries, "leader", OWNER)
    assert waits(tries, "leader", OWNER) == 0


def test_guesses_from_very_many_addresses_are_slowed_but_never_lock_a_known_address(
    tries: Tries, clock: Clock
) -> None:
    tries.succeeded("leader", OWNER)
    for number in range(60):
        assert waits(tries, "leader", f"10.7.0.{number}") == 0
        fail(tries, "leader", f"10.7.0.{number}")
    assert waits(tries, "leader", "10.8.0.1") == 5  # one guess every five seconds, from wherever
    assert waits(tries, "leader", OWNER) == 0
    assert waits(tries, "manager", "10.8.0.1") == 0
    clock.at += 5
    assert waits(tries, "leader", "10.8.0.1") == 0


def test_the_owner_who_mistypes_does_not_use_up_what_strangers_may(tries: Tries) -> None:
    tries.succeeded("leader", OWNER)
    fail(tries, "leader", OWNER, 60)
    assert waits(tries, "leader", STRANGER) == 0


def test_one_address_that_tries_every_login_is_slowed(tries: Tries, clock: Clock) -> None:
    for number in range(60):
        assert waits(tries, f"user{number}", STRANGER) == 0
        fail(tries, f"user{number}", STRANGER)
    assert waits(tries, "somebody", STRANGER) == 10
    assert waits(tries, "somebody", OWNER) == 0


def test_an_address_of_ipv6_is_its_network(tries: Tries) -> None:
    for number in range(5):
        fail(tries, "leader", f"2001:db8::{number}")
    assert waits(tries, "leader", "2001:db8::ffff") == 60


def test_the_last_eight_addresses_of_an_owner_are_known(tries: Tries) -> None:
    for number in range(9):
        tries.succeeded("leader", f"10.1.0.{number}")
    for number in range(60):
        fail(tries, "leader", f"10.7.0.{number}")
    assert waits(tries, "leader", "10.1.0.0") > 0
    assert [waits(tries, "leader", f"10.1.0.{number}") for number in range(1, 9)] == [0] * 8


def test_memory_is_bounded_whatever_is_typed(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 10)
    for number in range(30):
        fail(tries, f"user{number}" * 100 + "\ud800", STRANGER)
        tries.succeeded(f"owner{number}", OWNER)
    assert len(tries._failed) == len(tries._known) == 10
    assert {len(key) for key in tries._failed} == {16}

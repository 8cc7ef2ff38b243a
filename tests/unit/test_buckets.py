"""Buckets of tokens: a burst, then so many a second, for each key by itself and in bounded memory."""

from __future__ import annotations

import pytest

from gisapp.domain.buckets import Buckets, address_key


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_then_so_many_a_second(clock: Clock) -> None:
    buckets = Buckets(3, 2.0, now=clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("a") == pytest.approx(0.5)  # what is refused takes nothing
    clock.at += 0.5
    assert buckets.take("a") == 0
    assert buckets.take("a") == pytest.approx(0.5)
    clock.at += 60
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


def test_keys_do_not_share_a_bucket(clock: Clock) -> None:
    buckets = Buckets(1, 1.0, now=clock)
    assert buckets.take("a") == 0
    assert buckets.take("b") == 0
    assert buckets.take("a") == pytest.approx(1.0)


def test_looking_takes_nothing(clock: Clock) -> None:
    buckets = Buckets(1, 1.0, now=clock)
    assert [buckets.wait("a") for _ in range(3)] == [0, 0, 0]
    assert len(buckets) == 0
    buckets.take("a")
    assert buckets.wait("a") == pytest.approx(1.0)


def test_what_is_given_back_can_be_taken_again(clock: Clock) -> None:
    buckets = Buckets(2, 1.0, now=clock)
    buckets.take("a")
    buckets.take("a")
    buckets.give_back("a")
    assert buckets.take("a") == 0
    assert buckets.take("a") == pytest.approx(1.0)
    buckets.give_back("a")
    buckets.give_back("a")
    assert len(buckets) == 0  # full again: not remembered
    buckets.give_back("a")
    assert [buckets.take("a") for _ in range(3)] == [0, 0, pytest.approx(1.0)]


def test_no_more_keys_are_remembered_than_said(clock: Clock) -> None:
    buckets = Buckets(1, 0.01, most=10, now=clock)
    buckets.take("first")
    for key in range(9):
        buckets.take(key)
    assert len(buckets) == 10
    assert buckets.wait("first") > 0
    buckets.take("one more")
    assert len(buckets) == 10
    assert buckets.wait("first") == 0  # forgotten, as it was seen least recently
    assert buckets.wait(8) > 0


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
        ("", ""),
        (None, ""),
        ("x" * 500, "x" * 100),
    ],
)
def test_a_sender_is_an_ipv4_address_or_a_network_of_ipv6(host: str | None, expected: str) -> None:
    assert address_key(host) == expected

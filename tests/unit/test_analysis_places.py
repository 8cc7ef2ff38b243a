"""Analyses that wait: an account has a few, so that the others' are computed too."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import InputError, TooMany
from gisapp.services import analysis_runs
from gisapp.services.analysis_runs import MOST_UNFINISHED, Job

ANNA = Reader(901, "anna", "安", Role.PLANNER, Scope(["330103"]))
BEI = Reader(902, "bei", "贝", Role.PLANNER, Scope(["330103"]))


class Shop:
    """Stands for the database and the work: runs are numbered, and end when the door is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.ended = threading.Semaphore(0)
        self.runs = 0

    def begin(self, _database: Any, _reader: Reader, job: Job) -> int:
        if not job.place:
            raise InputError("没有地点。")
        self.runs += 1
        return self.runs

    def compute(self, _database: Any, _reader: Reader, _run: int, _job: Job) -> None:
        assert self.open.wait(20)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    found = Shop()
    monkeypatch.setattr(analysis_runs, "_begin", found.begin)
    monkeypatch.setattr(analysis_runs, "_compute", found.compute)
    leave = analysis_runs._leave_place

    def left(reader: Reader) -> None:
        leave(reader)
        found.ended.release()

    monkeypatch.setattr(analysis_runs, "_leave_place", left)
    return found


def start(reader: Reader, place: str = "330103") -> int:
    parameters: Mapping[str, Any] = {}
    return analysis_runs.start(None, reader, Job("hotspot", place, "", parameters, None))  # type: ignore[arg-type]


def test_an_account_has_four_that_are_not_finished(shop: Shop) -> None:
    assert MOST_UNFINISHED == 4
    for _ in range(4):
        start(ANNA)
    with pytest.raises(TooMany) as refused:
        start(ANNA)
    assert "4 个分析" in refused.value.message and refused.value.retry_after == 10
    start(BEI)
    shop.open.set()
    for _ in range(5):
        assert shop.ended.acquire(timeout=20)
    start(ANNA)
    assert shop.ended.acquire(timeout=20)
    assert shop.runs == 6 and not analysis_runs._unfinished


def test_one_that_is_not_begun_takes_no_place(shop: Shop) -> None:
    for _ in range(6):
        with pytest.raises(InputError):
            start(ANNA, "")
    assert not analysis_runs._unfinished

"""Transactions side by side: one is stopped at a known place, another starts, and goes on only as far as it may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM
from gisapp.store.database import Database

PATIENCE_S = 30.0


class Stop:
    """A place in the program where one thread waits until it is let go; others pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self._reached, self._go = threading.Event(), threading.Event()
        real = getattr(module, name)

        def stopping(*given: Any, **named: Any) -> Any:
            if not self._reached.is_set():
                self._reached.set()
                assert self._go.wait(PATIENCE_S)
            return real(*given, **named)

        monkeypatch.setattr(module, name, stopping)

    def wait(self) -> None:
        """Until somebody stands there."""
        assert self._reached.wait(PATIENCE_S)

    def release(self) -> None:
        """Let it go on."""
        self._go.set()


class Task:
    """Work in a thread, with its outcome."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None

        def run() -> None:
            try:
                self.result = work()
            except BaseException as error:
                self.error = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def finish(self) -> Any:
        """Its result, or its error raised."""
        self._thread.join(PATIENCE_S)
        assert self.done
        if self.error is not None:
            raise self.error
        return self.result


def until_waiting(database: Database, task: Task) -> bool:
    """Wait until a transaction waits for an advisory lock (True), or the task has ended without (False)."""
    query = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if task.done:
            return False
        with database.begin(SYSTEM) as connection:
            if connection.execute(query).scalar_one():
                return True
        time.sleep(0.01)
    raise AssertionError("neither waits nor ends")

"""The log stays short whatever strangers send."""

from __future__ import annotations

import logging

from gisapp.api.quiet import PER_MINUTE, FewLines, keep_log_short
from tests.unit.test_buckets import Clock


def record(text: str, *values: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", level, "", 0, text, values, None)


def test_a_few_lines_of_a_kind_a_minute_and_then_how_many_there_were() -> None:
    clock = Clock()
    few = FewLines(2, clock)
    passed = [few.filter(record("Invalid HTTP request received.")) for _ in range(10)]
    assert passed == [True, True, *[False] * 8]
    clock.at += 59.9
    assert not few.filter(record("Invalid HTTP request received."))
    clock.at += 0.1
    last = record("Invalid HTTP request received.")
    assert few.filter(last)
    assert last.getMessage() == "Invalid HTTP request received. (and 9 more like it)"
    clock.at += 60
    alone = record("Invalid HTTP request received.")
    assert few.filter(alone) and alone.getMessage() == "Invalid HTTP request received."


def test_lines_are_of_one_kind_whatever_is_filled_in() -> None:
    few = FewLines(1, Clock())
    assert few.filter(record('%s - "WebSocket %s" 403', "10.0.0.1:1", "/a"))
    assert not few.filter(record('%s - "WebSocket %s" 403', "10.0.0.2:9", "/b"))
    assert few.filter(record('%s - "WebSocket %s" [accepted]', "10.0.0.2:9", "/b"))


def test_errors_are_always_written() -> None:
    few = FewLines(1, Clock())
    assert all(few.filter(record("Exception in ASGI application", level=logging.ERROR)) for _ in range(5))


def test_kinds_that_strangers_make_up_take_no_memory() -> None:
    few = FewLines(1, Clock())
    for number in range(1000):
        few.filter(record(f"{number}" * 100))
    assert len(few._seen) <= 101 and max(map(len, few._seen)) <= 200


def test_the_server_s_loggers_have_it_once() -> None:
    keep_log_short()
    keep_log_short()
    for name in ("uvicorn.error", "uvicorn.asgi", "websockets.server"):
        assert sum(isinstance(one, FewLines) for one in logging.getLogger(name).filters) == 1
    assert PER_MINUTE == 5

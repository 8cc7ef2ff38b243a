"""A log says what failed and where, and repeats no value."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import subprocess
import sys
import threading
import warnings
from typing import Any

import psycopg2
import pytest

from gisapp import logs
from gisapp.errors import InputError
from gisapp.logs import PlainFormatter, describe, kind_of

SECRET = "张三丰的身份证"


class Refused(psycopg2.errors.UniqueViolation):
    """As the driver raises it, with what it tells beside the text."""

    pgcode = "23505"

    class diag:
        table_name = "person"
        column_name = None
        constraint_name = "person_id_number_key"


class Wrapped(Exception):
    """As SQLAlchemy wraps it."""

    code = "gkpj"
    orig = Refused(f"DETAIL:  Key (name)=({SECRET}) already exists.")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError(SECRET), "KeyError"),
        (ValueError(f"could not convert string to float: '{SECRET}'"), "ValueError"),
        (FileNotFoundError(2, "No such file or directory", SECRET), "FileNotFoundError: [Errno 2] No such file or directory"),
        (InputError(f"“{SECRET}”不行"), "gisapp.errors.InputError: input"),
        (AttributeError(SECRET, name="worker_id", obj=None), "AttributeError: worker_id"),
        (AttributeError(SECRET, name=SECRET, obj=None), "AttributeError"),
        (ModuleNotFoundError(SECRET, name="numba.core"), "ModuleNotFoundError: numba.core"),
        (Wrapped(SECRET), "tests.unit.test_logs.Wrapped: SQLSTATE 23505, person, person_id_number_key, gkpj"),
    ],
)  # fmt: skip
def test_an_error_is_named_by_its_kind(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


def fail(text: str) -> None:
    try:
        raise KeyError(text)
    except KeyError as error:
        raise ValueError(f"no {text}") from error


def test_a_chain_of_errors_shows_where_and_not_what() -> None:
    with pytest.raises(ValueError) as caught:
        fail(SECRET)
    text = describe(caught.value)
    assert SECRET not in text
    assert text.index("KeyError") < text.index("which led to") < text.rindex("ValueError")
    assert "in fail" in text and "test_logs.py" in text


def test_a_group_of_errors_and_one_that_causes_itself_come_to_an_end() -> None:
    first, second = KeyError(SECRET), ValueError(SECRET)
    first.__context__, second.__context__ = second, first
    group = ExceptionGroup(SECRET, [first, TypeError(SECRET)])
    text = describe(group)
    assert SECRET not in text and "in it: TypeError" in text
    assert text.count("KeyError") == text.count("ValueError") == 1


def record(name: str, message: Any, *args: Any, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, "/somewhere/source.py", 7, message, args, info)


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (record("onemap.tracks", "%d posts failed", 3), "3 posts failed"),
        (record("onemap.tracks", "failed: %s", KeyError(SECRET)), "failed: KeyError"),
        (record("onemap.tracks", "%d posts", "three"), "source.py:7"),
        (record("uvicorn.error", "Started server process [%d]", 9), "Started server process [9]"),
        (record("uvicorn.error", OSError(98, f"address in use {SECRET}"[:14])), "OSError: [Errno 98] address in use"),
        (record("asyncio", f"Task exception was never retrieved: {SECRET}"), "source.py:7"),
        (record("some.library", "row %s", SECRET), "source.py:7"),
        (
            record("uvicorn.error", f'Traceback (most recent call last):\n  File "/a/b.py", line 3, in work\n    x()\n'
                                    f"sqlalchemy.exc.DataError: {SECRET}\n[parameters: {SECRET}]\n  {SECRET}"),
            '  File "/a/b.py", line 3, in work\nsqlalchemy.exc.DataError',
        ),
    ],
)  # fmt: skip
def test_a_message_holds_no_value_of_others(entry: logging.LogRecord, shown: str) -> None:
    assert PlainFormatter().message(entry) == shown


def test_a_record_with_an_error_is_written_with_place_and_kind() -> None:
    text = PlainFormatter().format(record("onemap.x", "it failed", error=KeyError(SECRET)))
    first, *rest = text.splitlines()
    assert first.endswith("ERROR onemap.x: it failed") and rest == ["KeyError"]


def test_addresses_of_sockets_are_not_written() -> None:
    opened = record(
        "uvicorn.error", '%s - "WebSocket %s" [accepted]', "127.0.0.1", f"/api/v1/live?text={SECRET}"
    )
    assert not logs._is_wanted(opened)
    assert logs._is_wanted(record("uvicorn.error", "Application startup complete."))
    assert logs._is_wanted(record("onemap.live", "WebSocket"))


PROGRAM = f"""
import logging, logging.config, sys, threading, warnings
from gisapp.logs import configuration
logging.config.dictConfig(configuration())
def fail(): raise ValueError({SECRET!r})
thread = threading.Thread(target=fail); thread.start(); thread.join()
warnings.warn({SECRET!r})
class Left:
    def __del__(self): fail()
Left()
logging.getLogger("onemap.x").info("written whole")
logging.getLogger("onemap.x").warning("bad %d", {SECRET!r})
logging.getLogger("library").warning({SECRET!r})
logging.getLogger("library").info("not written")
fail()
"""


def test_what_nobody_caught_is_written_without_values_too() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert SECRET not in done.stderr.replace(f"ValueError({SECRET!r})", "")
    # The thread, the object that was left over, and the program itself.
    assert done.stderr.count("\nValueError\n") == 3
    assert "UserWarning at " in done.stderr and "INFO onemap.x: written whole" in done.stderr
    assert "not written" not in done.stderr


def test_an_error_of_the_event_loop_is_written_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(logs.note_loop_error)
        loop.call_exception_handler({"message": SECRET, "exception": KeyError("x")})
        loop.call_exception_handler({"message": SECRET})

    asyncio.run(work())
    assert [entry.getMessage() for entry in caplog.records] == ["an error outside of any request"] * 2
    assert caplog.records[0].exc_info is not None and caplog.records[1].exc_info is None


def test_hooks_are_left_as_they_were() -> None:
    """Only a program of its own sets them; the tests' process keeps its own."""
    assert sys.excepthook is not logs._uncaught and threading.excepthook is not logs._uncaught
    assert warnings.showwarning is not logs._warned

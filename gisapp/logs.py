"""What the server and the simulator write into their logs: what failed and where, never what somebody typed.

The text of an exception repeats values: parameters of a statement, a key, a file's name, a row. So a log holds the kinds of
errors, the lines of code they passed through, and of the database's errors the SQLSTATE with the names of table, column
and constraint. Messages of this program are written whole, because they name numbers and kinds only; of other libraries'
messages only the place in their code is written, uvicorn's own ones on starting and stopping excepted.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import traceback
import warnings
from typing import Any

_OWN = ("onemap", "gisapp", "dash_app", "layers", "__main__")
_SERVER = "uvicorn"
_MOST_FRAMES = 30
_MOST_CAUSES = 8
_FRAME = re.compile(r'^  File ".*", line \d+, in \S+$')
_KIND = re.compile(r"^[A-Za-z_][\w.]*(?=:|$)")

log = logging.getLogger("onemap.logs")


def kind_of(error: BaseException) -> str:
    """What kind of error it is, in one line without any value that it carries."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    facts = _database_facts(error)
    if code := getattr(error, "code", None):
        facts += [code] if isinstance(code, str) and code.isascii() and code.isidentifier() else []
    if isinstance(error, OSError) and isinstance(error.strerror, str) and error.errno is not None:
        facts.append(f"[Errno {error.errno}] {error.strerror}")
    if isinstance(error, (NameError, AttributeError, ImportError)) and _is_name(error.name):
        facts.append(str(error.name))
    return f"{name}: {', '.join(facts)}" if facts else name


def _is_name(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and all(part.isidentifier() for part in text.split("."))


def _database_facts(error: BaseException) -> list[str]:
    """SQLSTATE of an error of the database, and which table, column or constraint it names."""
    inner = getattr(error, "orig", None) or error
    state = getattr(inner, "pgcode", None)
    if not isinstance(state, str):
        return []
    told = getattr(inner, "diag", None)
    names = (getattr(told, f"{what}_name", None) for what in ("table", "column", "constraint"))
    return [f"SQLSTATE {state}", *(str(name) for name in names if _is_name(name))]


def describe(error: BaseException) -> str:
    """An error and what led to it: kinds and lines of code, as a traceback shows them, without their messages."""
    chain: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in chain and len(chain) < _MOST_CAUSES:
        chain.append(here)
        here = here.__cause__ or (None if here.__suppress_context__ else here.__context__)
    parts = []
    for link in reversed(chain):
        frames = traceback.format_tb(link.__traceback__, limit=-_MOST_FRAMES)
        parts.append("".join([*frames, kind_of(link)]))
        if isinstance(link, BaseExceptionGroup):
            parts += [f"in it: {describe(inner)}" for inner in link.exceptions[:_MOST_CAUSES]]
    return "\nwhich led to\n".join(parts)


def _without_messages(text: str) -> str:
    """A traceback that came as text: its lines of code and its kinds of errors."""
    kept = [line for line in text.splitlines() if _FRAME.match(line)]
    kinds = [match[0] for line in text.splitlines() if (match := _KIND.match(line))]
    return "\n".join([*kept, *(kind for kind in kinds if kind != "Traceback")])


class PlainFormatter(logging.Formatter):
    """Writes a record without any value that an error carries."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and below it the kinds and places of the errors that belong to it."""
        record.message = self.message(record)
        record.asctime = self.formatTime(record, self.datefmt)
        text = self.formatMessage(record)
        error = record.exc_info[1] if record.exc_info else None
        return f"{text}\n{describe(error)}" if error is not None else text

    def message(self, record: logging.LogRecord) -> str:
        """The message of a record, as far as a log may hold it."""
        if isinstance(record.msg, BaseException):
            return kind_of(record.msg)
        if not record.name.startswith((*_OWN, _SERVER)):
            return f"{record.filename}:{record.lineno}"
        if isinstance(record.args, tuple):
            record.args = tuple(kind_of(a) if isinstance(a, BaseException) else a for a in record.args)
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return f"{record.filename}:{record.lineno}"
        return _without_messages(text) if "Traceback (most recent call last)" in text else text


def _is_wanted(record: logging.LogRecord) -> bool:
    """Whether a record is written: addresses of sockets are not, they may hold what somebody typed."""
    return not (record.name.startswith(_SERVER) and "WebSocket" in str(record.msg))


def standard_error() -> logging.Handler:
    """The handler of all loggers; with it, what nobody caught goes through it too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter())
    handler.addFilter(_is_wanted)
    # Else a record that cannot be written is printed with all its values.
    logging.raiseExceptions = False
    catch_the_rest()
    return handler


def catch_the_rest() -> None:
    """Have errors that nobody caught, and warnings, written in the same way."""
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda left: _uncaught(left.exc_type, left.exc_value, left.exc_traceback)
    threading.excepthook = lambda left: _uncaught(left.exc_type, left.exc_value, left.exc_traceback)
    warnings.showwarning = _warned


def _uncaught(kind: type[BaseException], error: BaseException | None, _: Any) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        return
    text = describe(error) if error is not None else kind.__name__
    print(text, file=sys.stderr, flush=True)


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
) -> None:
    log.warning("%s at %s:%s", category.__name__, filename, lineno)


def note_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What an event loop calls with an error that belongs to no request."""
    error = context.get("exception")
    log.error("an error outside of any request", exc_info=error if isinstance(error, BaseException) else None)


def configuration() -> dict[str, Any]:
    """For ``logging.config.dictConfig``: everything to standard error, through ``PlainFormatter``."""
    own = {name: {"level": "INFO"} for name in _OWN}
    server = {
        "uvicorn": {"handlers": ["standard_error"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"handlers": [], "propagate": False},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"standard_error": {"()": "gisapp.logs.standard_error"}},
        "root": {"handlers": ["standard_error"], "level": "WARNING"},
        "loggers": own | server,
    }

"""The log stays short whatever strangers send: uvicorn's lines about single connections are counted, not written.

What a client sends makes uvicorn write a line each for a malformed request, a wrong upgrade, and every socket that opens, closes
or is turned away. Of each such kind a few lines a minute are written, and then how many there were.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PER_MINUTE = 5
_LOGGERS = ("uvicorn.error", "uvicorn.asgi", "websockets.server")


class FewLines(logging.Filter):
    """Lets a few records of each kind pass in a minute; the first one of the next minute tells how many did not.

    A kind is what a record says before its values are filled in. Errors always pass.

    Args:
        per_minute: records of a kind that pass.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, per_minute: int = PER_MINUTE, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._per_minute = per_minute
        self._now = now
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if record.levelno >= logging.ERROR:
            return True
        kind = str(record.msg)[:200]
        begun, count = self._seen.get(kind, (self._now(), 0))
        left_out = 0
        if self._now() - begun >= 60:
            left_out = max(0, count - self._per_minute)
            begun, count = self._now(), 0
        if len(self._seen) > 100:
            self._seen.clear()
        self._seen[kind] = (begun, count + 1)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} more like it)", None
        return count < self._per_minute


def keep_log_short() -> None:
    """Put the filter on the loggers that write about single connections; once a process."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, FewLines) for known in logger.filters):
            logger.addFilter(FewLines())

"""The one tree of errors.

Each error says what was wrong, in which row or field, and what to do about it; messages are Chinese because they
reach users. The edges map them once: the API to one JSON shape, a page to one message, the command line to two lines.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from typing import Any

from gisapp.readable import writable


class OnemapError(Exception):
    """Base of every error that a user may see.

    Args:
        message: what was wrong, in Chinese, naming row, field and value where there are such.
        remedy: what the user can do next.
        details: anything a machine or a page can use (a geometry, row numbers); must be JSON-serialisable.
    """

    code = "error"
    status = 500

    def __init__(
        self, message: str, *, remedy: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details: dict[str, Any] = dict(details or {})

    def as_json(self) -> dict[str, Any]:
        """The one JSON shape of errors at the API's edge; whatever a value was, the shape can be written as JSON."""
        return {
            "error": self.code,
            "message": writable(self.message),
            "remedy": writable(self.remedy),
            "details": writable(self.details),
        }


class InputError(OnemapError):
    """What was sent cannot be accepted as it is."""

    code = "input"
    status = 422


class NotSignedIn(OnemapError):
    """No valid session."""

    code = "not_signed_in"
    status = 401


class Forbidden(OnemapError):
    """Signed in, but neither role nor scope allows it."""

    code = "forbidden"
    status = 403


class NotFound(OnemapError):
    """No such thing within the reader's scope (what lies outside it is not told apart from what does not exist)."""

    code = "not_found"
    status = 404


class Conflict(OnemapError):
    """Somebody else changed it first, or its state does not allow the action."""

    code = "conflict"
    status = 409


class Unavailable(OnemapError):
    """Something the application depends on (database, disk, network) does not answer."""

    code = "unavailable"
    status = 503


class StorageFull(Unavailable):
    """A disk is full, or the quota on it is used up."""

    code = "storage_full"
    status = 507


def of_full_disk(error: BaseException | None) -> StorageFull | None:
    """The error to show where an operation failed because a disk is full; None for every other failure."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(
            "服务器的磁盘已满，没有保存。", remedy="请联系管理员清理磁盘后重试；没有留下不完整的文件。"
        )
    return None


class TooLarge(OnemapError):
    """More bytes were sent than the address takes."""

    code = "too_large"
    status = 413


class TooSlow(OnemapError):
    """What was announced did not arrive in time."""

    code = "too_slow"
    status = 408


class TooMany(OnemapError):
    """Asked too often; the same request can be repeated later.

    Args:
        wait: seconds after which a repetition makes sense; at least one is told.
    """

    code = "too_many"
    status = 429

    def __init__(
        self,
        message: str,
        *,
        wait: float,
        remedy: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.retry_after = max(1, math.ceil(wait))
        remedy = remedy or f"请在 {self.retry_after} 秒后再试。"
        super().__init__(message, remedy=remedy, details={"retry_after": self.retry_after, **(details or {})})

"""The one tree of errors.

Each error says what was wrong, in which row or field, and what to do about it; messages are Chinese because they
reach users. The edges map them once: the API to one JSON shape, a page to one message, the command line to two lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gisapp.readable import clean_text, json_value


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
        """The one JSON shape of errors at the API's edge; JSON can carry it whatever was sent to us."""
        return {
            "error": self.code,
            "message": clean_text(self.message),
            "remedy": None if self.remedy is None else clean_text(self.remedy),
            "details": json_value(self.details),
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

"""Who reads: the identity that every transaction carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gisapp.domain.keys import Scope
from gisapp.domain.vocabulary import label
from gisapp.errors import Forbidden


class Role(StrEnum):
    """Roles of users (岗位); the value is the vocabulary identifier."""

    LEADER = "leader"
    MANAGER = "manager"
    PLANNER = "planner"
    WORKER = "worker"
    DEVICE = "device"
    ADMIN = "admin"


REPORTERS = (Role.WORKER, Role.DEVICE)
"""Who reports positions: a worker's terminal for itself, a gateway for the workers in its scope; administrators too."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A signed-in user, or the system acting for itself.

    A gateway (``Role.DEVICE``) is a user that reads nothing: its scope says for whom it may report. The database sees to
    that, whatever the scope (``onemap.scopes()``).

    Attributes:
        user_id: id in ``app_user``; 0 for the system.
        worker_id: id in ``grid_worker`` when the user is a grid worker's account.
    """

    user_id: int
    login: str
    name: str
    role: Role
    scope: Scope
    worker_id: int | None = field(default=None)

    @property
    def is_device(self) -> bool:
        """Whether this is a gateway, which may report positions and nothing else."""
        return self.role is Role.DEVICE

    def require(self, *roles: Role) -> None:
        """Refuse whoever has none of the roles (administrators pass).

        Raises:
            Forbidden: naming the roles that may.
        """
        if self.role is not Role.ADMIN and self.role not in roles:
            allowed = "、".join(label(r) for r in roles)
            raise Forbidden(f"“{label(self.role)}”不能进行此操作。", remedy=f"请由{allowed}办理。")

    def require_place(self, place: str) -> None:
        """Refuse a place outside the reader's scope.

        Raises:
            Forbidden: naming the place.
        """
        if not self.scope.covers(place):
            raise Forbidden(f"地点 {place} 不在您的管辖范围内。", remedy="请联系上级管理员办理。")


SYSTEM = Reader(0, "system", "系统", Role.ADMIN, Scope.everything())
NOBODY = Reader(0, "nobody", "未登录", Role.WORKER, Scope())

"""How much one request may bring, by address. ``docs/security.md`` shows this table; a contract test compares the two."""

from __future__ import annotations

from dataclasses import dataclass

from gisapp.services.importing.uploads import LIMIT as LARGEST_FILE

KB = 1024
MB = 1024 * KB


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """The largest body that an address takes.

    Attributes:
        prefix: the addresses begin with it.
        most: bytes.
        why: what needs so much, in Chinese, for the documentation.
        on_disk: the body goes to a file as it arrives and is not held in memory.
    """

    prefix: str
    most: int
    why: str
    on_disk: bool = False

    def applies(self, path: str) -> bool:
        """Whether an address is this one or lies below it; a prefix that ends in ``-`` or ``/`` is taken as it stands."""
        if not path.startswith(self.prefix):
            return False
        return self.prefix[-1] in "-/" or path[len(self.prefix) :][:1] in ("", "/")


BODY_LIMITS: tuple[BodyLimit, ...] = (
    BodyLimit("/api/v1/session", 8 * KB, "用户名和密码"),
    BodyLimit("/api/v1/tracks", 4 * MB, "5,000 个定位点，每点约 800 字节"),
    BodyLimit("/api/v1/grids", 128 * KB, "一条 500 个点的分割线"),
    BodyLimit("/api/v1/imports/", 256 * KB, "字段对应关系"),
    BodyLimit("/api/v1/imports", LARGEST_FILE + 64 * KB, "一个 512 MB 的文件和它的表单", on_disk=True),
    BodyLimit("/_dash-", 2 * MB, "页面回调带的表格行和图形"),
)
"""The first that applies holds."""

DEFAULT_LIMIT = BodyLimit("/", 64 * KB, "其他请求")

ANONYMOUS_BODY = 64 * KB
"""Of a page's callback by whoever is not signed in; the API does not read a body then at all."""

SOCKET_MESSAGE = 64 * KB
"""Largest message of a page over a WebSocket."""

HELD_IN_MEMORY = 128 * MB
"""Bodies that are held at the same moment, of all requests of one process."""

ON_DISK = 4 * LARGEST_FILE
"""Files that arrive at the same moment, of all requests of one process."""

HEAD = 64 * KB
"""Largest head of a request: address and headers."""

HEAD_S = 15.0
"""Seconds in which the head of a request must be there."""

BODY_S = 20.0
"""Seconds that a body may take, and one more for every ``SLOWEST`` bytes that have come."""

SLOWEST = 1 * KB


def limit_for(path: str) -> BodyLimit:
    """The limit that holds for an address."""
    for limit in BODY_LIMITS:
        if limit.applies(path):
            return limit
    return DEFAULT_LIMIT


def size_text(size: int) -> str:
    """A number of bytes as people read it: ``8 KB``, ``512 MB``."""
    return f"{size / MB:.4g} MB" if size >= MB else f"{size / KB:.4g} KB"

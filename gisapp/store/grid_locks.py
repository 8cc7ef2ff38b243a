"""Who may read the grids in force and store a place key, and who may change them: each waits for the other.

Whoever looks up a grid and stores its code first takes ``hold_grids`` (or, for an import, ``hold_grids_for_long``), then
reads. A publication takes ``lock_publishing``: it begins when all of those have ended, and whoever comes later reads the
new grids. Transactions must read with READ COMMITTED, so that a statement after the wait sees what was committed meanwhile.

There are two locks, because PostgreSQL lets nobody pass a publication that waits: were there one, positions and cases
would wait behind a publication that waits behind an import of minutes. So imports have a lock of their own, and a
publication asks for it first. Order for all: imports' lock, grids' lock, rows.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from gisapp.errors import Conflict

#: seconds that a publication waits for imports, and then for those who report
PUBLISHING_WAITS_S = 10
#: seconds that an import waits for another one that changes borders or grids
IMPORT_WAITS_S = 120

_GRIDS = "hashtext('onemap.grids')"
_IMPORTS = "hashtext('onemap.grids.imports')"
_LOCK_NOT_AVAILABLE = "55P03"


def hold_grids(connection: Connection) -> None:
    """Until the end of the transaction no grids are published; for transactions of well below a second.

    Take it before the grids are read, and before any row is locked.
    """
    connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({_GRIDS})"))


def hold_grids_for_long(connection: Connection) -> None:
    """The same for imports and other long transactions: a publication meanwhile is refused in words, and nobody else waits.

    Raises:
        Conflict: an import of borders or grids has gone on for too long.
    """
    _wait(
        connection,
        f"SELECT pg_advisory_xact_lock_shared({_IMPORTS})",
        IMPORT_WAITS_S,
        Conflict("正在导入区划边界或网格。", remedy="请等它结束后再导入。"),
    )


def lock_borders(connection: Connection) -> None:
    """Until the end of the transaction nobody publishes grids or imports anything: for imports of borders and grids.

    Raises:
        Conflict: another import has gone on for too long.
    """
    _wait(
        connection,
        f"SELECT pg_advisory_xact_lock({_IMPORTS})",
        IMPORT_WAITS_S,
        Conflict("另有数据正在导入。", remedy="请等它结束后再导入区划边界或网格。"),
    )


def lock_publishing(connection: Connection) -> None:
    """Until the end of the transaction nobody else publishes grids, and nobody stores a place key.

    One lock for all communities and not one for each: corners go across the border into the neighbours' grids, and a
    neighbour who published meanwhile without seeing them would leave a gap of 0.1 mm. It is held for less than a second.

    Raises:
        Conflict: an import is under way, or so much is reported that the publication does not get its turn.
    """
    _wait(
        connection,
        f"SELECT pg_advisory_xact_lock({_IMPORTS})",
        PUBLISHING_WAITS_S,
        Conflict("正在导入数据，暂时不能发布网格。", remedy="请等导入结束后再试；草稿已保存。"),
    )
    _wait(
        connection,
        f"SELECT pg_advisory_xact_lock({_GRIDS})",
        PUBLISHING_WAITS_S,
        Conflict("正在写入的数据较多，暂时不能发布网格。", remedy="请稍后再试；草稿已保存。"),
    )


def _wait(connection: Connection, statement: str, seconds: int, refusal: Conflict) -> None:
    """Run a statement that waits for a lock, not longer than some seconds; the limit holds for nothing after it."""
    limit = text("SELECT set_config('lock_timeout', :limit, true)")
    connection.execute(limit, {"limit": f"{seconds}s"})
    try:
        connection.execute(text(statement))
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
            raise refusal from error
        raise
    connection.execute(limit, {"limit": "0"})

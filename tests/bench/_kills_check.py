"""What must be true after ``tests.bench.kills``: nothing acknowledged lost or doubled, nothing half stored, all in the right grid."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.bench._kills_copy import Copy
from tests.bench._kills_load import ROWS, Ledger


def check(copy: Copy, ledger: Ledger) -> dict[str, Any]:
    """Numbers of what was acknowledged, and of every kind of fault; all of the latter must be 0."""
    return {
        "acknowledged": {
            "positions": len(ledger.fixes),
            "cases": len(ledger.cases),
            "steps": len(ledger.steps),
            "imports": len(ledger.imports),
            "versions": len(ledger.versions),
        },
        "faults": {
            "positions lost": _lost_positions(copy, ledger),
            **_cases(copy, ledger),
            **_imports(copy, ledger),
            **_versions(copy, ledger),
            **_places(copy),
            "grids check": copy.command("grids", "check").returncode,
            "failures without words": ledger.wordless,
            "answers that cannot be": len(ledger.trouble),
        },
    }


def _lost_positions(copy: Copy, ledger: Ledger) -> int:
    """A worker and an instant are the key of a position, so none can be there twice."""
    workers = [worker for worker, _ in ledger.fixes]
    instants: list[datetime] = [at for _, at in ledger.fixes]
    ((stored,),) = copy.sql(
        "SELECT count(*) FROM unnest(%s::bigint[], %s::timestamptz[]) AS told(worker_id, at) JOIN onemap.fix USING (worker_id, at)",
        (workers, instants),
    )
    return len(ledger.fixes) - int(stored)


def _cases(copy: Copy, ledger: Ledger) -> dict[str, int]:
    # The description of each case of this run is the key that its reporter gave it.
    stored = dict(
        copy.sql("SELECT description, count(*) FROM onemap.event WHERE length(description) = 36 GROUP BY 1")
    )
    steps = dict(
        copy.sql(
            "SELECT note, count(*) FROM onemap.event_step WHERE note ~ '^(assign|handle|close) [0-9a-f-]{36}$' GROUP BY 1"
        )
    )
    return {
        "cases lost": sum(key not in stored for key in ledger.cases),
        "cases doubled": sum(count > 1 for count in stored.values()),
        "steps lost": sum(note not in steps for note in ledger.steps),
        "steps doubled": sum(count > 1 for count in steps.values()),
    }


def _imports(copy: Copy, ledger: Ledger) -> dict[str, int]:
    rows = dict(
        copy.sql(
            "SELECT split_part(name, ' ', 1), count(*) FROM onemap.poi WHERE name LIKE 'kills-%%' GROUP BY 1",
            (),
        )
    )
    recorded = {
        name
        for (name,) in copy.sql("SELECT file_name FROM onemap.import_run WHERE file_name LIKE 'kills-%%'", ())
    }
    return {
        "imports lost": sum(
            rows.get(source) is None or f"{source}.csv" not in recorded for source in ledger.imports
        ),
        "imports in part or doubled": sum(rows.get(source, 0) not in (0, ROWS) for source in ledger.begun),
    }


def _versions(copy: Copy, ledger: Ledger) -> dict[str, int]:
    stored = copy.sql("SELECT note, place, version FROM onemap.grid_version WHERE note LIKE 'kills %%'", ())
    by_note: dict[str, list[tuple[str, int]]] = {}
    for note, place, version in stored:
        by_note.setdefault(note, []).append((place, version))
    return {
        "versions lost": sum(told not in by_note.get(note, []) for note, told in ledger.versions.items()),
        "versions doubled": sum(len(found) > 1 for found in by_note.values()),
    }


_STANDING = """
SELECT count(*) FROM onemap.{table} AS t JOIN onemap.grid AS g ON g.valid_to IS NULL AND ST_ContainsProperly(g.geom, t.geom)
WHERE t.place <> g.place AND g.community = %s {more}
"""
_OF_ITS_DAY = """
SELECT count(*) FROM onemap.{table} AS t WHERE t.place ^@ %s AND length(t.place) = 15 {more} AND NOT EXISTS (
  SELECT FROM onemap.grid AS g WHERE g.place = t.place AND ST_DWithin(g.geom, t.geom, 1e-7))
"""


def _places(copy: Copy) -> dict[str, int]:
    """Standing things lie in the grids in force; facts in some version of the grid that they name."""
    asked = {
        "components in a wrong grid": (_STANDING, "component", ""),
        # an address of a building goes where the building goes
        "addresses in a wrong grid": (_STANDING, "address", "AND t.building_id IS NULL"),
        "places in a wrong grid": (_STANDING, "poi", ""),
        "open cases in a wrong grid": (_STANDING, "event", "AND t.state <> 'closed'"),
        "closed cases in a wrong grid": (_OF_ITS_DAY, "event", "AND t.state = 'closed'"),
        "positions in a wrong grid": (_OF_ITS_DAY, "fix", ""),
    }
    found = {}
    for name, (statement, table, more) in asked.items():
        ((count,),) = copy.sql(statement.format(table=table, more=more), (copy.community,))
        found[name] = int(count)
    return found

"""Counts by cell for low zooms: SQL of one point a cell, from prepared counts where a table is too large for every tile."""

from __future__ import annotations

from collections.abc import Sequence

from gisapp.domain.tiles import KEY_ZOOM
from gisapp.store.sources import Aggregate, TableSource
from gisapp.store.tables import SCHEMA

CELLS = 5
"""A tile of low zoom has 2^5 × 2^5 cells of counts: 16 pixels each."""
_DENSITY_ZOOMS = (16, 18, 20)
_MONTHLY_ZOOMS = (14, 16, 18)
_IN_TILE = ("t.tile_key >= %(first_key)s", "t.tile_key < %(last_key)s")

# Whole local months of the chosen time come from the prepared counts, the days before and after them from the table.
_ZONE = "'Asia/Shanghai'"
_FIRST = f"date_trunc('month', %(from)s AT TIME ZONE {_ZONE} + interval '1 month' - interval '1 microsecond')"
_END = f"date_trunc('month', %(to)s AT TIME ZONE {_ZONE})"
_MONTHS = (
    f"ARRAY(SELECT m::date FROM generate_series({_FIRST}, {_END} - interval '1 day', interval '1 month') m)"
)


def counted(
    source: TableSource, zoom: int, conditions: Sequence[str], time: str, given: frozenset[str]
) -> str:
    """SELECT of ``n``, the column counted by if any, and ``middle``: where the cell's things lie on average.

    Args:
        conditions: of the source's own rows, without those of the time.
        time: column by which ``from`` and ``to`` choose; empty for none.
        given: names of the values in the address.
    """
    aggregate = source.aggregate or Aggregate(below=zoom)
    cell = min(zoom + CELLS, KEY_ZOOM)
    by = f', t."{aggregate.by}"' if aggregate.by else ""
    weighted = "sum(t.n * st_{0}(t.geom)) / nullif(sum(t.n), 0)"
    middle = f"st_setsrid(st_makepoint({weighted.format('x')}, {weighted.format('y')}), 4490)"
    return (
        f"SELECT sum(t.n)::bigint AS n{by}, {middle} AS middle "
        f"FROM ({_rows(source, aggregate, cell, [*_IN_TILE, *conditions], time, given)}) t "
        f"GROUP BY t.tile_key >> {2 * (KEY_ZOOM - cell)}{by}"
    )


def _rows(
    source: TableSource,
    aggregate: Aggregate,
    cell: int,
    conditions: list[str],
    time: str,
    given: frozenset[str],
) -> str:
    """What is added up: rows ``n``, ``geom``, ``tile_key``."""
    if aggregate.density:
        level = next((z for z in _DENSITY_ZOOMS if z >= cell), _DENSITY_ZOOMS[-1])
        prepared = [*_IN_TILE, f"t.layer = '{aggregate.density}'", f"t.cell_zoom = {level}"]
        return _select("density", "t.n", prepared)
    chosen = []
    if time:
        chosen += [f't."{time}" >= %(from)s'] if "from" in given else []
        chosen += [f't."{time}" < %(to)s'] if "to" in given else []
    total = f't."{aggregate.total}" AS n' if aggregate.total else "1 AS n"
    level = next((z for z in _MONTHLY_ZOOMS if z >= cell), 0) if aggregate.monthly else 0
    if not level or len(chosen) == 1:
        by = f', t."{aggregate.by}"' if aggregate.by else ""
        return _select(source.table, total + by, [*conditions, *chosen])
    prepared = [*_IN_TILE, f"t.cell_zoom = {level}"]
    if not chosen:
        return _select(aggregate.monthly, "t.n", [*prepared, "t.month IS NULL"])
    first, end = f"({_FIRST} AT TIME ZONE {_ZONE})", f"({_END} AT TIME ZONE {_ZONE})"
    before = [chosen[0], f't."{time}" < least({first}, %(to)s)']
    after = [f't."{time}" >= greatest({first}, {end})', chosen[1]]
    return " UNION ALL ".join(
        (
            _select(aggregate.monthly, "t.n", [*prepared, f"t.month = ANY({_MONTHS})"]),
            _select(source.table, total, [*conditions, *before]),
            _select(source.table, total, [*conditions, *after]),
        )
    )


def _select(table: str, columns: str, conditions: Sequence[str]) -> str:
    return f'SELECT {columns}, t.geom, t.tile_key FROM {SCHEMA}."{table}" t WHERE {" AND ".join(conditions)}'

"""Where a layer's features come from: named clauses over tables, from which SQL is built in one place.

A source is data, not text: table, columns and conditions are checked against the table definitions when the SQL is built,
values are always bound. What needs more is a file ``store/sql/layers/NAME.sql``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["point", "line", "polygon", "label"]
"""What is drawn: ``label`` is a point on the surface of a polygon, so that its text stands once and not once a tile."""

Form = Literal["", "epoch", "text", "round", "masked"]
"""How a column is given out: as it is; seconds since 1970 in UTC; as text; as a whole number; first character only."""

Kind = Literal["integer", "number", "code", "instant"]
"""What a parameter must look like: ``code`` is letters, digits, ``_``, ``-``; ``instant`` is epoch seconds or ISO 8601."""

Operator = Literal["=", "<>", "<", "<=", ">", ">=", "in", "is null", "is not null", "starts with"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that the reader of a layer gives in the address (``?run=12``).

    Attributes:
        name: name in the address.
        kind: what it must look like.
        required: without it the layer is empty; otherwise the condition is left out.
    """

    name: str
    kind: Kind
    required: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition over a column of the table.

    Attributes:
        column: name of the column.
        operator: comparison.
        value: a constant, a tuple of constants for ``in``, or a ``Parameter``.
        from_zoom, to_zoom: zooms at which the condition holds, both included; it is left out at others.
    """

    column: str
    operator: Operator
    value: str | int | float | bool | tuple[str, ...] | Parameter | None = None
    from_zoom: int = 0
    to_zoom: int = 24


@dataclass(frozen=True, slots=True)
class Column:
    """One property of a feature.

    Attributes:
        name: name of the property.
        column: column it comes from; the same name when empty.
        form: how it is given out.
        from_zoom: smallest zoom at which tiles carry it.
    """

    name: str
    column: str = ""
    form: Form = ""
    from_zoom: int = 0


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Below a zoom, one point a cell of about 16 pixels with counts instead of the features themselves.

    Attributes:
        below: first zoom that shows the features themselves.
        by: column whose values are counted apart (one point each); empty for one count.
        total: column that is added up into ``n``; empty counts rows.
        density: read the prepared counts of table ``density`` under this name, where the table is too large to be
            counted for every tile.
        monthly: the same for a table of which a span of time can be chosen: the table of its prepared counts by local
            month, of which null is all time. Its rows must be counted as ``where`` chooses them.
    """

    below: int
    by: str = ""
    total: str = ""
    density: str = ""
    monthly: str = ""


@dataclass(frozen=True, slots=True)
class TableSource:
    """Features from one table.

    Attributes:
        table: name in schema ``onemap``.
        shape: what is drawn.
        columns: properties of the features besides ``id``.
        where: conditions, all of which hold.
        geometry: geometry column.
        key: column that gives the feature's id; a place key is given out as a whole number.
        aggregate: what low zooms show.
        simplify: whether lines and outlines lose detail below a pixel at low zooms.
    """

    table: str
    shape: Shape
    columns: tuple[Column, ...] = ()
    where: tuple[Clause, ...] = ()
    geometry: str = "geom"
    key: str = "id"
    aggregate: Aggregate | None = None
    simplify: bool = True

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables whose changes change the features."""
        if self.aggregate and self.aggregate.monthly:
            return self.table, self.aggregate.monthly
        return (self.table, "density") if self.aggregate and self.aggregate.density else (self.table,)


@dataclass(frozen=True, slots=True)
class FileSource:
    """Features from ``store/sql/layers/<name>.sql``.

    The file is one SELECT that gives ``id``, ``geom`` (EPSG:4490) and one column for each name in ``columns``. It may
    use ``{west}``, ``{south}``, ``{east}``, ``{north}`` (degrees), ``{zoom}``, ``{first_key}``, ``{last_key}`` (Morton
    range of the tile, half-open) and ``{parameter:NAME}`` (bound; NULL when not given).

    Attributes:
        name: name of the file.
        shape: what is drawn.
        columns: properties of the features besides ``id``.
        reads: tables that it reads.
        parameters: values that the reader gives in the address.
    """

    name: str
    shape: Shape
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    simplify: bool = True
    aggregate: None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables whose changes change the features."""
        return self.reads


Source = TableSource | FileSource

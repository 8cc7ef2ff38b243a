"""What makes an importer, and the rows that pass through one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table

from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label
from gisapp.services.importing.fields import Field
from gisapp.services.importing.findings import Findings
from gisapp.services.importing.headings import LOCATION_FIELDS, PLACE, SOURCE_KEY
from gisapp.services.importing.shapes import Shape


@dataclass(slots=True)
class Batch:
    """Rows on their way into a table, column by column.

    Attributes:
        rows: numbers as the user sees them.
        columns: values by field; all lists as long as ``rows``.
        lon, lat: a point on each geometry, EPSG:4490 degrees; NaN where there is none (yet).
        shapes: shapely geometries; None where all geometries are the points (lon, lat).
        part: 0, or 1, 2 … for further parts of a row that became several.
        place: place keys; None where not known (yet).
        findings: refusals and repairs of the whole import.
        dropped: values of the field ``code`` of rows that were refused, for kinds that are stored in groups.
    """

    rows: NDArray[np.int64]
    columns: dict[str, list[Any]]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    shapes: NDArray[np.object_] | None
    part: NDArray[np.int64]
    place: NDArray[np.object_]
    findings: Findings
    dropped: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """Values of a field; all None if the file has no such column."""
        return self.columns.get(name) or [None] * len(self.rows)

    def refuse(self, index: int, where: str, value: object, reason: str, remedy: str) -> None:
        """Refuse one row by its position."""
        self.findings.refuse(int(self.rows[index]), where, value, reason, remedy)

    def without_refused(self) -> Batch:
        """The rows of which nothing was refused."""
        refused = self.findings.refused_rows
        if not refused:
            return self
        keep = ~np.isin(self.rows, np.fromiter(refused, dtype=np.int64, count=len(refused)))
        if keep.all():
            return self
        codes = self.columns.get("code")
        if codes:
            self.dropped.update(str(codes[i]) for i in np.flatnonzero(~keep))
        return self.take(np.flatnonzero(keep))

    def take(self, index: NDArray[np.int64]) -> Batch:
        """The rows at some positions."""
        at = index.tolist()
        return Batch(
            rows=self.rows[index],
            columns={name: [values[i] for i in at] for name, values in self.columns.items()},
            lon=self.lon[index],
            lat=self.lat[index],
            shapes=None if self.shapes is None else self.shapes[index],
            part=self.part[index],
            place=self.place[index],
            findings=self.findings,
            dropped=self.dropped,
        )


@dataclass(frozen=True, slots=True)
class Context:
    """What an importer's own steps may use.

    Attributes:
        connection: the transaction of the import.
        reader: who imports.
        source: name of the source, first half of a row's identity.
        zone: zone of instants that state none.
        key: secret of the digests of personal rows; empty where none is imported.
    """

    connection: Connection
    reader: Reader
    source: str
    zone: tzinfo
    key: bytes = b""

    @property
    def account(self) -> int:
        """Whose rows these are: id in ``app_user``, 0 for the command line."""
        return self.reader.user_id

    @property
    def scope(self) -> str:
        """The scope of that account, as it is kept with the rows."""
        return str(self.reader.scope)


@dataclass(frozen=True, slots=True)
class Stored:
    """What an import did to its table.

    Attributes:
        added, changed, unchanged: numbers of rows.
        touched: place keys, shortened to the community, whose data changed.
    """

    added: int
    changed: int
    unchanged: int
    touched: frozenset[str] = frozenset()


BY_SOURCE = ("source", "source_key")
"""Columns of rows that are found again by the number that their source gave them."""

Prepare = Callable[[Batch, Context], None]
After = Callable[[Batch, Context, Stored], None]


@dataclass(frozen=True, slots=True)
class Importer:
    """One kind of data that can be imported.

    Attributes:
        kind: word of the command line, such as ``buildings``.
        term: identifier of the thing in the vocabulary.
        table: where it is stored.
        shape: geometry that it has; ``NONE`` for what is located by something else.
        fields: what a file may say of it; location, place and source are added to all.
        key: columns by which a row is found again; source and number are those of one account or scope.
        identity: fields that stand for a row where the file gives no number of its own; the position counts with them
            if ``at_position``.
        at_position: whether two rows of equal identity at different positions are two things.
        optional_location: whether rows without coordinates are kept for ``prepare`` to locate.
        place_from_location: whether the place key is found from the position; else ``prepare`` sets it.
        instant: field with the instant of a fact, which keeps the grid of that instant; a row without one is no fact yet
            and takes the grids in force.
        prepare: further checks and derived columns, inside the transaction, before places are found.
        link: the same, after places are found.
        store: stores in its own way instead of the general one.
        after: what follows from the stored rows, inside the transaction.
        match: name of a function in the database that finds known rows instead of a join (personal data).
        note: one or two sentences for the documentation and the page.
        extra: columns that ``prepare`` or ``link`` fill, besides those of the fields.
        moves_borders: whether it changes borders or grids, so that no grids may be published meanwhile.
    """

    kind: str
    term: str
    table: Table
    shape: Shape
    fields: tuple[Field, ...]
    key: tuple[str, ...] = BY_SOURCE
    identity: tuple[str, ...] = ()
    at_position: bool = True
    optional_location: bool = False
    place_from_location: bool = True
    instant: str | None = None
    prepare: Prepare | None = None
    link: Prepare | None = None
    store: Callable[[Batch, Context], Stored] | None = None
    after: After | None = None
    match: str | None = None
    note: str = ""
    extra: tuple[str, ...] = ()
    moves_borders: bool = False

    @property
    def title(self) -> str:
        """Chinese name of the kind."""
        return label(self.term)

    @property
    def personal(self) -> bool:
        """Whether its table has columns that the application may not read back."""
        return any(column.info.get("personal") for column in self.table.columns)

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Own fields and those that every kind has; own ones come first and win a heading."""
        own = {f.name for f in self.fields}
        common: Sequence[Field] = (
            *(LOCATION_FIELDS if self.shape is not Shape.NONE else ()),
            PLACE,
            SOURCE_KEY,
        )
        return (*self.fields, *(f for f in common if f.name not in own))

    @property
    def stored_fields(self) -> tuple[str, ...]:
        """Columns of the table that an import fills, besides place, geometry and source."""
        return (*(f.name for f in self.fields if f.stored), *self.extra)

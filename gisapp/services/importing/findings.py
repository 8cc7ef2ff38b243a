"""What an import has to say about single rows: refusals and repairs, with personal values already masked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

#: findings kept in memory and in the report; beyond it only counted, so that a wrong file cannot fill a disk
LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one row was not stored.

    Attributes:
        row: as the user finds it: the row in a sheet (heading = 1), or the feature's ordinal in a geodata file.
        field: Chinese name of the field, or of the part (几何, 位置, 整行).
        value: what stood there; masked where personal.
        reason: what is wrong with it.
        remedy: what to do.
    """

    row: int
    field: str
    value: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What was mended in a row that was stored."""

    row: int
    field: str
    what: str


@dataclass(slots=True)
class Findings:
    """Collects refusals and repairs; a row with several refusals counts once.

    Attributes:
        labels: names of rows that have one of their own (``way/123``), shown beside their number.
    """

    refusals: list[Refusal] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    refused_rows: set[int] = field(default_factory=set)
    repaired_rows: set[int] = field(default_factory=set)
    labels: dict[int, str] = field(default_factory=dict)

    def refuse(self, row: int, where: str, value: object, reason: str, remedy: str) -> None:
        """Note that a row is refused."""
        self.refused_rows.add(row)
        if len(self.refusals) < LIMIT:
            text = "" if value is None else str(value)
            self.refusals.append(
                Refusal(row, where, text if len(text) <= 200 else text[:199] + "…", reason, remedy)
            )

    def repair(self, row: int, where: str, what: str) -> None:
        """Note that a row was mended."""
        self.repaired_rows.add(row)
        if len(self.repairs) < LIMIT:
            self.repairs.append(Repair(row, where, what))

    def reasons(self) -> list[tuple[str, str, int]]:
        """Refusals by field and reason without the single values, the most frequent first: (field, reason, rows)."""
        counts: dict[tuple[str, str], int] = {}
        for refusal in self.refusals:
            key = (refusal.field, refusal.reason)
            counts[key] = counts.get(key, 0) + 1
        return sorted(((f, r, n) for (f, r), n in counts.items()), key=lambda item: -item[2])

    def sort(self) -> None:
        """Bring everything into the order of the file."""
        self.refusals.sort(key=lambda r: r.row)
        self.repairs.sort(key=lambda r: r.row)

    def extend(self, refusals: Iterable[Refusal]) -> None:
        """Take in refusals made elsewhere."""
        for r in refusals:
            self.refuse(r.row, r.field, r.value, r.reason, r.remedy)

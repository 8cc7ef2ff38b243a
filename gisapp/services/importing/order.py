"""What a user asks for: which file, which kind, how it is to be understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from gisapp.domain import clock
from gisapp.services.importing.locating import Fallback

Progress = Callable[[str, int, int], None]
"""Called with what is being done (Chinese), how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be imported, and how it is to be understood.

    Attributes:
        kind: kind of data, such as ``buildings``.
        path: the file.
        crs: its coordinate system, always stated; empty only for kinds without coordinates.
        file_name: name shown, where ``path`` is a temporary copy.
        source: name of the source; the file's name where empty. Rows are found again by source and number.
        fallback: place of rows that lie in no grid and no region.
        mapping: field → heading, where headings are not recognised by themselves.
        values: field → one value for all rows.
        layer: layer of a GeoPackage or sheet of a workbook.
        zone: zone of instants that state none.
        dry_run: check and compare everything, store nothing.
        key: secret of the digests of personal rows (``keys.digest_key``).
    """

    kind: str
    path: Path
    crs: str
    file_name: str = ""
    source: str = ""
    fallback: Fallback | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    layer: str | None = None
    zone: tzinfo = clock.ZONE
    dry_run: bool = False
    key: bytes = field(default=b"", repr=False)

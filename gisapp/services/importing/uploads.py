"""Imports through the browser: a file is received once, checked as often as needed, then imported; its report waits.

What was received lies in a folder of its user for a day, under a name that nobody can guess.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from gisapp.domain import incoming
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import PlaceKey
from gisapp.errors import InputError, NotFound, of_full_disk
from gisapp.services.importing import osm_reading, reading
from gisapp.services.importing.keys import key_for
from gisapp.services.importing.locating import Fallback
from gisapp.services.importing.order import Order
from gisapp.services.importing.osm import import_osm
from gisapp.services.importing.registry import importers
from gisapp.services.importing.report import Outcome, write_report
from gisapp.services.importing.run import import_layer
from gisapp.store import importing as store
from gisapp.store.database import Database

#: largest file that is received
LIMIT = 512 << 20
#: how long a received file is kept, seconds
KEPT = 24 * 3600
OSM = "osm"
SUFFIXES = (*reading.SUFFIXES, *osm_reading.SUFFIXES)
_REPORT = "导入报告.xlsx"
_TOKEN = re.compile(r"[0-9a-f]{32}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What a user says of a received file; fields as in ``Order``, still as text.

    Attributes:
        kind: kind of data, or ``osm``.
        place, place_name: of rows that lie nowhere.
    """

    kind: str
    crs: str = ""
    place: str = ""
    place_name: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    layer: str = ""
    timezone: str = "Asia/Shanghai"
    dry_run: bool = True


def receive(data_dir: Path, reader: Reader, file_name: str, content: BinaryIO) -> dict[str, Any]:
    """Keep a file for its user.

    Returns:
        ``token``, ``file`` and ``size`` in bytes.

    Raises:
        Forbidden: the reader is no grid manager.
        InputError: unknown format, empty, or too large.
    """
    reader.require(Role.MANAGER)
    given = file_name.replace("\\", "/").rpartition("/")[2]
    name = incoming.text(given, incoming.FILE_NAME, "file") or "file"
    if not name.lower().endswith(SUFFIXES):
        raise InputError(
            f"不支持“{name}”这种文件。",
            remedy="可导入 CSV、Excel（.xlsx）、GeoJSON、GeoPackage、Shapefile 的 zip、OpenStreetMap 的 .osm.pbf。",
        )
    root = data_dir / "uploads" / str(reader.user_id)
    _forget_old(root)
    token = secrets.token_hex(16)
    folder = root / token
    try:
        folder.mkdir(parents=True)
        size = _keep(folder, name, content)
    except BaseException as error:
        # Nothing of a file that was not received whole stays behind.
        shutil.rmtree(folder, ignore_errors=True)
        raise of_full_disk(error) or error from None
    return {"token": token, "file": name, "size": size}


def _keep(folder: Path, name: str, content: BinaryIO) -> int:
    """Write a file and its name into a folder; returns its size in bytes."""
    # The name that a user gave never becomes a path: it is kept beside the file.
    target = folder / f"content{_suffix(name)}"
    size = 0
    with target.open("wb") as file:
        while chunk := content.read(_CHUNK):
            size += len(chunk)
            if size > LIMIT:
                raise InputError(
                    f"文件“{name}”超过 512 MB。",
                    remedy="请分成几份，或由管理员用命令行导入。",
                    details={"field": "file"},
                )
            file.write(chunk)
    if not size:
        raise InputError(f"文件“{name}”是空的。", remedy="请检查文件是否完整。", details={"field": "file"})
    (folder / "name.json").write_text(json.dumps({"file": name, "content": target.name}), encoding="utf-8")
    return size


def perform(
    database: Database, reader: Reader, data_dir: Path, token: str, request: Request
) -> dict[str, Any]:
    """Check a received file, or import it, and write its report.

    Returns:
        ``outcomes``: one a kind of data, as ``Outcome.as_json`` gives it.

    Raises:
        NotFound: no such file of this user.
        InputError: as for ``import_layer``.
    """
    folder = _folder(data_dir, reader, token)
    known = json.loads((folder / "name.json").read_text(encoding="utf-8"))
    whole = request.kind == OSM
    order = Order(
        request.kind,
        folder / known["content"],
        request.crs,
        file_name=known["file"],
        fallback=Fallback(PlaceKey(request.place), request.place_name.strip() or None)
        if request.place.strip()
        else None,
        mapping=request.mapping,
        values=request.values,
        layer=request.layer.strip() or None,
        zone=incoming.zone(request.timezone),
        dry_run=request.dry_run,
        key=b"" if whole else key_for(request.kind, data_dir),
    )
    outcomes = import_osm(database, reader, order) if whole else [import_layer(database, reader, order)]
    _write_reports(folder, outcomes)
    return {"outcomes": [outcome.as_json() for outcome in outcomes]}


def report(reader: Reader, data_dir: Path, token: str, kind: str) -> tuple[Path, str]:
    """Path of the newest report of a received file, and the name to download it under.

    Raises:
        NotFound: no such file of this user, or not checked yet.
    """
    folder = _folder(data_dir, reader, token)
    path = folder / f"report-{kind}.xlsx"
    if kind not in importers() or not path.is_file():
        raise NotFound("还没有这份报告。", remedy="请先检查或导入文件。")
    file = json.loads((folder / "name.json").read_text(encoding="utf-8"))["file"]
    return path, f"{Path(file).stem}-{_REPORT}"


def history(database: Database, reader: Reader, limit: int = 50) -> list[dict[str, Any]]:
    """Imports within the reader's scope, the newest first."""
    reader.require(Role.MANAGER)
    with database.begin(reader) as connection:
        return [dict(row) for row in store.runs(connection, limit)]


def _write_reports(folder: Path, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        # Under another name first: whoever fetches the report meanwhile gets a whole one.
        part = folder / f"{secrets.token_hex(8)}.xlsx"
        write_report(outcome, part)
        part.replace(folder / f"report-{outcome.kind}.xlsx")


def _folder(data_dir: Path, reader: Reader, token: str) -> Path:
    reader.require(Role.MANAGER)
    folder = data_dir / "uploads" / str(reader.user_id) / token
    if not _TOKEN.fullmatch(token) or not (folder / "name.json").is_file():
        raise NotFound("上传的文件已不在。", remedy="上传的文件保留一天，请重新选择文件。")
    return folder


def _forget_old(root: Path) -> None:
    if not root.is_dir():
        return
    oldest = time.time() - KEPT
    for folder in root.iterdir():
        # Another request may be tidying up at the same moment.
        with contextlib.suppress(FileNotFoundError):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _suffix(name: str) -> str:
    """The part of a name that says the format: ``.xlsx``, but ``.osm.pbf``."""
    suffixes = Path(name.lower()).suffixes
    return "".join(suffixes[-2:]) if suffixes[-1] in osm_reading.SUFFIXES else suffixes[-1]

"""A file as columns: GeoJSON, Shapefile, GeoPackage, CSV and Excel, with row numbers as the user sees them."""

from __future__ import annotations

import csv
import io
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyogrio
import shapely
from numpy.typing import NDArray
from openpyxl.utils.exceptions import InvalidFileException
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from gisapp.errors import InputError
from gisapp.readable import shown_value
from gisapp.services.importing import wording
from gisapp.services.importing.encodings import decode, decode_value, likelier
from gisapp.services.importing.findings import Findings

SUFFIXES = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".geojson", ".json", ".shp", ".zip", ".gpkg")
_UNPACKED_LIMIT = 4 << 30
_TITLE_ROWS = 10
_FORMATS = "CSV、Excel（.xlsx）、GeoJSON、Shapefile（.shp，或装有整套文件的 .zip）、GeoPackage"


@dataclass(slots=True)
class RawTable:
    """What a file holds, before anything is known about its meaning.

    Attributes:
        headings: names of the columns as written.
        columns: one list a column, aligned with ``rows``.
        rows: number of each row: in a sheet its row (the heading is 1), in a geodata file the feature's ordinal.
        geometry: shapely geometries or None, aligned with ``rows``; None for a sheet.
        own_crs: the coordinate system that the file itself states, if it does.
        unit: 行 or 要素, what ``rows`` counts.
        notes: sentences for the summary (encoding, layer, sheet).
        findings: rows that could not even be read.
    """

    headings: list[str]
    columns: list[list[Any]]
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_] | None = None
    own_crs: CRS | None = None
    unit: str = "行"
    notes: list[str] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


def read(path: Path, *, layer: str | None = None, is_heading: Callable[[str], bool] = bool) -> RawTable:
    """Read a file.

    Args:
        path: the file; its suffix names the format.
        layer: layer of a GeoPackage or sheet of a workbook, where there are several.
        is_heading: whether a text is a known heading; finds the row of headings below a title.

    Raises:
        InputError: missing, empty, of an unknown format, damaged, or with several layers and none named.
    """
    if not is_file(path):
        raise InputError(
            f"没有文件“{shown_value(path.name)}”。", remedy="请检查路径和文件名。", details={"field": "file"}
        )
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise InputError(f"文件“{path.name}”是空的。", remedy="请检查文件是否完整。")
    if suffix in {".csv", ".txt", ".tsv"}:
        return _sheet_table(path, *_read_csv(path), is_heading)
    if suffix in {".xlsx", ".xlsm"}:
        return _sheet_table(path, *_read_excel(path, layer), is_heading)
    if suffix == ".xls":
        raise InputError("不支持旧的 .xls 格式。", remedy="请在 Excel 或 WPS 中另存为 .xlsx 后再导入。")
    if suffix == ".zip":
        return _read_zip(path)
    if suffix in {".geojson", ".json"}:
        return _read_geojson(path)
    if suffix in {".shp", ".gpkg"}:
        return _read_geodata(path, path.name, layer)
    raise InputError(f"不支持“{suffix or path.name}”格式的文件。", remedy=f"可导入：{_FORMATS}。")


def is_file(path: Path) -> bool:
    """Whether there is such a file; no where the path is one that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


# -- sheets -----------------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> tuple[list[list[Any]], list[str]]:
    decoded = decode(path.read_bytes())
    head = decoded.text[:20_000].partition("\n")[0]
    delimiter = max(",\t;，|", key=head.count)
    try:
        records = list(csv.reader(io.StringIO(decoded.text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(
            f"文件“{path.name}”不是规范的 CSV：{error}。", remedy="请在 Excel 中打开并另存为 CSV UTF-8。"
        ) from error
    return [list(record) for record in records], [f"编码：{decoded.encoding}", *decoded.notes]


def _read_excel(path: Path, sheet: str | None) -> tuple[list[list[Any]], list[str]]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise InputError(
            f"文件“{path.name}”不是 Excel 工作簿，或已损坏。",
            remedy="请在 Excel 中打开并另存为 .xlsx 后再导入。",
        ) from error
    try:
        names = [name for name in book.sheetnames if hasattr(book[name], "iter_rows")]
        if sheet is not None and sheet not in names:
            raise InputError(f"工作簿中没有工作表“{sheet}”。", remedy=f"现有：{'、'.join(names)}。")
        filled: dict[str, list[list[Any]]] = {}
        for name in [sheet] if sheet else names:
            book[name].reset_dimensions()  # some programs write a wrong extent, and rows would be missing
            records = [list(row) for row in book[name].iter_rows(values_only=True)]
            if any(any(cell is not None for cell in row) for row in records):
                filled[name] = records
    finally:
        book.close()
    if len(filled) > 1:
        raise InputError(
            f"工作簿有多张非空的工作表：{'、'.join(filled)}。",
            remedy=f"请用{wording.LAYER}指明要导入的工作表。",
        )
    if not filled:
        raise InputError(f"文件“{path.name}”是空的。", remedy="请检查文件是否完整。")
    name, records = next(iter(filled.items()))
    return records, [f"工作表：{name}"]


def _sheet_table(
    path: Path, records: list[list[Any]], notes: list[str], is_heading: Callable[[str], bool]
) -> RawTable:
    """Find the row of headings (a title may stand above it) and turn the records into columns."""
    at = _heading_row(records, is_heading)
    if at is None:
        raise InputError(f"文件“{path.name}”没有表头。", remedy="请在第一行写上各列的名称。")
    headings = ["" if cell is None else str(cell).strip() for cell in records[at]]
    while headings and not headings[-1]:
        headings.pop()
    width = len(headings)
    findings = Findings()
    rows: list[int] = []
    kept: list[list[Any]] = []
    for i in range(at + 1, len(records)):
        record = records[i]
        if len(record) == width and any(record):
            rows.append(i + 1)
            kept.append(record)
            continue
        if not any(cell is not None and cell != "" for cell in record):
            continue
        extra = record[width:]
        if any(cell is not None and str(cell).strip() for cell in extra):
            findings.refuse(
                i + 1,
                "整行",
                "",
                f"有 {len(record)} 列，比表头的 {width} 列多",
                "请检查是否有未加引号的逗号或多余的单元格。",
            )
            continue
        rows.append(i + 1)
        kept.append(record[:width] + [None] * (width - len(record)))
    if not kept and not findings.refusals:
        raise InputError(f"文件“{path.name}”只有表头，没有数据。", remedy="请检查文件是否完整。")
    columns = [list(column) for column in zip(*kept, strict=True)] if kept else [[] for _ in headings]
    return RawTable(headings, columns, np.array(rows, dtype=np.int64), notes=notes, findings=findings)


def _heading_row(records: list[list[Any]], is_heading: Callable[[str], bool]) -> int | None:
    best, best_known, first = None, 0, None
    for i, record in enumerate(records[:_TITLE_ROWS]):
        cells = [str(cell) for cell in record if cell is not None and str(cell).strip()]
        if cells and first is None:
            first = i
        known = sum(is_heading(cell) for cell in cells)
        if known > best_known:
            best, best_known = i, known
    return first if best is None else best


# -- geodata ----------------------------------------------------------------------------------------------------------


def _read_zip(path: Path) -> RawTable:
    """A zipped Shapefile, as a browser uploads it."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(
            f"文件“{path.name}”不是 zip 压缩包，或已损坏。", remedy="请重新压缩后再导入。"
        ) from error
    with archive, tempfile.TemporaryDirectory(prefix="onemap-import-") as folder:
        members = [m for m in archive.infolist() if not m.is_dir() and "__MACOSX" not in m.filename]
        shapes = [m for m in members if m.filename.lower().endswith(".shp")]
        if len(shapes) != 1:
            raise InputError(
                f"压缩包中应有且只有一个 .shp 文件，现有 {len(shapes)} 个。",
                remedy="请把一套 Shapefile 单独压缩为一个 zip。",
            )
        if sum(m.file_size for m in members) > _UNPACKED_LIMIT:
            raise InputError("压缩包解开后超过 4 GB。", remedy="请分成几份导入。")
        stem = shapes[0].filename[:-4].lower()
        for member in members:
            if member.filename.lower().startswith(stem + "."):
                target = Path(folder) / ("data" + Path(member.filename).suffix.lower())
                target.write_bytes(archive.read(member))
        return _read_geodata(Path(folder) / "data.shp", path.name, None)


def _read_geojson(path: Path) -> RawTable:
    decoded = decode(path.read_bytes())
    table = _read_geodata(decoded.text.encode(), path.name, None)
    # RFC 7946 knows WGS 84 only, and nothing else can be written into the file: only an explicit member states a system.
    if '"crs"' not in decoded.text[:100_000]:
        table.own_crs = None
    table.notes.insert(0, f"编码：{decoded.encoding}")
    return table


def _read_geodata(source: Path | bytes, name: str, layer: str | None) -> RawTable:
    shapefile = isinstance(source, Path) and source.suffix.lower() == ".shp"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            layers = [str(row[0]) for row in pyogrio.list_layers(source)]
            if layer is None and len(layers) > 1:
                raise InputError(
                    f"文件“{name}”有多个图层：{'、'.join(layers)}。",
                    remedy=f"请用{wording.LAYER}指明要导入的图层。",
                )
            if layer is not None and layer not in layers:
                raise InputError(f"文件“{name}”没有图层“{layer}”。", remedy=f"现有：{'、'.join(layers)}。")
            # Latin-1 keeps every byte of a dbf as it is: decoding it is left to us, its own statement is often wrong.
            meta, _, wkb, values = pyogrio.raw.read(
                source, layer=layer, encoding="ISO-8859-1" if shapefile else None, datetime_as_string=True
            )
    except (DataSourceError, DataLayerError, ValueError, RuntimeError) as error:
        raise InputError(
            f"文件“{name}”不能读取：格式损坏或不完整。",
            remedy="Shapefile 须有同名的 .shp、.shx、.dbf；GeoJSON 请检查是否被截断。",
        ) from error
    headings, columns = [str(f) for f in meta["fields"]], [_plain(column) for column in values]
    notes: list[str] = []
    if shapefile:
        headings, columns, note = _decode_dbf(source, headings, columns)
        notes.append(note)
    count = len(wkb) if wkb is not None else len(columns[0]) if columns else 0
    if not count:
        raise InputError(f"文件“{name}”没有要素。", remedy="请检查文件是否完整。")
    rows = np.arange(1, count + 1)
    findings = Findings()
    geometry = None if wkb is None else _geometries(wkb, rows, findings)
    return RawTable(headings, columns, rows, geometry, _crs(meta.get("crs")), "要素", notes, findings)


def _geometries(wkb: NDArray[np.object_], rows: NDArray[np.int64], findings: Findings) -> NDArray[np.object_]:
    """Geometries without heights; a ring that is not closed is closed."""
    strict = shapely.from_wkb(wkb, on_invalid="ignore")
    missing = np.array([s is None and w is not None for s, w in zip(strict, wkb, strict=True)])
    if missing.any():
        mended = shapely.from_wkb(wkb[missing], on_invalid="fix")
        strict[missing] = mended
        for row, shape in zip(rows[missing], mended, strict=True):
            if shape is not None:
                findings.repair(int(row), "几何", "环未闭合，已闭合")
    return np.asarray(shapely.force_2d(strict), dtype=object)


def _plain(column: NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "f":
        return [None if np.isnan(v) else v for v in column.tolist()]
    if column.dtype.kind == "M":
        return [None if np.isnat(v) else v.astype("datetime64[ms]").item() for v in column]
    return list(column.tolist())


def _decode_dbf(
    source: Path | bytes, headings: list[str], columns: list[list[Any]]
) -> tuple[list[str], list[list[Any]], str]:
    preferred = _stated_encoding(source) if isinstance(source, Path) else None
    texts = [h.encode("latin-1") for h in headings]
    for column in columns:
        texts += [v.encode("latin-1") for v in column[:5000] if isinstance(v, str) and not v.isascii()]
    fitting = [name for name in ("utf-8", "gb18030") if _fits(texts, name)]
    if len(fitting) == 2:
        # What says of itself to be in one encoding is often in the other: the one that reads better is right.
        better = likelier(b"".join(texts))
        preferred = better or preferred or "utf-8"
    else:
        preferred = fitting[0] if fitting else preferred or "gb18030"
    known: dict[str, str] = {}

    def text(value: Any) -> Any:
        if not isinstance(value, str) or value.isascii():
            return value
        if value not in known:
            known[value] = decode_value(value.encode("latin-1"), preferred)
        return known[value]

    return (
        [text(h) for h in headings],
        [[text(v) for v in column] for column in columns],
        f"编码：{preferred.upper()}",
    )


def _fits(texts: list[bytes], encoding: str) -> bool:
    """Whether nearly all texts are valid; a column's width may have cut a character in half."""
    wrong = 0
    for raw in texts:
        try:
            raw.decode(encoding)
        except UnicodeDecodeError as error:
            wrong += error.start < len(raw) - 4
    return wrong <= len(texts) // 50


def _stated_encoding(path: Path) -> str | None:
    """What the .cpg beside a Shapefile says, as Python names it."""
    for suffix in (".cpg", ".CPG"):
        beside = path.with_suffix(suffix)
        if beside.is_file():
            word = beside.read_text("ascii", "ignore").strip().lower()
            if word in {"utf-8", "utf8", "65001"}:
                return "utf-8"
            if any(part in word for part in ("gb", "936", "54936")):
                return "gb18030"
    return None


def _crs(text: str | None) -> CRS | None:
    if not text:
        return None
    try:
        return CRS.from_user_input(text)
    except CRSError:
        return None

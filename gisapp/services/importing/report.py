"""The outcome of an import, and its report as a workbook: 汇总, 拒绝, 修复."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from gisapp.domain import clock
from gisapp.readable import clean_text
from gisapp.services.importing.findings import LIMIT, Findings

_HEADING = PatternFill("solid", fgColor="DCE6F1")
#: characters of a cell; Excel takes 32,767
_CELL_LENGTH = 32_000
_SHEET_ROWS = min(LIMIT, 1_000_000)


@dataclass(slots=True)
class Outcome:
    """What became of an import.

    Attributes:
        kind, title: of the data.
        file: name of the file.
        crs: coordinate system as stated.
        source: name of the source.
        unit: 行 or 要素.
        total: rows of the file.
        added, changed, unchanged: rows stored; a line of several parts may count several times.
        findings: refusals and repairs.
        columns: (Chinese name of the field, headings that served it).
        unused: headings that served no field.
        notes: sentences about file and encoding.
        dry_run: whether nothing was stored.
        seconds: how long it took.
        run: number of the import's record; None for a dry run.
    """

    kind: str
    title: str
    file: str
    crs: str
    source: str
    unit: str
    total: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    findings: Findings = field(default_factory=Findings)
    columns: list[tuple[str, str]] = field(default_factory=list)
    unused: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    dry_run: bool = False
    seconds: float = 0.0
    run: int | None = None

    @property
    def refused(self) -> int:
        """Rows of which nothing was stored."""
        return len(self.findings.refused_rows)

    @property
    def repaired(self) -> int:
        """Rows stored with a mended geometry."""
        return len(self.findings.repaired_rows - self.findings.refused_rows)

    def counts(self) -> dict[str, int]:
        """The numbers in Chinese, for the summary and the record of imports."""
        return {
            "总数": self.total,
            "新增": self.added,
            "更新": self.changed,
            "未变": self.unchanged,
            "拒绝": self.refused,
            "修复": self.repaired,
        }

    def as_json(self, *, most: int = 1000) -> dict[str, Any]:
        """For the API and the page; at most ``most`` single refusals and repairs."""
        return {
            "kind": self.kind,
            "title": self.title,
            "file": self.file,
            "crs": self.crs,
            "source": self.source,
            "unit": self.unit,
            "dry_run": self.dry_run,
            "run": self.run,
            "seconds": round(self.seconds, 2),
            "counts": {
                "total": self.total,
                "added": self.added,
                "changed": self.changed,
                "unchanged": self.unchanged,
                "refused": self.refused,
                "repaired": self.repaired,
            },
            "columns": [{"field": f, "column": c} for f, c in self.columns],
            "unused": list(self.unused),
            "notes": list(self.notes),
            "reasons": [{"field": f, "reason": r, "rows": n} for f, r, n in self.findings.reasons()[:50]],
            "refusals": [
                {"row": r.row, "field": r.field, "value": r.value, "reason": r.reason, "remedy": r.remedy}
                for r in self.findings.refusals[:most]
            ],
            "repairs": [
                {"row": r.row, "field": r.field, "what": r.what} for r in self.findings.repairs[:most]
            ],
        }


def write_report(outcome: Outcome, path: Path, remedy: Callable[[str], str] = str) -> Path:
    """Write the workbook; values are text throughout, so that no cell becomes a formula.

    Args:
        remedy: turns remedies into the words of the surface that the user works on.

    Returns:
        the path.
    """
    book = Workbook(write_only=True)
    state = "试运行，未写入" if outcome.dry_run else "已写入"
    summary: list[Sequence[Any]] = [
        ("数据", outcome.title),
        ("文件", outcome.file),
        ("坐标系", outcome.crs),
        ("来源", outcome.source),
        ("时间", clock.now().strftime("%Y-%m-%d %H:%M:%S")),
        ("结果", state),
        *((word, number) for word, number in outcome.counts().items()),
        *(("说明", note) for note in outcome.notes),
        *(("所用的列", f"{name} ← {heading}") for name, heading in outcome.columns),
        *(("未用的列", heading) for heading in outcome.unused),
        *(
            ("拒绝原因", f"{where}：{reason}（{rows} {outcome.unit}）")
            for where, reason, rows in outcome.findings.reasons()
        ),
    ]
    _sheet(book, "汇总", ("项目", "内容"), summary, (14, 80))
    number = "行号" if outcome.unit == "行" else f"{outcome.unit}序号"
    label = outcome.findings.labels.get
    refusals = (
        (r.row, r.field, r.value or label(r.row, ""), r.reason, remedy(r.remedy))
        for r in outcome.findings.refusals[:_SHEET_ROWS]
    )
    _sheet(book, "拒绝", (number, "字段", "值", "原因", "办法"), refusals, (10, 16, 30, 40, 60))
    repairs = ((r.row, r.field, r.what) for r in outcome.findings.repairs[:_SHEET_ROWS])
    _sheet(book, "修复", (number, "字段", "处理"), repairs, (10, 16, 60))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def _sheet(
    book: Workbook, title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[int]
) -> None:
    sheet: WriteOnlyWorksheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDE", widths, strict=False):
        sheet.column_dimensions[letter].width = width
    cells = []
    for head in heads:
        cell = WriteOnlyCell(sheet, head)
        cell.font = Font(bold=True)
        cell.fill = _HEADING
        cells.append(cell)
    sheet.append(cells)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: WriteOnlyWorksheet, value: Any) -> Any:
    if isinstance(value, int):
        return value
    # A workbook can hold no control characters; one in a file must not cost its whole report.
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("�", clean_text(str(value), _CELL_LENGTH)))
    cell.data_type = "s"  # text that begins with = stays text
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell

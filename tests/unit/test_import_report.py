"""The report of an import can be written whatever stood in the file, and holds no formula."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from gisapp.services.importing.report import Outcome, write_report


def test_odd_values_are_shown_and_formulas_stay_texts(tmp_path: Path) -> None:
    outcome = Outcome("people", "人口", "f.csv", "", "f", "行", 3, unused=("a\x00b", "=1+1"))
    for row, value in enumerate(("=cmd|'/C calc'!A0", "a\x01\x0bb", "\ud800", "长" * 40_000), start=2):
        outcome.findings.refuse(row, "姓名", value, "不对", "改")
    book = openpyxl.load_workbook(write_report(outcome, tmp_path / "r.xlsx"))
    cells = {cell.value: cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert cells["=cmd|'/C calc'!A0"] == "s" and cells["=1+1"] == "s"
    assert {"a��b", "\\ud800", "a�b"} <= set(cells)
    assert max(len(str(value)) for value in cells) <= 32_001

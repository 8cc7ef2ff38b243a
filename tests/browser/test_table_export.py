"""A table that is exported holds no formula, whatever its texts begin with; numbers stay numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

CASES: list[tuple[Any, Any]] = [
    ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
    ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
    ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
    ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
    ("@SUM(1+1)*cmd|' /C calc'!A0", "'@SUM(1+1)*cmd|' /C calc'!A0"),
    ("\t=1+1", "'\t=1+1"),
    ("\tabc", "'\tabc"),
    ("\r=1+1", "'\r=1+1"),
    ("\rabc", "'\rabc"),
    ("\n=1+1", "'\n=1+1"),
    ("  =1+1", "'  =1+1"),
    ("\u3000=1+1", "'\u3000=1+1"),
    ("\ufeff=1+1", "'\ufeff=1+1"),
    ("\u0000=1+1", "'\u0000=1+1"),
    ('"=1+1', "'\"=1+1"),
    ("'=1+1", "''=1+1"),
    (",=1+1", "',=1+1"),
    (";=1+1", "';=1+1"),
    ("|=1+1", "'|=1+1"),
    ("，＝1+1", "'，＝1+1"),
    ("＝1+1", "'＝1+1"),
    ("＋1+1", "'＋1+1"),
    ("－1+1", "'－1+1"),
    ("＠SUM(1)", "'＠SUM(1)"),
    ("-1.5", "-1.5"),
    ("+86", "+86"),
    ("-1e-5", "-1e-5"),
    ("-12.5%", "-12.5%"),
    ("-120.1612345, 30.28", "-120.1612345, 30.28"),
    ("-120.16，-30.28", "-120.16，-30.28"),
    ("-1+1", "'-1+1"),
    ("-1,=1", "'-1,=1"),
    ("-120.16 30 x", "'-120.16 30 x"),
    ("-", "-"),
    ("--", "'--"),
    ("长庆街道", "长庆街道"),
    ("a=b", "a=b"),
    ("3-2", "3-2"),
    ("2025-06-01", "2025-06-01"),
    ("“=”是等号", "'“=”是等号"),
    ("", ""),
    (-1.5, -1.5),
    (None, None),
    (True, True),
]


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    found = new_page("manager")
    found.goto("/cases")
    expect(found.locator("#case-total")).to_contain_text("件")
    return found


def test_each_text_is_written_as_told(page: Page) -> None:
    shown = page.evaluate(
        "texts => texts.map((text) => window.dashAgGridFunctions.onemapPlainText(text))",
        [text for text, _ in CASES],
    )
    assert list(zip([text for text, _ in CASES], shown, strict=True)) == CASES


def test_a_case_whose_title_is_a_formula_is_exported_as_a_text(page: Page) -> None:
    box = page.evaluate("async () => (await window.onemapReady).map('map').map.getBounds().toArray().flat()")
    west, south, east, north = box
    title = "=cmd|'/C calc'!A0"
    answer = page.context.request.post(
        "/api/v1/events",
        data={
            "lon": (west + east) / 2,
            "lat": (south + north) / 2,
            "matter_code": "06010",
            "title": title,
            "address": "@SUM(1+1)*cmd",
        },
    )
    assert answer.status == 201, answer.text()
    page.fill("#case-text", "cmd")
    expect(page.locator(".ag-row")).to_have_count(1)
    with page.expect_download() as caught:
        page.locator(".table-tools button", has_text="导出").click()
    written = Path(caught.value.path()).read_bytes()
    assert written.startswith(b"\xef\xbb\xbf") and written.count(b"\xef\xbb\xbf") == 1, (
        "Excel reads it as UTF-8"
    )
    heads, row = csv.reader(io.StringIO(written.decode("utf-8-sig")))
    cells = dict(zip(heads, row, strict=True))
    assert "'" + title in row and title not in row
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row if cell != "-")
    # Headings are those of the table, and what is no formula is as the table shows it.
    assert cells["状态"] == page.locator(".ag-row [col-id=state]").inner_text()

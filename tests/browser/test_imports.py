"""The import page: a file goes in, is checked, is imported, and its report comes out."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, text

from gisapp.store.database import engine_url
from tests.browser.conftest import Served

SHOTS = os.environ.get("ONEMAP_SHOTS")


@pytest.fixture
def lamps(served: Served, tmp_path: Path) -> Path:
    """Lamps in the manager's street as a sheet in GB18030, three of five wrong."""
    with create_engine(engine_url(served.admin_url)).connect() as connection:
        where = text(
            "SELECT ST_X(geom), ST_Y(geom) FROM onemap.component JOIN onemap.app_user u ON u.login = 'manager' "
            "AND place ^@ u.scopes[1] WHERE GeometryType(geom) = 'POINT' ORDER BY component.id LIMIT 1"
        )
        x, y = connection.execute(where).one()
    rows = ["编号,部件小类,经度,纬度,状态", f"L1,路灯,{x},{y},完好", f"L2,01037,{x},{y},破损"]
    rows += [f"L3,路灯,{y},{x},完好", f"L4,飞碟,{x},{y},完好", f"L5,街头座椅,{x},{y},崭新"]
    path = tmp_path / "路灯普查.csv"
    path.write_text("\n".join(rows), encoding="gb18030")
    return path


def choose(page: Page, what: str, option: str) -> None:
    """Choose an option of a select."""
    page.locator(f"#import-{what}").click()
    page.get_by_role("option", name=option, exact=False).first.click()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(400)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def test_a_file_is_checked_imported_and_reported(new_page: Callable[..., Page], lamps: Path) -> None:
    page = new_page("manager")
    warned: list[str] = []
    page.on("console", lambda message: warned.append(message.text) if "AG Grid" in message.text else None)
    page.goto("/imports")
    expect(page.get_by_role("heading", name="数据导入")).to_be_visible()
    expect(page.locator("#import-check")).to_be_disabled()
    shot(page, "imports-empty")
    page.set_input_files(".import-chooser", str(lamps))
    expect(page.locator("#import-drop")).to_contain_text("已上传")
    choose(page, "kind", "部件")
    choose(page, "crs", "WGS 84")
    expect(page.locator("#import-run")).to_be_disabled()
    page.click("#import-check")
    result = page.locator("#import-result")
    expect(result).to_contain_text("检查结果，还没有写入", timeout=60_000)
    refused = page.locator("#import-refused")
    expect(refused).to_contain_text("没有部件小类代码“飞碟”")
    expect(refused).to_contain_text("坐标不可能属于 WGS84")
    expect(refused).to_contain_text("不在可选值之内")
    expect(refused).to_contain_text("“更多选项”里的“列的对应”")
    expect(refused).not_to_contain_text("--map")
    assert warned == []
    shot(page, "imports-checked")
    page.click("#import-run")
    expect(result).to_contain_text("已写入", timeout=60_000)
    expect(page.locator("#import-history")).to_contain_text("路灯普查.csv")
    with page.expect_download() as caught:
        page.get_by_role("link", name="下载报告").click()
    assert caught.value.suggested_filename == "路灯普查-导入报告.xlsx"
    book = openpyxl.load_workbook(BytesIO(Path(caught.value.path()).read_bytes()))
    assert book.sheetnames == ["汇总", "拒绝", "修复"] and book["拒绝"].max_row == 4
    page.click("#import-check")
    expect(result).to_contain_text("检查结果，还没有写入", timeout=60_000)
    shot(page, "imports-again")


def test_a_file_of_another_kind_is_turned_away_with_its_reason(
    new_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = new_page("manager")
    page.goto("/imports")
    path = tmp_path / "照片.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    page.set_input_files(".import-chooser", str(path))
    expect(page.locator("#import-drop")).to_contain_text("不支持“照片.jpg”这种文件")


def test_the_page_on_a_phone(new_page: Callable[..., Page]) -> None:
    page = new_page("manager", viewport={"width": 390, "height": 844})
    page.goto("/imports")
    expect(page.locator("#import-drop")).to_be_visible()
    assert page.evaluate("document.querySelector('.imports').scrollWidth <= innerWidth")
    shot(page, "imports-phone")


def test_only_managers_import(new_page: Callable[..., Page]) -> None:
    page = new_page("planner")
    page.goto("/imports")
    expect(page.locator("#page-content")).to_contain_text("由网格管理员使用")

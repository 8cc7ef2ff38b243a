"""The front end's house: pages are found, the index names no other host, states and profiles are drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from plotly.utils import PlotlyJSONEncoder

from dash_app import index
from dash_app.page import Page, discover
from dash_app.parts import icons, states
from dash_app.parts.map_view import map_view
from dash_app.parts.profile import profile_panel
from gisapp.domain.access import NOBODY, SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import Forbidden
from gisapp.services.rooms import occupancy_of
from layers.registry import layers_for

ROOT = Path(index.ROOT)
LEADER = Reader(1, "leader", "领导", Role.LEADER, Scope(["330103003"]))


def _drawn(part: object) -> str:
    return json.dumps(part, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_every_page_has_its_own_path_a_chinese_title_and_a_symbol() -> None:
    pages = discover()
    assert {"/", "/sign-in", "/screen", "/cases", "/grids"} <= set(pages)
    for page in pages.values():
        assert re.fullmatch(r"/[a-z-]*", page.path)
        assert re.search(r"[一-鿿]", page.title)
        assert page.icon in icons.names()
    shown = [page.nav for page in pages.values() if page.nav is not None]
    assert shown == sorted(shown)


def test_a_page_file_without_a_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_pages"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="exposes no PAGE"):
        discover("some_pages")


def test_a_page_is_open_to_its_roles_and_to_administrators() -> None:
    page = Page("/x", "页", lambda _reader: None, roles=(Role.PLANNER,))  # type: ignore[arg-type, return-value]
    assert not page.open_to(LEADER)
    assert page.open_to(SYSTEM)
    assert not page.open_to(NOBODY)


def test_what_a_map_starts_with_is_asked_for_at_once() -> None:
    """Whatever a module of the start imports is named by the index too: no import waits for another one."""
    names = index.preloaded()
    assert {"main", "map", "view_state", "feed", "live_map"} <= set(names)
    for name in names:
        text = (index.MODULES / f"{name}.mjs").read_text(encoding="utf-8")
        assert set(re.findall(r"\bfrom '\./(\w+)\.mjs'", text)) <= set(names), name
        assert f'/{name}.mjs">' in index.index_string()


def test_no_page_and_no_layer_is_for_a_gateway() -> None:
    gateway = Reader(2, "gate", "网关", Role.DEVICE, Scope.everything())
    assert [page.path for page in discover().values() if page.open_to(gateway)] == []
    assert layers_for(gateway) == []
    assert layers_for(LEADER)


def test_the_index_names_no_other_host() -> None:
    assert re.findall(r"https?://[^\s\"']+", index.index_string()) == []


def test_every_script_of_the_index_carries_the_nonce_and_nothing_else_changes() -> None:
    """Executed in this page are the first script, the import map, the modules and what Dash adds; each is marked."""
    page = index.index_string().replace(
        "{%scripts%}", '<script src="/x.js"></script>\n<script>var a = "<b>";</script>'
    )
    drawn = index.Drawn(page)
    shown = drawn.with_nonce("abc-_9").decode()
    assert shown.count('<script nonce="abc-_9"') == page.count("<script") >= 5
    assert not re.search(r"<script(?! nonce=)", shown)
    assert shown.replace(' nonce="abc-_9"', "") == page
    assert drawn.with_nonce("other") != drawn.with_nonce("abc-_9")


def test_modules_are_small_and_name_no_other_host() -> None:
    for path in sorted(index.MODULES.glob("*.mjs")):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 420, path.name
        found = [url for url in re.findall(r"https?://[^\s\"'`$]+", text) if "www.w3.org/2000/svg" not in url]
        assert found == [], path.name


def test_every_imported_module_exists() -> None:
    for path in index.MODULES.glob("*.mjs"):
        for name in re.findall(r"from '\./([\w.]+)'", path.read_text(encoding="utf-8")):
            assert (index.MODULES / name).exists(), f"{path.name} imports {name}"
    for host in ROOT.glob("dash_app/**/*.py"):
        for name in re.findall(r'"data-onemap": "(\w+)"', host.read_text(encoding="utf-8")):
            assert (index.MODULES / f"{name}.mjs").exists(), f"{host.name} mounts {name}"


def test_the_address_of_modules_follows_their_content(tmp_path: Path) -> None:
    file = tmp_path / "a.mjs"
    file.write_text("one")
    before = index.digest(file)
    file.write_text("two")
    assert index.digest(file) != before


def test_states_say_what_to_do() -> None:
    assert "请联系上级" in _drawn(states.failed(Forbidden("不能看。", remedy="请联系上级。")))
    assert "导入" in _drawn(states.empty("没有网格", "在“导入”中导入网格。"))


def test_a_map_without_anything_drawn_says_what_is_missing_and_who_can_help() -> None:
    manager = Reader(2, "manager", "管理员", Role.MANAGER, Scope(["330103003"]))
    assert "联系网格管理员导入" in _drawn(map_view(None, LEADER)) and "/imports" not in _drawn(
        map_view(None, LEADER)
    )
    assert '"href": "/imports"' in _drawn(map_view(None, manager))
    assert "还没有地图数据" not in _drawn(map_view(None, manager, bounds=(120.1, 30.2, 120.2, 30.3)))


def test_a_number_of_a_profile_opens_its_list_and_unknown_is_not_nought() -> None:
    profile = {
        "kind": "building",
        "id": "7",
        "title": "一号楼",
        "counts": [{"label": "人口", "value": 3, "unit": "人", "list": "people"}],
        "lists": [
            {
                "name": "people",
                "title": "人口",
                "total": 120,
                "rows": [{"kind": "person", "id": "1", "title": "张*"}],
            }
        ],
        "fields": [{"label": "建成年份", "value": None, "unit": "年"}],
        "as_of": "14:32",
    }
    text = _drawn(profile_panel(profile))
    assert '"data-open-list": "people"' in text
    assert '"data-more": "building/7/people"' in text
    assert "还有 119 条" in text
    assert "未知" in text
    assert "截至 14:32" in text
    assert "楼盘表" in text


@pytest.mark.parametrize(
    ("use", "registered", "resident", "floating", "expected"),
    [
        ("rented", 1, 0, 2, "registered"),
        ("rented", 0, 1, 2, "resident"),
        ("rented", 0, 0, 2, "floating"),
        ("vacant", 0, 0, 0, "vacant"),
        ("business_use", 0, 0, 0, "business_use"),
        ("owner_occupied", 0, 0, 0, "unknown"),
        ("vacant", 0, 0, 1, "floating"),
    ],
)
def test_who_lives_in_a_room(use: str, registered: int, resident: int, floating: int, expected: str) -> None:
    assert occupancy_of(use, registered, resident, floating) == expected

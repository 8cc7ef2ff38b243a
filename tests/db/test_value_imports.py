"""Values that cannot be, in imported files and on the command line: the row or the option is named, nothing ends in a trace."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gisapp.cli import main
from gisapp.domain.access import SYSTEM
from gisapp.errors import InputError, OnemapError
from gisapp.services import accounts
from gisapp.services.importing.order import Order
from gisapp.services.importing.run import import_layer
from gisapp.store.database import Database
from tests.db.import_world import build, load, scalar, sheet

HEAD = ["编号", "名称", "类别", "经度", "纬度"]
GOOD = ["P1", "甲", "学校", "120.161", "30.281"]


@pytest.fixture(scope="module")
def place(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    build(database, tmp_path_factory.mktemp("world"))
    return database


ROWS: list[tuple[str, str, str, str]] = [
    # heading, value, field of the refusal, part of the reason
    ("经度", "1_20.161", "经度", "不是数字"),
    ("经度", "٣", "经度", "不是数字"),
    ("经度", "nan", "位置", "没有坐标"),
    ("经度", "inf", "经度", "不是数字"),
    ("经度", "1e308", "经度", "超出范围"),
    ("纬度", "9" * 400, "纬度", "不是数字"),
    ("名称", "\u200b", "名称", "必填项为空"),
    ("名称", "\u3164", "名称", "必填项为空"),
    ("名称", "字" * 501, "名称", "超过"),
]


@pytest.mark.parametrize(("heading", "value", "field", "reason"), ROWS, ids=lambda v: str(v)[:20])
def test_a_row_is_refused_by_itself(
    place: Database, tmp_path: Path, heading: str, value: str, field: str, reason: str
) -> None:
    bad = [value if name == heading else one for name, one in zip(HEAD, GOOD, strict=True)]
    path = sheet(tmp_path / "场所.csv", [HEAD, ["P2", *GOOD[1:]], bad])
    outcome = load(place, "places", path, dry_run=True)
    assert {r.row for r in outcome.findings.refusals} == {3}
    assert any(r.field == field and reason in r.reason for r in outcome.findings.refusals)


def test_full_width_digits_of_a_file_are_digits(place: Database, tmp_path: Path) -> None:
    """What Chinese input methods write; only here, and nowhere where a program sends numbers."""
    path = sheet(tmp_path / "全角.csv", [HEAD, ["P9", "甲", "学校", "１２０．１６１", "30.281"]])
    assert not load(place, "places", path, dry_run=True).findings.refusals


def test_half_characters_and_controls_in_geojson(place: Database, tmp_path: Path) -> None:
    def feature(name: str) -> dict[str, Any]:
        at = {"type": "Point", "coordinates": [120.161, 30.281]}
        return {"type": "Feature", "geometry": at, "properties": {"名称": name, "类别": "学校"}}

    path = tmp_path / "点.geojson"
    names = ["甲\x00乙", "\ud800", "丙\x1b[31m"]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature(n) for n in names]}))
    outcome = load(place, "places", path)
    assert outcome.added + outcome.refused == 3
    kept = scalar(place, "SELECT string_agg(name, '|') FROM poi WHERE source = '点'") or ""
    assert all(one.isprintable() for one in kept)


@pytest.mark.parametrize(
    ("coordinates", "said"),
    [("[NaN, 30]", ""), ("[1e999, 30]", ""), ("[" + "9" * 400 + ", 30]", ""), ("[1e308, 30]", "")],
    ids=["nan", "infinite", "long", "huge"],
)
def test_coordinates_of_geojson(place: Database, tmp_path: Path, coordinates: str, said: str) -> None:
    path = tmp_path / "坏.geojson"
    point = f'{{"type":"Feature","geometry":{{"type":"Point","coordinates":{coordinates}}},"properties":{{"名称":"甲","类别":"学校"}}}}'
    path.write_text(f'{{"type":"FeatureCollection","features":[{point}]}}', encoding="utf-8")
    try:
        outcome = load(place, "places", path)
    except InputError as error:
        assert error.message and error.remedy
    else:
        assert outcome.added == 0 and outcome.refused == 1


def test_instants_of_positions(place: Database, tmp_path: Path) -> None:
    with place.begin(SYSTEM) as connection:
        connection.exec_driver_sql(
            "INSERT INTO onemap.grid_worker(place, code, name) VALUES ('330103001001001', 'W9', '王芳')"
        )
    head = ["网格员", "时间", "经度", "纬度"]
    bad = [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2025-06-01 00:00:00+16:00",
        "2025-06-01 00:00:00-23:59",
    ]
    rows = [["W9", at, "120.161", "30.281"] for at in ["2025-06-01 08:00:00+08:00", *bad]]
    outcome = load(place, "fixes", sheet(tmp_path / "轨迹.csv", [head, *rows]), dry_run=True)
    refused = {r.row: r.reason for r in outcome.findings.refusals}
    assert set(refused) == {3, 4, 5, 6}, refused
    assert "年份" in refused[3] and "年份" in refused[4]
    assert "时区" in refused[5] and "时区" in refused[6]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"source": "x" * 101}, "source"),
        ({"source": "a\x00"}, "source"),
        ({"layer": "\ud800"}, "layer"),
        ({"mapping": {"名称": "x" * 201}}, "mapping"),
        ({"mapping": {f"f{i}": "x" for i in range(101)}}, "mapping"),
        ({"values": {"名称": "x" * 501}}, "values"),
        ({"values": {"名称": "\x00"}}, "values"),
        ({"file_name": "x" * 201}, "file"),
        ({"crs": "x" * 65}, "crs"),
        ({"kind": "没有"}, "kind"),
        ({"place": "330103001", "place_name": "x" * 101}, "place_name"),
    ],
    ids=str,
)
def test_options_of_an_import(place: Database, tmp_path: Path, more: dict[str, Any], field: str) -> None:
    path = sheet(tmp_path / "场所.csv", [HEAD, GOOD])
    given = {"kind": "places", "path": path, "crs": "WGS84", **more}
    if "place_name" in given:
        from gisapp.domain.keys import PlaceKey
        from gisapp.services.importing.locating import Fallback

        given["fallback"] = Fallback(PlaceKey(given.pop("place")), given.pop("place_name"))
    with pytest.raises(InputError) as found:
        import_layer(place, SYSTEM, Order(**given))
    assert found.value.details["field"] == field


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    place: Database,
    urls: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """A function that runs a command and gives its exit status and what it printed."""
    monkeypatch.setenv("ONEMAP_DATABASE_URL", urls[1])
    monkeypatch.setenv("ONEMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run_(*words: str) -> tuple[int, str]:
        try:
            main(list(words))
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run_


HALF = os.fsdecode(b"\xff")
"""What Python makes of an argument that is no UTF-8."""

COMMANDS: list[tuple[list[str], str]] = [
    (["users", "add", "a\x07b", "--name", "甲", "--role", "leader", "--place", "33"], "U+0007"),
    (["users", "add", HALF, "--name", "甲", "--role", "leader", "--place", "33"], "U+DCFF"),
    (["users", "add", "\u200b", "--name", "甲", "--role", "leader", "--place", "33"], "用户名为空"),
    (["users", "add", "x" * 65, "--name", "甲", "--role", "leader", "--place", "33"], "超过上限 64"),
    (["users", "add", "abc", "--name", "\u200b", "--role", "leader", "--place", "33"], "姓名为空"),
    (["users", "add", "abc", "--name", "字" * 101, "--role", "leader", "--place", "33"], "超过上限 100"),
    (["users", "add", "abc", "--name", "甲", "--role", "leader", "--place", "٣٣"], "地点编码“٣٣”无效"),
    (
        ["users", "add", "abc", "--name", "甲", "--role", "leader", "--place", "33", "--password", "x" * 257],
        "密码超过 256 个字符",
    ),
    (["users", "scope", "a\x00", "33"], "U+0000"),
    (["grids", "list", "--place", "1_0"], "地点编码“1_0”无效"),
    (["grids", "list", "--place", "990000"], "编码 990000 以内没有社区"),
    (["grids", "check", "--place", "٣٣"], "地点编码“٣٣”无效"),
    (["grids", "check", "--place", "990000"], "编码 990000 以内没有社区"),
    (["grids", "export", "x.json", "--place", "990000"], "编码 990000 以内没有社区"),
    (["grids", "export", "x.json", "--on", "0001-01-01"], "年份 1 超出范围"),
    (["grids", "export", "x.json", "--on", "9999-12-31"], "年份 9999 超出范围"),
    (["import", "layer", "places", "x.csv", "--timezone", "Asia"], "没有时区“Asia”"),
    (["import", "layer", "places", "x.csv", "--timezone", "a" * 300], "时区有 300 个字符"),
    (["import", "layer", "places", "x" * 5000, "--crs", "WGS84"], "没有文件"),
    (
        ["import", "layer", "places", "x.csv", "--source", "x" * 101, "--crs", "WGS84"],
        "来源名称有 101 个字符",
    ),
    (["import", "layer", "places", "x.csv", "--place", "٣", "--crs", "WGS84"], "地点编码“٣”无效"),
    (["import", "osm", "x.osm.pbf", "--place", "33", "--place-name", "x" * 101], "地点名称有 101 个字符"),
]


@pytest.mark.parametrize(
    ("words", "said"), COMMANDS, ids=lambda v: " ".join(map(str, v))[:50] if isinstance(v, list) else ""
)
def test_commands(run: Run, words: list[str], said: str) -> None:
    status, printed = run(*words)
    assert status != 0, printed
    assert said in printed and "Traceback" not in printed


def test_an_account_without_a_visible_name_is_refused_whoever_asks(place: Database) -> None:
    with pytest.raises(OnemapError) as found:
        accounts.save_user(
            place, login="abc", name="\u2060", role="leader", scopes=["33"], password="a-password-of-tests"
        )
    assert found.value.details["field"] == "name"

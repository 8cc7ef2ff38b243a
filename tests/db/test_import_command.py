"""The command line's imports: what is printed, where the report goes, how it ends."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from gisapp.cli import main
from gisapp.store.database import Database
from tests.db.import_world import build, scalar, sheet

HEAD = ["名称", "类别", "jd", "wd"]
MAPPED = ["--map", "经度=jd", "--map", "纬度=wd"]


@pytest.fixture(scope="module")
def place(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    build(database, tmp_path_factory.mktemp("world"))
    return database


@pytest.fixture
def run(place, urls, tmp_path, monkeypatch, capsys):
    """A function that runs a command and gives its exit status and what it printed."""
    monkeypatch.setenv("ONEMAP_DATABASE_URL", urls[1])
    monkeypatch.setenv("ONEMAP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")

    def run_(*words: str) -> tuple[int, str]:
        try:
            main(["import", *words])
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run_


def test_a_layer_with_a_report(run, place, tmp_path):
    path = sheet(
        tmp_path / "场所.csv", [HEAD, ["甲", "学校", 120.161, 30.281], ["", "学校", 120.161, 30.281]]
    )
    status, said = run("layer", "places", str(path), "--crs", "WGS84", *MAPPED)
    assert status == 0 and "名称，必填项为空（1 行）" in said
    report = Path(said.partition("报告：")[2].strip())
    assert report.parent == tmp_path / "data" / "reports"
    assert [s.title for s in openpyxl.load_workbook(report)] == ["汇总", "拒绝", "修复"]
    named = tmp_path / "my.xlsx"
    status, _ = run(
        "layer", "places", str(path), "--crs", "WGS84", *MAPPED, "--dry-run", "--report", str(named)
    )
    assert status == 0 and named.is_file()
    assert scalar(place, "SELECT count(*) FROM poi WHERE source = '场所'") == 1


def test_one_value_for_all_rows_and_a_place_abroad(run, place, tmp_path):
    path = sheet(tmp_path / "外.csv", [["名称", "经度", "纬度"], ["Koulu", 24.94, 60.17]])
    words = [
        "layer",
        "places",
        str(path),
        "--crs",
        "WGS84",
        "--set",
        "类别=学校",
        "--place",
        "990358",
        "--place-name",
        "赫尔辛基",
    ]
    assert run(*words)[0] == 0
    assert scalar(place, "SELECT kind || place FROM poi WHERE name = 'Koulu'") == "学校990358"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--crs", "WGS84"], "缺少必需的列"),
        ([], "没有声明坐标系"),
        (["--crs", "北京54"], "不认识坐标系"),
        (["--crs", "WGS84", "--map", "名称"], "无效"),
        (["--crs", "WGS84", "--place-name", "x"], "没有给出编码"),
        (["--crs", "WGS84", "--place", "12345"], "地点编码"),
        (["--crs", "WGS84", "--timezone", "Mars"], "没有时区"),
    ],
)
def test_wrong_orders_end_with_their_remedy(run, tmp_path, words, said):
    path = sheet(tmp_path / "a.csv", [HEAD, ["甲", "学校", 120.161, 30.281]])
    status, text = run("layer", "places", str(path), *words)
    assert status == 1 and said in text and "→" in text


def test_remedies_name_options_here_and_fields_in_the_form(run, tmp_path):
    path = sheet(tmp_path / "b.csv", [HEAD, ["甲", "学校", 1, 1]])
    named = tmp_path / "b.xlsx"
    run("layer", "places", str(path), "--crs", "WGS84", *MAPPED, "--report", str(named))
    remedy = openpyxl.load_workbook(named)["拒绝"]["E2"].value
    assert "或填写 --place；" in remedy and "“" not in remedy
    assert "请用 --map 写明 字段=列名" in run("layer", "places", str(path), "--crs", "WGS84")[1]
    assert "→ 请用 --crs 声明" in run("layer", "places", str(path))[1]


def test_a_file_of_which_nothing_is_accepted_ends_badly(run, tmp_path):
    path = sheet(tmp_path / "坏.csv", [HEAD, ["甲", "学校", 1, 1]])
    assert run("layer", "places", str(path), "--crs", "WGS84", *MAPPED)[0] == 1


def test_kinds_and_their_fields(run):
    assert "buildings" in run("kinds")[1]
    status, said = run("kinds", "楼栋")
    assert status == 0 and "building:levels" in said
    assert run("kinds", "dragons")[0] == 1


def test_what_is_no_openstreetmap_file(run, tmp_path):
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(b"nothing")
    status, said = run("osm", str(path), "--place", "990358", "--place-name", "x")
    assert status == 1 and "不能读取" in said

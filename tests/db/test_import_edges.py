"""What files and machines do at their worst."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gisapp.domain.access import SYSTEM
from gisapp.errors import InputError
from gisapp.store.database import Database
from tests.db import import_world as world
from tests.db.import_world import EAST, WEST, load, numbers, reasons, scalar, sheet

HEAD = ["名称", "类别", "经度", "纬度"]


@pytest.fixture(scope="module")
def place(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    world.build(database, tmp_path_factory.mktemp("world"))
    return database


def test_a_crossing_ring_is_stored_sound_and_reported(place, tmp_path):
    bow = shapely.Polygon([(120.162, 30.282), (120.163, 30.283), (120.163, 30.282), (120.162, 30.283)])
    path = world.geojson(tmp_path / "楼.geojson", [(bow, {"id": "x1", "名称": "蝴蝶"})])
    outcome = load(place, "buildings", path)
    assert numbers(outcome) == (1, 0, 0, 0) and outcome.repaired == 1
    assert scalar(
        place, "SELECT ST_IsValid(geom) AND ST_Area(geom) > 0 FROM building WHERE source_key = 'x1'"
    )
    assert numbers(load(place, "buildings", path)) == (0, 0, 1, 0)


def test_degrees_stated_as_metres_are_refused_with_a_hint(place, tmp_path):
    path = sheet(tmp_path / "a.csv", [HEAD, ["甲", "学校", 120.161, 30.281]])
    outcome = load(place, "places", path, "EPSG:4549")
    assert numbers(outcome) == (0, 0, 0, 1) and "经纬度" in outcome.findings.refusals[0].remedy


def test_the_unshifted_and_the_shifted_system_are_different_places(place, tmp_path):
    path = sheet(tmp_path / "b.csv", [HEAD, ["乙", "学校", 120.1678, 30.281]])
    assert numbers(load(place, "places", path, "WGS84", source="as-is")) == (1, 0, 0, 0)
    assert numbers(load(place, "places", path, "GCJ02", source="shifted")) == (1, 0, 0, 0)
    gap = scalar(
        place,
        "SELECT ST_Distance(ST_Transform(a.geom, 4549), ST_Transform(b.geom, 4549)) FROM poi a, poi b "
        "WHERE a.source = 'as-is' AND b.source = 'shifted'",
    )
    assert 300 < gap < 800


def test_missing_columns_name_themselves(place, tmp_path):
    path = sheet(tmp_path / "c.csv", [["名称", "备注"], ["甲", "x"]])
    with pytest.raises(InputError, match="类别、经度、纬度") as caught:
        load(place, "places", path)
    assert "名称、备注" in (caught.value.remedy or "")


def test_points_for_areas_are_refused(place, tmp_path):
    path = sheet(tmp_path / "d.csv", [["名称", "经度", "纬度"], ["甲", 120.161, 30.281]])
    with pytest.raises(InputError, match="只有点坐标"):
        load(place, "buildings", path)
    points = world.geojson(tmp_path / "d.geojson", [(shapely.Point(120.161, 30.281), {"名称": "甲"})])
    assert reasons(load(place, "buildings", points)) == [(1, "应为面，这里是点")]


def test_an_empty_file_and_a_file_of_headings(place, tmp_path):
    (tmp_path / "e.csv").write_bytes(b"")
    with pytest.raises(InputError, match="空的"):
        load(place, "places", tmp_path / "e.csv")
    with pytest.raises(InputError, match="只有表头"):
        load(place, "places", sheet(tmp_path / "f.csv", [HEAD]))


def test_a_file_of_two_encodings(place, tmp_path):
    lines = [
        ",".join(HEAD).encode(),
        "胭脂新村社区服务中心,便民服务,120.161,30.281".encode(),
        "灯芯巷社区卫生服务站,卫生,120.162,30.281".encode("gb18030"),
        b"\xe6\x88\xff\xff," + "学校,120.163,30.281".encode(),
    ]
    (tmp_path / "混.csv").write_bytes(b"\r\n".join(lines))
    outcome = load(place, "places", tmp_path / "混.csv")
    assert numbers(outcome) == (2, 0, 0, 1)
    assert any("混用" in note for note in outcome.notes)
    assert reasons(outcome) == [(4, "含有无法识别的字符（编码损坏）")]
    assert (
        scalar(
            place, "SELECT count(*) FROM poi WHERE name IN ('胭脂新村社区服务中心', '灯芯巷社区卫生服务站')"
        )
        == 2
    )


def test_hostile_text_is_only_text(place, tmp_path):
    nasty = ["'; DROP TABLE onemap.poi; --", '=HYPERLINK("http://x")', "%s {} \\x00 $1", "a" * 121]
    rows = [HEAD, *([name, "学校", 120.161 + i / 10000, 30.281] for i, name in enumerate(nasty))]
    outcome = load(place, "places", sheet(tmp_path / "坏心.csv", rows))
    assert numbers(outcome) == (3, 0, 0, 1)
    assert scalar(place, "SELECT count(*) FROM poi WHERE source = '坏心'") == 3


SCRIPT = """
import sys
from pathlib import Path
from gisapp.domain.access import SYSTEM
from gisapp.services.importing.order import Order
from gisapp.services.importing.run import import_layer
from gisapp.store.database import Database

def progress(what, done, of):
    print(what, flush=True)

import_layer(Database(sys.argv[1]), SYSTEM, Order("components", Path(sys.argv[2]), "WGS84"), progress)
print("完成", flush=True)
"""


def start(urls, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, urls[1], str(path)],
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


@pytest.mark.parametrize("stage", ["写入", "比对", "入库", "更新统计与搜索"])
def test_killed_in_the_middle_nothing_is_half_done(place, urls, tmp_path, stage):
    count = 4000
    rng = np.random.default_rng(9)
    rows = [["编号", "部件小类", "经度", "纬度"]]
    xs, ys = rng.uniform(120.1605, 120.1675, count), rng.uniform(30.2805, 30.2835, count)
    rows += [[f"K{i}", "01037", x, y] for i, (x, y) in enumerate(zip(xs, ys, strict=True))]
    path = sheet(tmp_path / f"杀{stage}.csv", rows)
    before = scalar(place, "SELECT count(*) FROM component"), scalar(place, "SELECT count(*) FROM import_run")
    process = start(urls, path)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == stage:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(30) == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while (
        scalar(
            place,
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%staged_import%'",
        )
        > 1
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (
        scalar(place, "SELECT count(*) FROM component"),
        scalar(place, "SELECT count(*) FROM import_run"),
    ) == before
    # what was interrupted is simply done again
    assert numbers(load(place, "components", path, "WGS84")) == (count, 0, 0, 0)
    assert numbers(load(place, "components", path, "WGS84")) == (0, 0, count, 0)


def test_two_imports_of_one_file_at_once_store_it_once(place, urls, tmp_path):
    rows = [
        ["编号", "部件小类", "经度", "纬度"],
        *([f"T{i}", "01037", 120.161 + i / 1e6, 30.281] for i in range(500)),
    ]
    path = sheet(tmp_path / "同时.csv", rows)
    both = [start(urls, path) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0 and "完成" in out
    assert scalar(place, "SELECT count(*) FROM component WHERE source = '同时'") == 500


def test_two_hundred_thousand_rows(place, tmp_path):
    count = 200_000
    rng = np.random.default_rng(11)
    kinds = np.array(["01037", "路灯", "0407", "街头座椅"], dtype=object)[rng.integers(0, 4, count)]
    path = tmp_path / "大.csv"
    xs, ys = rng.uniform(120.16, 120.168, count).round(8), rng.uniform(30.28, 30.284, count).round(8)
    with path.open("w", encoding="gb18030") as file:
        file.write("编号,部件小类,经度,纬度\n")
        file.writelines(f"B{i},{k},{x},{y}\n" for i, (k, x, y) in enumerate(zip(kinds, xs, ys, strict=True)))
        file.write("B-bad,路灯,120.161,999\n")
    first = load(place, "components", path, "WGS84")
    assert numbers(first) == (count, 0, 0, 1) and reasons(first)[0][0] == count + 2
    second = load(place, "components", path, "WGS84")
    assert numbers(second) == (0, 0, count, 1)
    west = int((xs < 120.164).sum())
    with place.begin(SYSTEM) as connection:
        found = dict(
            connection.execute(
                text("SELECT place, count(*) FROM component WHERE source = '大' GROUP BY place")
            ).all()
        )
    assert found[WEST] + found[EAST] == count and abs(found[WEST] - west) < 5
    print(f"200,000 rows: {count / first.seconds:,.0f}/s new, {count / second.seconds:,.0f}/s unchanged")

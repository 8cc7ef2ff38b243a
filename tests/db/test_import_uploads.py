"""Files received through the browser: kept for their user only, under names that cannot lead elsewhere."""

from __future__ import annotations

import io
import os
import time

import pytest

from gisapp.domain.access import Role
from gisapp.errors import Forbidden, InputError, NotFound
from gisapp.services.importing import uploads
from tests.db.import_world import WEST, build

LINES = "名称,类别,经度,纬度\n甲,学校,120.161,30.281\n,学校,120.161,30.281\n".encode("gb18030")


@pytest.fixture(scope="module")
def place(database, tmp_path_factory):
    build(database, tmp_path_factory.mktemp("world"))
    return database


@pytest.fixture
def manager(reader):
    return reader(Role.MANAGER, WEST, user_id=41)


def send(tmp_path, who, name="../../学校.csv", content=LINES):
    return uploads.receive(tmp_path, who, name, io.BytesIO(content))


def test_checked_then_imported_with_its_report(place, manager, tmp_path):
    sent = send(tmp_path, manager)
    assert sent["file"] == "学校.csv" and sent["size"] == len(LINES)
    assert [p.name for p in tmp_path.iterdir()] == ["uploads"]
    asked = {"kind": "places", "crs": "WGS84"}
    with pytest.raises(NotFound, match="报告"):
        uploads.report(manager, tmp_path, sent["token"], "places")
    checked = uploads.perform(place, manager, tmp_path, sent["token"], uploads.Request(**asked))
    counts = checked["outcomes"][0]["counts"]
    assert (counts["added"], counts["refused"], checked["outcomes"][0]["dry_run"]) == (1, 1, True)
    done = uploads.perform(place, manager, tmp_path, sent["token"], uploads.Request(**asked, dry_run=False))
    assert done["outcomes"][0]["counts"]["added"] == 1 and done["outcomes"][0]["source"] == "学校"
    path, name = uploads.report(manager, tmp_path, sent["token"], "places")
    assert path.stat().st_size > 0 and name == "学校-导入报告.xlsx"
    assert uploads.history(place, manager)[0]["file_name"] == "学校.csv"
    again = uploads.perform(place, manager, tmp_path, sent["token"], uploads.Request(**asked))
    assert again["outcomes"][0]["counts"]["unchanged"] == 1


def test_nobody_elses_file_is_found(place, manager, reader, tmp_path):
    sent = send(tmp_path, manager)
    other = reader(Role.MANAGER, WEST, user_id=42)
    for token in (sent["token"], "../41/" + sent["token"], "", "x" * 32):
        with pytest.raises(NotFound):
            uploads.perform(place, other, tmp_path, token, uploads.Request("places", "WGS84"))
    with pytest.raises(NotFound):
        uploads.report(manager, tmp_path, sent["token"], "../name")
    for call in (
        lambda: send(tmp_path, reader(Role.PLANNER, WEST)),
        lambda: uploads.history(place, reader(Role.WORKER, WEST)),
    ):
        with pytest.raises(Forbidden):
            call()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.exe", LINES, "不支持"), ("a", LINES, "不支持"), ("a.csv", b"", "空的")],
    ids=("program", "no-ending", "empty"),
)
def test_what_is_not_received_leaves_nothing(manager, tmp_path, name, content, said):
    with pytest.raises(InputError, match=said):
        send(tmp_path, manager, name, content)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_too_large_files_are_turned_away(manager, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "LIMIT", 10)
    with pytest.raises(InputError, match="512 MB"):
        send(tmp_path, manager)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_files_of_yesterday_are_forgotten(manager, tmp_path):
    old = send(tmp_path, manager)
    folder = tmp_path / "uploads" / "41" / old["token"]
    past = time.time() - uploads.KEPT - 60
    os.utime(folder, (past, past))
    new = send(tmp_path, manager)
    assert [p.name for p in folder.parent.iterdir()] == [new["token"]]


def test_a_packed_openstreetmap_file_keeps_its_double_ending(manager, tmp_path):
    sent = send(tmp_path, manager, "Helsinki.osm.pbf", b"x")
    assert (tmp_path / "uploads" / "41" / sent["token"] / "content.osm.pbf").is_file()

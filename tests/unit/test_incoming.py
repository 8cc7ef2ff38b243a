"""What comes in: each kind of value, what it becomes, and why it is refused. Expected answers are written by hand."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from gisapp.domain import incoming
from gisapp.domain.clock import ZONE
from gisapp.domain.events import Action
from gisapp.domain.workers import read_fix
from gisapp.errors import InputError, StorageFull, Unavailable, of_full_disk
from gisapp.readable import shown_value, writable

NOW = datetime(2026, 11, 26, 12, tzinfo=ZONE)


def refusal(call: Any, *arguments: Any, **more: Any) -> InputError:
    with pytest.raises(InputError) as found:
        call(*arguments, **more)
    assert found.value.remedy
    return found.value


# --- texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ("  井盖缺失 ", incoming.TITLE, "井盖缺失"),
        (None, incoming.TITLE, ""),
        ("", incoming.TITLE, ""),
        ("\u200b", incoming.TITLE, ""),
        (" \u3000\u2060\ufeff", incoming.ASSIGNEE, ""),
        ("\u3164\u2800", incoming.NAME, ""),
        ("一\n二\t三", incoming.NOTE, "一\n二\t三"),
        ("一\r\n二\r三", incoming.NOTE, "一\n二\n三"),
        ("\n井盖\n", incoming.TITLE, "井盖"),
        ("👨\u200d👩\u200d👧", incoming.TITLE, "👨\u200d👩\u200d👧"),
        ("字" * 100, incoming.TITLE, "字" * 100),
        (" " + "字" * 100 + " ", incoming.TITLE, "字" * 100),
    ],
    ids=shown_value,
)
def test_texts_that_are_kept(given: Any, kind: incoming.TextKind, kept: str) -> None:
    assert incoming.text(given, kind, "title") == kept


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ("a\x00b", incoming.TITLE, "标题第 2 个字符（U+0000）"),
        ("\ud800", incoming.TITLE, "标题第 1 个字符（U+D800）"),
        ("一\udfff", incoming.NOTE, "说明第 2 个字符（U+DFFF）"),
        ("a\nb", incoming.TITLE, "（U+000A）"),
        ("a\tb", incoming.ADDRESS, "（U+0009）"),
        ("a\u2028b", incoming.TITLE, "（U+2028）"),
        ("a\x0bb", incoming.NOTE, "（U+000B）"),
        ("a\x1fb", incoming.NOTE, "（U+001F）"),
        ("a\x7fb", incoming.NOTE, "（U+007F）"),
        ("a\x9fb", incoming.NOTE, "（U+009F）"),
        ("a\ufffeb", incoming.NOTE, "（U+FFFE）"),
        ("a\ufdd0b", incoming.TITLE, "（U+FDD0）"),
        ("字" * 101, incoming.TITLE, "标题有 101 个字符，超过上限 100"),
        ("字" * 5_000_000, incoming.TITLE, "标题有 5000000 个字符，超过上限 100"),
        (7, incoming.TITLE, "标题应为文本"),
        (["a"], incoming.TITLE, "标题应为文本"),
    ],
    ids=shown_value,
)
def test_texts_that_are_refused(given: Any, kind: incoming.TextKind, said: str) -> None:
    error = refusal(incoming.text, given, kind, "title")
    assert said in error.message
    assert error.details["field"] == "title"


@pytest.mark.parametrize("given", ["", "  ", "\u200b\u200d", "\u3164", None], ids=shown_value)
def test_an_invisible_text_is_empty_where_one_is_required(given: Any) -> None:
    error = refusal(incoming.text, given, incoming.NAME, "name", label="姓名", required=True)
    assert (error.message, error.details["field"]) == ("姓名为空。", "name")


def test_the_limits_of_the_kinds() -> None:
    """Written down a second time, so that nobody changes one by accident."""
    kinds = {
        "TITLE": 100, "DESCRIPTION": 2000, "NOTE": 1000, "ADDRESS": 200, "ASSIGNEE": 100, "NAME": 100, "LOGIN": 64,
        "PASSWORD": 256, "PURPOSE": 200, "FILTER": 100, "WORDS": 200, "SOURCE_KEY": 128, "CODE": 64, "FILE_NAME": 200,
        "HEADING": 200, "VALUE": 500, "CRS": 64, "ZONE_NAME": 64,
    }  # fmt: skip
    found = {name: kind.most for name, kind in vars(incoming).items() if isinstance(kind, incoming.TextKind)}
    assert found == kinds
    assert {k for k in kinds if getattr(incoming, k).lines} == {"DESCRIPTION", "NOTE"}


def test_a_password_is_taken_as_it_is_and_never_repeated() -> None:
    assert incoming.secret(" geheim 密码 ", incoming.PASSWORD, "password") == " geheim 密码 "
    for given in ("x" * 257, "a\x00b", "a\ud800", 7):
        error = refusal(incoming.secret, given, incoming.PASSWORD, "password")
        assert error.details == {"field": "password"}
        assert "x" * 20 not in error.message


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [(7, 7), ("7", 7), ("+7", 7), ("-7", -7), ("007", 7), (7.0, 7), (-10, -10), (10, 10)],
    ids=shown_value,
)
def test_whole_numbers_that_are_kept(given: Any, kept: int) -> None:
    found = incoming.whole(given, "数", "n", -10, 10)
    assert found == kept and type(found) is int


@pytest.mark.parametrize(
    "given",
    [
        True, False, None, "", "1_0", "٣", "１", "²", " 7", "7 ", "7.0", "0x7", "1e1", 7.5, math.nan, math.inf, [7],
        "9" * 26, "9" * 5000,
    ], ids=shown_value)  # fmt: skip
def test_what_is_no_whole_number(given: Any) -> None:
    error = refusal(incoming.whole, given, "数", "n", -10, 10)
    assert "不是整数" in error.message and error.details["field"] == "n"


@pytest.mark.parametrize(
    "given", [11, -11, "11", 2**63, 10**400, 10**5000, 1e308, -(10**400)], ids=shown_value
)
def test_whole_numbers_out_of_range(given: Any) -> None:
    error = refusal(incoming.whole, given, "数", "n", -10, 10)
    assert "超出范围" in error.message and "-10 到 10" in str(error.remedy)
    assert len(error.message) < 80
    json.dumps(error.as_json(), allow_nan=False)


def test_identities_are_those_that_the_database_holds() -> None:
    assert incoming.identifier("1", "id") == 1
    assert incoming.identifier(2**63 - 1, "id") == 9223372036854775807
    for given in (0, -1, 2**63, "9" * 20):
        assert refusal(incoming.identifier, given, "id").details["field"] == "id"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (3, 3.0),
        (3.5, 3.5),
        ("3.5", 3.5),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e2", 100.0),
        (100, 100.0),
    ],
    ids=shown_value,
)
def test_numbers_that_are_kept(given: Any, kept: float) -> None:
    found = incoming.number(given, "数", "n", -100, 100)
    assert found == kept and type(found) is float


@pytest.mark.parametrize(
    "given",
    [True, None, "", "nan", "inf", "1_0.0", "٣", "１.5", " 1", "0x1p3", math.nan, [1.0], "1" * 51],
    ids=shown_value,
)
def test_what_is_no_number(given: Any) -> None:
    assert "不是数字" in refusal(incoming.number, given, "数", "n", -100, 100).message


@pytest.mark.parametrize(
    "given", [100.1, -100.1, 1e308, math.inf, -math.inf, 10**400, "1e308", "1e999"], ids=shown_value
)
def test_numbers_out_of_range(given: Any) -> None:
    error = refusal(incoming.number, given, "数", "n", -100, 100)
    assert "超出范围" in error.message and len(error.message) < 80
    json.dumps(error.as_json(), allow_nan=False)


def test_points_and_lists_of_numbers() -> None:
    assert incoming.point([120, 30.5], "at") == (120.0, 30.5)
    assert incoming.point((-180, 90), "at") == (-180.0, 90.0)
    for given in ([120], [120, 30, 1], "120,30", None, [180.1, 0], [0, 90.1], [math.nan, 0], [True, 0]):
        assert refusal(incoming.point, given, "at").details["field"] == "at"
    assert incoming.numbers("120.1, 30", 2, "at", "位置", "经度,纬度") == (120.1, 30.0)
    for text in ("", "1", "1,2,3", "1,x", "1,1_0", "nan,1", "1," + "1" * 500):
        assert refusal(incoming.numbers, text, 2, "at", "位置", "经度,纬度").details["field"] == "at"


# --- instants, days, zones ------------------------------------------------------------------------------------------


def test_instants_that_are_kept() -> None:
    assert incoming.instant("2025-06-01T08:00:00+08:00", "at") == datetime(2025, 6, 1, 0, tzinfo=UTC)
    assert incoming.instant("2025-06-01T08:00:00", "at") == datetime(2025, 6, 1, 0, tzinfo=UTC)
    assert incoming.instant("1850-01-01T00:00:00Z", "at").year == 1850
    assert incoming.instant("2200-12-31T23:59:59+14:00", "at").utcoffset() == timedelta(hours=14)
    assert incoming.instant("2025-06-01T00:00:00-14:00", "at").utcoffset() == -timedelta(hours=14)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0001-01-01T00:00:00", "年份 1 超出范围"),
        ("9999-12-31T23:59:59Z", "年份 9999 超出范围"),
        ("1849-12-31T23:59:59Z", "年份 1849 超出范围"),
        ("2201-01-01T00:00:00Z", "年份 2201 超出范围"),
        ("2025-06-01T00:00:00+16:00", "时区偏移超过 14 小时"),
        ("2025-06-01T00:00:00-23:59", "时区偏移超过 14 小时"),
        ("2025-06-01T00:00:00+14:01", "时区偏移超过 14 小时"),
        ("２０２５-06-01", "无法识别"),
        ("gestern", "无法识别"),
        ("2025-13-01", "无法识别"),
        ("9" * 400, "无法识别"),
        (1_700_000_000, "应为文本"),
        (True, "应为文本"),
        (date(2025, 6, 1), "应为文本"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), "年份 1 超出范围"),
    ],
    ids=shown_value,
)
def test_instants_that_are_refused(given: Any, said: str) -> None:
    error = refusal(incoming.instant, given, "since")
    assert said in error.message and error.details["field"] == "since"
    assert len(error.message) < 80


def test_an_instant_without_a_zone_where_one_is_required() -> None:
    assert "没有时区" in refusal(incoming.instant, "2025-06-01T08:00:00", "at", zone_required=True).message


def test_days() -> None:
    assert incoming.day("2025-06-01", "on") == date(2025, 6, 1)
    assert incoming.day(date(2200, 12, 31), "on") == date(2200, 12, 31)
    for given in ("0001-01-01", "9999-12-31", date(1849, 12, 31), "x", 7, datetime(2025, 6, 1), None):
        assert refusal(incoming.day, given, "on").details["field"] == "on"


def test_zones() -> None:
    assert str(incoming.zone("Asia/Shanghai")) == "Asia/Shanghai"
    for given in ("", "Asia", "../../etc/passwd", "Mars/Olympus", "a" * 300, "a\x00", "\ud800"):
        assert refusal(incoming.zone, given).details["field"] == "timezone"


# --- keys, choices, whole bodies ------------------------------------------------------------------------------------


def test_places() -> None:
    assert incoming.place(None) == incoming.place("") == ""
    assert incoming.place("330103001001001") == "330103001001001"
    for given in ("3", "333", "٣٣", "３３", "33\x00", "3" * 400, 33, True, ["33"], "\ud800\ud800"):
        error = refusal(incoming.place, given, "community")
        assert error.details["field"] == "community"
        json.dumps(error.as_json(), allow_nan=False).encode()


def test_choices() -> None:
    assert incoming.choice("assign", Action, "action", "操作") is Action.ASSIGN
    for given in ("burn", None, 1, ["assign"], "\x00"):
        error = refusal(incoming.choice, given, Action, "action", "操作")
        assert "assign" in str(error.remedy) and error.details["field"] == "action"


def nested(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = {"a": made}
    return made


def test_whole_values_of_bodies() -> None:
    incoming.check_plain({"a": ["文", 1, 2.5, None, True, -(2**63) + 1]}, "x")
    incoming.check_plain(nested(100), "x")
    for given in ("\x00", ["\udfff"], {"\x00": 1}, [math.nan], [[math.inf]], 2**63, [-(2**64)], nested(101)):
        assert refusal(incoming.check_plain, given, "url.search").details["field"] == "url.search"


# --- errors that can be written ---------------------------------------------------------------------------------------


def test_every_error_can_be_written_as_json() -> None:
    error = InputError(
        "值“\ud800”" + "x" * 5000,
        remedy="\udfff",
        details={"a": math.nan, "b": [10**400, {"\ud800": b"x"}], "c": nested(60), "d": NOW, "e": 10**5000},
    )
    written = json.dumps(error.as_json(), ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert len(written) < 4000
    assert error.as_json()["message"].startswith("值“\\ud800”")
    assert writable(10**400) == "约 401 位的整数"
    assert writable(2**63 - 1) == 2**63 - 1 and writable(2**63) == "9223372036854775808"


def test_what_was_given_is_shown_in_short() -> None:
    assert shown_value("x" * 50) == "x" * 40 + "…"
    assert shown_value(10**5000) == "约 5001 位的整数"
    assert shown_value("x" * 40) == "x" * 40


def test_a_full_disk_is_told_from_other_failures() -> None:
    found = of_full_disk(OSError(28, "No space left on device"))
    assert isinstance(found, StorageFull) and isinstance(found, Unavailable) and found.status == 507
    assert of_full_disk(OSError(122, "Disk quota exceeded")) is not None
    assert of_full_disk(OSError(2, "No such file")) is None
    assert of_full_disk(None) is None and of_full_disk(ValueError()) is None


# --- positions --------------------------------------------------------------------------------------------------------

GOOD = {"worker": 7, "at": "2026-11-26T11:59:00+08:00", "lon": 120.1, "lat": 30.3}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lon", 10**400),
        ("lon", -(10**400)),
        ("lat", 10**5000),
        ("lon", math.inf),
        ("lon", math.nan),
        ("lat", 1e308),
        ("lon", True),
        ("lon", "120"),
        ("accuracy", 10**400),
        ("speed", 10**400),
        ("speed", -(10**400)),
        ("worker", 2**63),
        ("worker", 10**5000),
        ("worker", True),
        ("worker", 7.0),
        ("at", "0001-01-01T00:00:00+08:00"),
        ("at", "9999-12-31T23:59:59+08:00"),
        ("at", "2026-11-26T11:59:00+16:00"),
        ("at", "2026-11-26T11:59:00"),
        ("at", "\ud800"),
        ("at", 7),
        ("id", "a\x00"),
        ("id", "\ud800"),
        ("id", "x" * 65),
        ("id", {"a": nested(400)}),
    ],
    ids=shown_value,
)
def test_a_position_is_refused_by_itself_with_its_field(field: str, value: Any) -> None:
    found = read_fix({**GOOD, field: value}, NOW, 3)
    assert getattr(found, "field", None) == field, found
    answer = found.as_json()  # type: ignore[union-attr]
    assert answer["index"] == 3 and answer["message"] and answer["remedy"]
    assert len(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8")) < 1200

"""Values as people write them: what they become, and what is said of those that cannot be accepted."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.domain import clock
from gisapp.errors import InputError
from gisapp.services.importing.fields import Field, Kind, convert, plain_text
from gisapp.services.importing.findings import Findings

SHANGHAI = ZoneInfo("Asia/Shanghai")


def one(field: Field, value: object) -> tuple[object, list[str]]:
    """The converted value and the reasons of refusal."""
    findings = Findings()
    values = convert(field, [value], [7], findings, clock.ZONE)
    return values[0], [r.reason for r in findings.refusals]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  路灯　", "路灯"),
        ("a\u3000 b\n c", "a b c"),
        ("\ufeff名称\u200b", "名称"),
        ("a\x00b", "ab"),
        (13812345678.0, "13812345678"),
        (3.5, "3.5"),
        (float("nan"), None),
        ("", None),
        (" NULL ", None),
        ("—", None),
        ("无", "无"),
        (0, "0"),
    ],
)
def test_cells_become_plain_text(value, text):
    assert plain_text(value) == text


@given(st.text(max_size=30))
def test_plain_text_is_stable_and_clean(text):
    found = plain_text(text)
    if found is not None:
        assert plain_text(found) == found
        assert found == found.strip() and "\x00" not in found and "  " not in found


NUMBER = Field("height", "高度", (), Kind.NUMBER, low=0.5, high=1000, units=("米", "m"))
FLOORS = Field("floors", "层数", (), Kind.INTEGER, low=1, high=200, units=("层",), zero_is_missing=True)


@pytest.mark.parametrize(
    ("value", "number"),
    [("12.5", 12.5), ("12.5 米", 12.5), ("１２", 12.0), ("1,000", 1000.0), (30, 30.0), ("20m", 20.0)],
)
def test_numbers(value, number):
    assert one(NUMBER, value) == (number, [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("高", "不是数字"),
        ("inf", "不是数字"),
        ("0.1", "超出范围（应为 0.5 到 1000）"),
        ("1e9", "超出范围（应为 0.5 到 1000）"),
    ],
)
def test_wrong_numbers(value, reason):
    assert one(NUMBER, value) == (None, [reason])


def test_whole_numbers_and_zero_for_unknown():
    assert one(FLOORS, "6层") == (6, [])
    assert one(FLOORS, "6.0") == (6, [])
    assert one(FLOORS, 0) == (None, [])
    assert one(FLOORS, "6.5") == (None, ["不是整数"])


INSTANT = Field("at", "时间", (), Kind.INSTANT)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01 08:30:00",
        "2024/5/1 8:30",
        "2024.5.1 08:30:00",
        "2024年5月1日 8时30分",
        "20240501083000",
        "2024-05-01T08:30:00",
        "2024-05-01T08:30:00+08:00",
        "2024-05-01T00:30:00Z",
        "05/01/2024 8:30 AM",
        "45413.354166666664",
        datetime(2024, 5, 1, 8, 30),
        datetime(2024, 5, 1, 0, 30, tzinfo=UTC),
    ],
)
def test_instants_in_many_hands(text):
    assert one(INSTANT, text) == (datetime(2024, 5, 1, 8, 30, tzinfo=SHANGHAI), [])


def test_an_instant_without_zone_takes_the_stated_one():
    findings = Findings()
    assert convert(INSTANT, ["2024-05-01 08:30"], [2], findings, UTC) == [
        datetime(2024, 5, 1, 8, 30, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2024-02-30", "日期或时间不存在"),
        ("2024-05-01 25:00", "日期或时间不存在"),
        ("昨天", "不是时间"),
        ("01/05/2024", "不是时间"),
        ("1024-05-01", "年份超出范围"),
        ("12", "不是时间"),
    ],
)
def test_wrong_instants(text, reason):
    assert one(INSTANT, text) == (None, [reason])


@given(st.datetimes(datetime(1900, 1, 1), datetime(2150, 1, 1)))
def test_what_python_writes_is_read_back(moment):
    moment = moment.replace(microsecond=0)
    assert one(INSTANT, moment.isoformat(" "))[0] == moment.replace(tzinfo=SHANGHAI)


def test_dates():
    field = Field("day", "日期", (), Kind.DATE)
    assert one(field, "2024-02-29") == (date(2024, 2, 29), [])
    assert one(field, datetime(2024, 2, 29, 12)) == (date(2024, 2, 29), [])
    assert one(field, "45351") == (date(2024, 2, 29), [])


def test_choices_and_yes_or_no():
    choice = Field(
        "state", "状态", (), Kind.CHOICE, choices={"完好": "good", "破损": "damaged", "good": "good"}
    )
    assert one(choice, "完好") == ("good", [])
    assert one(choice, "GOOD") == ("good", [])
    assert one(choice, "崭新") == (None, ["不在可选值之内"])
    assert one(Field("bridge", "桥梁", (), Kind.BOOLEAN), "是") == (True, [])
    assert one(Field("bridge", "桥梁", (), Kind.BOOLEAN), False) == (False, [])
    assert one(Field("bridge", "桥梁", (), Kind.BOOLEAN), "也许") == (None, ["不是“是”或“否”"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("#N/A", "单元格公式出错"),
        ("坏\ufffd字", "含有无法识别的字符（编码损坏）"),
        ("长" * 501, "超过 500 个字"),
        ("", "必填项为空"),
    ],
)
def test_what_no_text_may_be(value, reason):
    assert one(Field("name", "名称", required=True), value) == (None, [reason])


def test_a_further_check_gives_its_own_reason_and_remedy():
    def even(text: str) -> str:
        if int(text) % 2:
            raise InputError("是奇数。", remedy="请填偶数。")
        return text

    findings = Findings()
    field = Field("n", "数", parse=even)
    assert convert(field, ["2", "3", "3"], [2, 3, 4], findings, clock.ZONE) == ["2", None, None]
    assert [(r.row, r.reason, r.remedy) for r in findings.refusals] == [
        (3, "是奇数", "请填偶数。"),
        (4, "是奇数", "请填偶数。"),
    ]


def test_personal_values_are_masked_in_findings():
    findings = Findings()
    field = Field("phone", "电话", (), Kind.NUMBER, mask=lambda text: text[:1] + "***")
    convert(field, ["abcd"], [2], findings, clock.ZONE)
    assert findings.refusals[0].value == "a***"


def test_the_same_wrong_value_is_refused_in_every_row_and_rows_count_once():
    findings = Findings()
    convert(NUMBER, ["x"] * 5, range(2, 7), findings, clock.ZONE)
    convert(FLOORS, ["y"] * 5, range(2, 7), findings, clock.ZONE)
    assert len(findings.refusals) == 10
    assert len(findings.refused_rows) == 5
    assert findings.reasons() == [("高度", "不是数字", 5), ("层数", "不是数字", 5)]


def test_values_that_cannot_be_compared_are_converted_too():
    assert one(Field("name", "名称"), ["a", "b"]) == ("['a', 'b']", [])

"""What comes in from outside: texts, numbers, instants and keys, checked alike at every door.

Routes, callbacks of pages, the socket, commands and imports call these functions; services call them for whatever they
store or hand to the database. Each gives the value in the form that the rest of the program works with, or refuses it
with the field, the reason in Chinese and what to do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gisapp.domain import clock
from gisapp.domain.keys import PlaceKey
from gisapp.errors import InputError
from gisapp.readable import shown_value

MOST_INT = 2**63 - 1
"""Largest whole number that the database's columns of identities hold."""
FIRST_YEAR, LAST_YEAR = 1850, 2200
"""Years of dates and instants, both included; beyond them nothing that the program knows of can lie."""
MOST_OFFSET = timedelta(hours=14)
"""No zone of the world lies farther from UTC."""
DEEPEST = 100
"""Levels of lists and objects in one value."""
MOST_DIGITS = 25
"""Characters of a number written as text."""
MOST_ROWS = 1_000_000
"""Rows that a list may be asked to leave out before the first one it shows."""


@dataclass(frozen=True, slots=True)
class TextKind:
    """A kind of text and its limits.

    Attributes:
        label: Chinese name, for messages.
        most: longest text, in characters.
        lines: whether it may have several lines (and tabs).
    """

    label: str
    most: int
    lines: bool = False


TITLE = TextKind("标题", 100)
DESCRIPTION = TextKind("情况说明", 2000, lines=True)
NOTE = TextKind("说明", 1000, lines=True)
ADDRESS = TextKind("地址", 200)
ASSIGNEE = TextKind("责任单位", 100)
NAME = TextKind("名称", 100)
LOGIN = TextKind("用户名", 64)
PASSWORD = TextKind("密码", 256)
PURPOSE = TextKind("用途", 200)
FILTER = TextKind("筛选文字", 100)
WORDS = TextKind("搜索词", 200)
SOURCE_KEY = TextKind("消息标识", 128)
CODE = TextKind("代码", 64)
FILE_NAME = TextKind("文件名", 200)
HEADING = TextKind("列名", 200)
VALUE = TextKind("统一取值", 500)
CRS = TextKind("坐标系", 64)
ZONE_NAME = TextKind("时区", 64)

_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_REFUSED_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
"""Spaces, separators of lines and paragraphs, control and format characters (zero-width ones among them)."""
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that are drawn as nothing; the other such characters are known by their category."""

E = TypeVar("E", bound=Enum)


def is_blank(given: str) -> bool:
    """Whether nothing of a text can be seen: white space, zero-width and filling characters only."""
    return all(
        one in _SHAPELESS
        or unicodedata.category(one) in _UNSEEN
        or "\ufe00" <= one <= "\ufe0f"  # variation selectors
        for one in given
    )


def text(value: Any, kind: TextKind, field: str, *, label: str = "", required: bool = False) -> str:
    """A text without the white space around it; empty where nothing of it can be seen.

    Args:
        value: what came in; None stands for an empty text.
        kind: what kind of text it has to be.
        field: name of the field, for the details of a refusal.
        label: Chinese name of the field where the kind's is too general.
        required: whether an empty text is refused.

    Raises:
        InputError: no text, too long, empty though required, or with a character that no text holds.
    """
    label = label or kind.label
    given = _checked(value, kind, field, label)
    if is_blank(given):
        if required:
            raise _wrong(field, f"{label}为空。", f"请填写{label}。", value)
        return ""
    return given


def secret(value: Any, kind: TextKind, field: str) -> str:
    """A text as it is, white space included: a password.

    Raises:
        InputError: no text, too long, or with a character that no text holds; the value is not repeated.
    """
    if not isinstance(value, str):
        raise _wrong(field, f"{kind.label}应为文本。", "请重新填写。")
    if len(value) > kind.most:
        raise _wrong(field, f"{kind.label}超过 {kind.most} 个字符。", "请重新填写。")
    if _REFUSED.search(value):
        raise _wrong(field, f"{kind.label}含有控制字符。", "请重新填写，不要粘贴带格式的内容。")
    return value


def _checked(value: Any, kind: TextKind, field: str, label: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(field, f"{label}应为文本。", "请填写文本。", value)
    if len(value) > kind.most * 4:  # too long whatever is stripped from it
        raise _too_long(value, kind, field, label)
    given = value.strip()
    if kind.lines:
        given = given.replace("\r\n", "\n").replace("\r", "\n")
    found = (_REFUSED_IN_LINES if kind.lines else _REFUSED).search(given)
    if found is not None:
        raise _wrong(
            field,
            f"{label}第 {found.start() + 1} 个字符（U+{ord(found[0]):04X}）是不能保存的控制字符。",
            "请删去该字符，或以纯文本重新粘贴。",
            value,
        )
    if len(given) > kind.most:
        raise _too_long(given, kind, field, label)
    return given


def _too_long(given: str, kind: TextKind, field: str, label: str) -> InputError:
    return InputError(
        f"{label}有 {len(given)} 个字符，超过上限 {kind.most}。",
        remedy=f"请缩短到 {kind.most} 个字符以内。",
        details={"field": field, "most": kind.most},
    )


def whole(value: Any, label: str, field: str, low: int, high: int) -> int:
    """A whole number from low to high; as text it is written in the digits 0 to 9.

    Raises:
        InputError: no whole number (true and false are none), or out of range.
    """
    given = value
    if isinstance(given, str):
        given = None if len(given) > MOST_DIGITS or not _WHOLE.fullmatch(given) else int(given)
    elif isinstance(given, float):
        given = int(given) if given.is_integer() else None
    if isinstance(given, bool) or not isinstance(given, int):
        raise _wrong(field, f"{label}“{shown_value(value)}”不是整数。", "请用数字 0–9 填写整数。", value)
    if not low <= given <= high:
        raise _wrong(
            field, f"{label} {shown_value(value)} 超出范围。", f"请填写 {low} 到 {high} 之间的整数。", value
        )
    return given


def identifier(value: Any, field: str, label: str = "编号") -> int:
    """The number that a record is known by.

    Raises:
        InputError: no whole number from 1 to the largest that an identity can be.
    """
    return whole(value, label, field, 1, MOST_INT)


def is_decimal(given: str) -> bool:
    """Whether a text is a number in the digits 0 to 9, with or without a point and a power of ten."""
    return _DECIMAL.fullmatch(given) is not None


def number(value: Any, label: str, field: str, low: float, high: float) -> float:
    """A finite number from low to high.

    Raises:
        InputError: no number (true and false are none), infinite, or out of range.
    """
    given = value
    if isinstance(given, str):
        given = float(given) if len(given) <= MOST_DIGITS * 2 and _DECIMAL.fullmatch(given) else None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or given != given:
        raise _wrong(field, f"{label}“{shown_value(value)}”不是数字。", f"请填写{label}的数值。", value)
    if not low <= given <= high:
        raise _wrong(
            field, f"{label} {shown_value(value)} 超出范围。", f"请填写 {low:g} 到 {high:g} 之间的数。", value
        )
    return float(given)


def longitude(value: Any, field: str = "lon") -> float:
    """A longitude in degrees."""
    return number(value, "经度", field, -180.0, 180.0)


def latitude(value: Any, field: str = "lat") -> float:
    """A latitude in degrees."""
    return number(value, "纬度", field, -90.0, 90.0)


def point(value: Any, field: str) -> tuple[float, float]:
    """A point: longitude and latitude in degrees.

    Raises:
        InputError: not two numbers, or out of range.
    """
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise _wrong(field, "坐标点应为经度和纬度两个数。", "请按 [经度, 纬度] 填写，单位为度。", value)
    return longitude(value[0], field), latitude(value[1], field)


def numbers(value: str, count: int, field: str, label: str, example: str) -> tuple[float, ...]:
    """Numbers in a text with commas between them, as addresses carry points and boxes.

    Raises:
        InputError: another count, or a part that is no number.
    """
    parts = value.split(",") if len(value) <= count * MOST_DIGITS * 2 else []
    if len(parts) != count:
        raise _wrong(field, f"{label}“{shown_value(value)}”无效。", f"请按 {example} 填写。", value)
    return tuple(number(part.strip(), label, field, -180.0, 180.0) for part in parts)


def instant(value: Any, field: str, label: str = "时间", *, zone_required: bool = False) -> datetime:
    """An instant with its zone; one that states none is taken for local time, or refused where a zone is required.

    Raises:
        InputError: no instant, a year or an offset that cannot be.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _wrong(
                field,
                f"{label}“{shown_value(value)}”无法识别。",
                "请按 2025-06-01T08:00:00+08:00 的格式填写。",
                value,
            ) from None
    if not isinstance(value, datetime):
        raise _wrong(field, f"{label}应为文本。", "请按 2025-06-01T08:00:00+08:00 的格式填写。", value)
    _check_year(value, field, label)
    offset = value.utcoffset()
    if offset is not None and abs(offset) > MOST_OFFSET:
        raise _wrong(field, f"{label}的时区偏移超过 14 小时。", "请核对时区，北京时间为 +08:00。", value)
    if offset is None and zone_required:
        raise _wrong(
            field, f"{label}“{shown_value(value)}”没有时区。", "请写明时区，例如 +08:00 或 Z。", value
        )
    return clock.local(value) if offset is None else value


def day(value: Any, field: str, label: str = "日期") -> date:
    """A calendar day.

    Raises:
        InputError: no day, or a year that cannot be.
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise _wrong(
                field, f"{label}“{shown_value(value)}”无法识别。", "请按 2025-06-01 的格式填写。", value
            ) from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise _wrong(field, f"{label}应为日期。", "请按 2025-06-01 的格式填写。", value)
    _check_year(value, field, label)
    return value


def _check_year(value: date, field: str, label: str) -> None:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise _wrong(
            field,
            f"{label}的年份 {value.year} 超出范围。",
            f"请填写 {FIRST_YEAR} 到 {LAST_YEAR} 年之间的{label}。",
            value,
        )


def place(value: Any, field: str = "place") -> str:
    """A place key, or an empty text for no narrowing.

    Raises:
        InputError: anything else.
    """
    if value is None or value == "":
        return ""
    try:
        if not isinstance(value, str):
            raise _wrong(field, "地点编码应为文本。", "请填写 2、4、6、9、12 或 15 位数字。", value)
        return str(PlaceKey(value))
    except InputError as error:
        error.details["field"] = field
        raise


def choice(value: Any, choices: type[E], field: str, label: str) -> E:
    """One of the values of an enumeration.

    Raises:
        InputError: none of them; the remedy names them.
    """
    for one in choices:
        if value == one.value and type(value) is not bool:
            return one
    possible = "、".join(str(one.value) for one in choices)
    raise _wrong(field, f"没有{label}“{shown_value(value)}”。", f"可选：{possible}。", value)


def zone(name: Any, field: str = "timezone") -> ZoneInfo:
    """A time zone by its name.

    Raises:
        InputError: there is none of that name.
    """
    given = text(name, ZONE_NAME, field)
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # names of folders, of other files, too long
        raise _wrong(field, f"没有时区“{shown_value(name)}”。", "例如 Asia/Shanghai、UTC。", name) from None


def check_plain(value: Any, field: str) -> None:
    """Refuse whatever no field of any form holds, however deep it lies in lists and objects.

    Raises:
        InputError: a text with NUL or half a character, a number that is not finite or beyond the largest identity, or
            more levels than ``DEEPEST``.
    """
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str):
            if _UNWRITABLE.search(one):
                raise _wrong(field, "内容含有不能保存的控制字符。", "请删去该字符，或以纯文本重新粘贴。")
        elif isinstance(one, float):
            if one != one or one in (float("inf"), float("-inf")):
                raise _wrong(field, "内容含有不是有限数的数字。", "请填写有限的数。")
        elif isinstance(one, int):
            if abs(one) > MOST_INT:
                raise _wrong(field, f"内容含有{shown_value(one, 18)}，超出范围。", "请核对数字的位数。")
        elif isinstance(one, (dict, list, tuple)):
            if depth >= DEEPEST:
                raise _wrong(field, f"内容的层次超过 {DEEPEST} 层。", "请减少嵌套的层次。")
            parts: Iterable[Any] = (*one, *one.values()) if isinstance(one, Mapping) else one
            waiting.extend((part, depth + 1) for part in parts)


def _wrong(field: str, message: str, remedy: str, value: Any = None) -> InputError:
    details = {"field": field} if value is None else {"field": field, "value": shown_value(value)}
    return InputError(message, remedy=remedy, details=details)

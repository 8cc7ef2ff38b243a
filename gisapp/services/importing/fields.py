"""Fields of an import: what a column may be called, what its values must look like, what they become.

Values arrive as text (CSV), as typed cells (Excel) or as columns of a geodata file. Each distinct value is converted
once, so a million rows of few different values cost little.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any

import numpy as np

from gisapp.domain import incoming
from gisapp.errors import InputError
from gisapp.readable import shown_value
from gisapp.services.importing.findings import Findings


class Kind(StrEnum):
    """What the values of a field are; the value is the word shown in the documentation."""

    TEXT = "文本"
    INTEGER = "整数"
    NUMBER = "数字"
    DATE = "日期"
    INSTANT = "时间"
    BOOLEAN = "是/否"
    CHOICE = "选项"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind of data.

    Attributes:
        name: column of the table, or a name that the importer's ``prepare`` uses.
        zh: Chinese name, the first heading that is recognised.
        words: further headings, in order of preference; where several columns of a file are recognised, a later one
            fills the gaps of an earlier one.
        kind: what the values are.
        required: a row without it is refused.
        default: value where the file has none.
        choices: what may be written → what is stored (``CHOICE`` only).
        low, high: limits of numbers, both allowed.
        zero_is_missing: whether 0 stands for "not known".
        units: words that may stand behind a number.
        longest: longest text.
        parse: a further check of one text; raises InputError.
        mask: how a personal value is shown in messages and reports.
        stored: whether it is a column of the table.
        help: one sentence for the documentation.
    """

    name: str
    zh: str
    words: tuple[str, ...] = ()
    kind: Kind = Kind.TEXT
    required: bool = False
    default: Any = None
    choices: Mapping[str, str] | None = None
    low: float | None = None
    high: float | None = None
    zero_is_missing: bool = False
    units: tuple[str, ...] = ()
    longest: int = 500
    parse: Callable[[str], Any] | None = None
    mask: Callable[[str], str] | None = None
    stored: bool = True
    help: str = ""

    def shown(self, value: object) -> str:
        """A value as messages and reports may show it."""
        text = "" if value is None else str(value)
        return self.mask(text) if self.mask else text


class _Wrong(Exception):
    """A value that cannot be accepted: reason and remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class _Missing(Exception):
    """A value that stands for none."""


_MISSING = {"", "null", "none", "nan", "n/a", "\\n", "-", "—", "/", "nat"}
_LONGEST_MISSING = max(map(len, _MISSING))
_EXCEL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]")
_BROKEN = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Halves of characters and numbers that are none: what a wrong encoding leaves behind."""
MOST_NUMBER = 1e9
"""Largest amount of a number field that states no limits, coordinates in metres included."""
_BLANKS = re.compile(r"[\s\u3000]+")
_YES = {"是", "有", "y", "yes", "true", "t", "1", "√"}
_NO = {"否", "无", "没有", "n", "no", "false", "f", "0", "×"}
#: Excel's day numbers of 1920 and 2100: what a date becomes when its cell lost the date format
_EXCEL_DAYS = (7306, 73051)
_EXCEL_EPOCH = date(1899, 12, 30)


def plain_text(value: Any) -> str | None:
    """A cell as text without stray blanks and control characters; None if it is empty.

    Whole numbers in a cell of floating point lose their ``.0``: telephone numbers and codes are often kept so.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.isprintable() and "  " not in value:
        # nothing to clean: wide blanks and control characters are not printable
        text = value.strip()
        missing = len(text) <= _LONGEST_MISSING and text.casefold() in _MISSING
        return None if missing or incoming.is_blank(text) else text
    if isinstance(value, float):
        if math.isnan(value):
            return None
        value = int(value) if value.is_integer() and abs(value) < 1e18 else value
    try:
        plain = str(value)
    except ValueError:  # a whole number of thousands of digits
        plain = shown_value(value)
    text = _BLANKS.sub(" ", _BROKEN.sub("\ufffd", _CONTROL.sub("", plain))).strip()
    if incoming.is_blank(text):
        return None
    return None if text.casefold() in _MISSING else text


def convert(
    field: Field, values: Sequence[Any], rows: Sequence[int], findings: Findings, zone: tzinfo
) -> list[Any]:
    """Check and convert all values of a field.

    Args:
        field: what is wanted.
        values: one per row, as read.
        rows: numbers of the rows, as the user sees them.
        findings: takes the refusals.
        zone: zone of instants that state none.

    Returns:
        one value per row; None where it is empty or refused.
    """
    if field.kind is Kind.NUMBER and not field.zero_is_missing:
        plain = _all_numbers(field, values)
        if plain is not None:
            return plain
    known: dict[Any, Any] = {}
    out: list[Any] = [None] * len(values)
    for i, value in enumerate(values):
        key = (value.__class__, value) if value.__hash__ else str(value)
        result = known.get(key, known)
        if result is known:
            try:
                result = _convert_one(field, value, zone)
            except _Wrong as wrong:
                result = wrong
            known[key] = result
        if isinstance(result, _Wrong):
            findings.refuse(rows[i], field.zh, field.shown(value), result.reason, result.remedy)
        else:
            out[i] = result
    return out


def _all_numbers(field: Field, values: Sequence[Any]) -> list[float] | None:
    """A column of nothing but plain numbers within the limits, at once; None if it is not that."""
    try:
        numbers = np.array(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    if not all(_is_plain(value) for value in values):
        return None
    low, high = _limits(field)
    fine = np.isfinite(numbers).all() and (numbers >= low).all() and (numbers <= high).all()
    return numbers.tolist() if fine else None


def _is_plain(value: Any) -> bool:
    """Whether a value that Python takes for a number is one here: not true or false, not ``1_0``, not ``٣``."""
    if isinstance(value, str):
        return value.isascii() and "_" not in value
    return not isinstance(value, bool)


def _convert_one(field: Field, value: Any, zone: tzinfo) -> Any:
    text = plain_text(value)
    if text is None:
        if field.required:
            raise _Wrong("必填项为空", f"请填写“{field.zh}”。")
        return field.default
    if text in _EXCEL_ERRORS:
        raise _Wrong("单元格公式出错", "请在表格中改正公式，或粘贴为数值后再导入。")
    if "\ufffd" in text:
        raise _Wrong("含有无法识别的字符（编码损坏）", "请用记事本或 Excel 另存为 UTF-8 编码后再导入。")
    try:
        result = _CONVERTERS[field.kind](field, value, text, zone)
    except _Missing:
        return field.default
    if field.parse is not None:
        try:
            return field.parse(result if isinstance(result, str) else text)
        except InputError as error:
            raise _Wrong(error.message.rstrip("。"), error.remedy or "请改正后再导入。") from error
    return result


def _text(field: Field, _value: Any, text: str, _zone: tzinfo) -> str:
    if len(text) > field.longest:
        raise _Wrong(f"超过 {field.longest} 个字", "请缩短后再导入。")
    return text


def _number_of(field: Field, value: Any, text: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    else:
        plain = unicodedata.normalize("NFKC", text).replace(",", "").strip()
        for unit in field.units:
            plain = plain.removesuffix(unit).strip()
        if not incoming.is_decimal(plain):
            raise _Wrong("不是数字", f"“{field.zh}”请只填数字，不带文字。")
        number = float(plain)
    if not math.isfinite(number):
        raise _Wrong("不是数字", f"“{field.zh}”请只填数字。")
    if number == 0 and field.zero_is_missing:
        raise _Missing
    low, high = _limits(field)
    if not low <= number <= high:
        raise _Wrong(f"超出范围（应为 {low:g} 到 {high:g}）", "请核对数值和单位。")
    return number


def _limits(field: Field) -> tuple[float, float]:
    low = -MOST_NUMBER if field.low is None else field.low
    return low, MOST_NUMBER if field.high is None else field.high


def _number(field: Field, value: Any, text: str, _zone: tzinfo) -> float:
    return _number_of(field, value, text)


def _integer(field: Field, value: Any, text: str, _zone: tzinfo) -> int:
    number = _number_of(field, value, text)
    if not number.is_integer():
        raise _Wrong("不是整数", f"“{field.zh}”请填整数。")
    return int(number)


def _boolean(field: Field, _value: Any, text: str, _zone: tzinfo) -> bool:
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise _Wrong("不是“是”或“否”", f"“{field.zh}”请填 是 或 否。")


def _choice(field: Field, _value: Any, text: str, _zone: tzinfo) -> str:
    choices = field.choices or {}
    found = choices.get(text) or choices.get(text.casefold())
    if found is None:
        shown = list(dict.fromkeys(k for k in choices if not k.isascii())) or list(choices)
        raise _Wrong("不在可选值之内", f"可填：{'、'.join(shown[:16])}{' 等' if len(shown) > 16 else ''}。")
    return found


_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]+(.*))?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T\s]*(\d{2})(\d{2})(\d{2})?)?", re.ASCII)
_AMERICAN = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AP])M", re.ASCII | re.IGNORECASE
)
_CLOCK = re.compile(
    r"(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.(\d+))?)?[秒分]?\s*(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)


def _date(field: Field, value: Any, text: str, zone: tzinfo) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _instant(field, value, text, zone).date()


def _instant(field: Field, value: Any, text: str, zone: tzinfo) -> datetime:
    try:
        found = _parse_instant(value, unicodedata.normalize("NFKC", text), zone)
    except (ValueError, OverflowError) as error:
        raise _Wrong("日期或时间不存在", "请核对年、月、日、时、分。") from error
    if found is None:
        raise _Wrong(f"不是{field.kind}", "请写成 2024-05-01 或 2024-05-01 08:30:00。")
    try:
        return incoming.instant(found, field.name)
    except InputError as error:
        raise _Wrong(
            "年份超出范围" if "年份" in error.message else "时区偏移超出范围", "请核对年份和时区。"
        ) from error


def _parse_instant(value: Any, text: str, zone: tzinfo) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return datetime.combine(value, time.min, zone)
    if match := _AMERICAN.fullmatch(text):
        month, day, year, hour, minute = (int(match.group(i)) for i in range(1, 6))
        second = int(match.group(6) or 0)
        hour = hour % 12 + (12 if match.group(7).upper() == "P" else 0)
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    if match := _DATE.fullmatch(text):
        day_ = date(int(match.group(1)), int(match.group(2)), int(match.group(3)))
        rest = (match.group(4) or "").strip()
        if not rest:
            return datetime.combine(day_, time.min, zone)
        moment = _CLOCK.fullmatch(rest)
        return None if moment is None else _at(day_, moment, zone)
    if match := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second = (int(p) for p in match.groups(default="0"))
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    if re.fullmatch(r"\d{4,5}(\.\d+)?", text, re.ASCII) and _EXCEL_DAYS[0] <= float(text) <= _EXCEL_DAYS[1]:
        days = float(text)
        return datetime.combine(_EXCEL_EPOCH, time.min, zone) + timedelta(seconds=round(days * 86_400))
    return None


def _at(day: date, match: re.Match[str], zone: tzinfo) -> datetime:
    fraction = (match.group(4) or "0")[:6].ljust(6, "0")
    moment = time(int(match.group(1)), int(match.group(2)), int(match.group(3) or 0), int(fraction))
    offset = match.group(5)
    if not offset:
        return datetime.combine(day, moment, zone)
    if offset.upper() == "Z":
        return datetime.combine(day, moment, UTC)
    return datetime.fromisoformat(f"{day.isoformat()}T{moment.isoformat()}{offset}")


_CONVERTERS: dict[Kind, Callable[[Field, Any, str, tzinfo], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.INSTANT: _instant,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
}

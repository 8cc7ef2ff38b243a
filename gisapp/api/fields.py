"""Types of the fields of requests: each lets in what ``gisapp.domain.incoming`` lets in, and says what that says.

A refusal becomes an error of pydantic that carries message and remedy, so that FastAPI names the field by its place in the
request and several wrong fields are named in one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from annotated_types import Ge, GroupedMetadata, Le, MaxLen
from pydantic import BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from gisapp.domain import incoming
from gisapp.domain.incoming import TextKind
from gisapp.domain.keys import Level
from gisapp.errors import InputError

REFUSED = "onemap"
"""Type of the errors of pydantic that carry a refusal of ours in their context."""


def _checked(check: Callable[[Any, str], Any], *, none: bool = False) -> BeforeValidator:
    """What pydantic calls: the check with the field's name, its refusal turned into an error of pydantic."""

    def validate(value: Any, info: ValidationInfo) -> Any:
        if none and value is None:
            return None
        try:
            return check(value, info.field_name or "")
        except InputError as error:
            raise PydanticCustomError(
                REFUSED, "{message}", {"message": error.message, "remedy": error.remedy or ""}
            ) from error

    return BeforeValidator(validate)


@dataclass(frozen=True, slots=True)
class _Rules(GroupedMetadata):
    """What an annotation says of a type: bounds, which the description of the API shows, and the check itself."""

    rules: tuple[object, ...]

    def __iter__(self) -> Iterator[object]:
        return iter(self.rules)


def _text(kind: TextKind) -> _Rules:
    return _Rules((MaxLen(kind.most), _checked(lambda value, field: incoming.text(value, kind, field))))


def whole(label: str, low: int, high: int) -> _Rules:
    """A whole number from low to high."""
    check = _checked(lambda value, field: incoming.whole(value, label, field, low, high))
    return _Rules((Ge(low), Le(high), check))


def number(label: str, low: float, high: float) -> _Rules:
    """A finite number from low to high."""
    check = _checked(lambda value, field: incoming.number(value, label, field, low, high))
    return _Rules((Ge(low), Le(high), check))


Title = Annotated[str, _text(incoming.TITLE)]
Description = Annotated[str, _text(incoming.DESCRIPTION)]
Note = Annotated[str, _text(incoming.NOTE)]
Address = Annotated[str, _text(incoming.ADDRESS)]
Assignee = Annotated[str, _text(incoming.ASSIGNEE)]
Name = Annotated[str, _text(incoming.NAME)]
Login = Annotated[str, _text(incoming.LOGIN)]
Password = Annotated[
    str,
    MaxLen(incoming.PASSWORD.most),
    _checked(lambda value, field: incoming.secret(value, incoming.PASSWORD, field)),
]
Purpose = Annotated[str, _text(incoming.PURPOSE)]
FilterText = Annotated[str, _text(incoming.FILTER)]
Words = Annotated[str, _text(incoming.WORDS)]
SourceKey = Annotated[str, _text(incoming.SOURCE_KEY)]
Code = Annotated[str, _text(incoming.CODE)]
Heading = Annotated[str, _text(incoming.HEADING)]
Value = Annotated[str, _text(incoming.VALUE)]
Crs = Annotated[str, _text(incoming.CRS)]
ZoneName = Annotated[str, _text(incoming.ZONE_NAME)]

Id = Annotated[int, whole("编号", 1, incoming.MOST_INT)]
Revision = Annotated[int, whole("草稿步数", 0, 2**31 - 1)]
Version = Annotated[int, whole("版本号", 0, 2**31 - 1)]
Offset = Annotated[int, whole("offset", 0, incoming.MOST_ROWS)]
Lon = Annotated[float, Ge(-180), Le(180), _checked(incoming.longitude)]
Lat = Annotated[float, Ge(-90), Le(90), _checked(incoming.latitude)]
Point = Annotated[tuple[float, float], _checked(incoming.point)]
Instant = Annotated[datetime, _checked(incoming.instant, none=True)]
Day = Annotated[date, _checked(incoming.day, none=True)]
Place = Annotated[
    str,
    Field(pattern="^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})?$"),
    _checked(incoming.place),
]


def _level(value: Any, field: str) -> Level:
    digits = incoming.whole(value, "层级", field, 0, int(Level.GRID))
    return incoming.choice(digits, Level, field, "层级")


PlaceLevel = Annotated[Level, _checked(_level)]

_REASONS: Mapping[str, str] = {
    "missing": "缺少此项",
    "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "dict_type": "应为一个对象",
    "model_type": "应为一个对象",
    "model_attributes_type": "应为一个对象",
    "list_type": "应为一个列表",
    "tuple_type": "应为一个列表",
    "string_type": "应为文本",
    "json_invalid": "请求体不是正确的 JSON",
    "extra_forbidden": "没有这一项",
    "union_tag_not_found": "缺少 kind",
}


def reason_of(error: Mapping[str, Any]) -> tuple[str, str]:
    """Reason and remedy, in Chinese, of one error of pydantic."""
    kind, context = str(error.get("type", "")), error.get("ctx") or {}
    if kind == REFUSED:
        return str(context["message"]), str(context["remedy"])
    if kind in ("enum", "literal_error", "union_tag_invalid"):
        expected = context.get("expected") or context.get("expected_tags") or ""
        return f"可选 {expected}", "请从可选的值中选择。"
    if kind in ("too_short", "string_too_short"):
        return f"少于 {context.get('min_length')} 个", "请补全后重发。"
    if kind in ("too_long", "string_too_long"):
        return f"多于 {context.get('max_length')} 个", "请缩短或分成几次。"
    return _REASONS.get(kind, "不符合要求"), "请按接口说明核对后重发。"


def field_of(place: Sequence[Any]) -> str:
    """Name of a field by its place in the request, such as ``operation.line.0``."""
    return ".".join(str(part) for part in place[1:]) or (str(place[0]) if place else "")

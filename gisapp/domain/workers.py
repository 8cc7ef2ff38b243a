"""Grid workers and the positions that their terminals report: value types and the checks of one message.

A message that cannot be true is refused by itself, with its index, field, value, reason and remedy; the others of the
same batch are taken in. What is possible but doubtful (a jump, a coarse position) is kept: it is named later, from the
whole track, in ``gisapp.analytics.tracks``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gisapp.domain import incoming
from gisapp.errors import InputError
from gisapp.readable import clean_text, short_value, shown_value

#: terminals' clocks run ahead of the server's by this much at most
MAX_AHEAD = timedelta(minutes=2)
#: a terminal keeps what it could not send for this long
MAX_AGE = timedelta(days=30)
#: metres; a position worse than this says no more than the district
MAX_ACCURACY_M = 10_000.0
#: metres per second; faster than any worker, train included
MAX_SPEED_MS = 120.0
#: messages of one request
MAX_BATCH = 5000

MESSAGE_ID = incoming.TextKind("消息编号", 64)
_MESSAGE_LENGTH = 500

log = logging.getLogger("onemap.workers")


@dataclass(frozen=True, slots=True)
class Fix:
    """One position of a worker's terminal.

    Attributes:
        worker: id in ``grid_worker``.
        at: instant of the position, with zone.
        lon: longitude in degrees, EPSG:4490.
        lat: latitude in degrees, EPSG:4490.
        accuracy: radius in metres that the terminal states (68 %); None where it states none.
        speed: metres per second; None where the terminal states none.
        id: the terminal's own name of the message; worker and instant are what identifies a fix.
    """

    worker: int
    at: datetime
    lon: float
    lat: float
    accuracy: float | None = None
    speed: float | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one message of a batch was not taken in.

    Attributes:
        index: place of the message in the batch, from 0.
        field: which field is wrong.
        value: what stood there.
        message: the reason, in Chinese.
        remedy: what to do.
    """

    index: int
    field: str
    value: Any
    message: str
    remedy: str

    def as_json(self) -> dict[str, Any]:
        """The shape of the API's answer: the value is shortened, and JSON can carry it whatever it was."""
        return {
            "index": self.index,
            "field": self.field,
            "value": short_value(self.value),
            "message": clean_text(self.message, _MESSAGE_LENGTH),
            "remedy": clean_text(self.remedy, _MESSAGE_LENGTH),
        }


def read_batch(messages: Sequence[Any], now: datetime) -> tuple[list[tuple[int, Fix]], list[Refusal]]:
    """Check every message of a batch; whatever goes wrong with one, the others are read.

    Args:
        messages: mappings with ``worker``, ``at``, ``lon``, ``lat`` and, if known, ``id``, ``accuracy``, ``speed``.
        now: the server's instant, with zone.

    Returns:
        fixes with their index in the batch, and the refusals.

    Raises:
        InputError: more than ``MAX_BATCH`` messages.
    """
    if len(messages) > MAX_BATCH:
        raise InputError(
            f"一次上报了 {len(messages)} 个定位点，超过上限 {MAX_BATCH}。",
            remedy="请分批上报。",
            details={"field": "fixes", "value": len(messages)},
        )
    fixes: list[tuple[int, Fix]] = []
    refused: list[Refusal] = []
    for index, message in enumerate(messages):
        try:
            found = read_fix(message, now, index)
        except Exception as error:
            # Whatever a check did not foresee concerns this message alone.
            log.error("a position could not be read: %s", type(error).__name__)
            found = Refusal(index, "fixes", message, "定位点无法读取。", "请按接口说明核对各项的值。")
        if isinstance(found, Fix):
            fixes.append((index, found))
        else:
            refused.append(found)
    return fixes, refused


def read_fix(message: Any, now: datetime, index: int = 0) -> Fix | Refusal:
    """Check one message; a refusal names the first thing that is wrong."""
    if not isinstance(message, Mapping):
        return Refusal(
            index, "fixes", message, "定位点不是一个对象。", "请按接口说明上报 worker、at、lon、lat。"
        )
    try:
        return Fix(
            worker=_worker(message.get("worker")),
            at=_instant(message.get("at"), now),
            lon=_coordinate(message, "lon", 180.0),
            lat=_latitude(message),
            accuracy=_measure(message, "accuracy", "定位精度", "米", MAX_ACCURACY_M),
            speed=_measure(message, "speed", "速度", "米/秒", MAX_SPEED_MS),
            id=_name(message.get("id")),
        )
    except _Wrong as wrong:
        return Refusal(index, wrong.field, wrong.value, wrong.message, wrong.remedy)


class _Wrong(Exception):
    """Carries a refusal out of the checks of one field; never leaves this module."""

    def __init__(self, field: str, value: Any, message: str, remedy: str) -> None:
        super().__init__(message)
        self.field, self.value, self.message, self.remedy = field, value, message, remedy


def _worker(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise _Wrong("worker", value, "网格员编号无效。", "请填写系统分配的网格员编号（正整数）。")
    return value


def _instant(value: Any, now: datetime) -> datetime:
    if not isinstance(value, str):
        raise _Wrong("at", value, "定位时间缺失或不是文本。", "请按 2025-06-01T08:00:00+08:00 的格式填写。")
    try:
        at = incoming.instant(value, "at", "定位时间", zone_required=True)
    except InputError as error:
        raise _Wrong("at", value, error.message, error.remedy or "") from None
    if at > now + MAX_AHEAD:
        ahead = int((at - now).total_seconds())
        raise _Wrong("at", value, f"定位时间比服务器晚 {ahead} 秒。", "请校准终端时钟后重新上报。")
    if at < now - MAX_AGE:
        raise _Wrong(
            "at",
            value,
            f"定位时间早于 {MAX_AGE.days} 天前，不再接收。",
            "请检查终端时钟；更早的轨迹请用导入。",
        )
    return at


def _coordinate(message: Mapping[str, Any], field: str, limit: float) -> float:
    value = message.get(field)
    word = "经度" if field == "lon" else "纬度"
    number = _number(value)
    if number is None:
        raise _Wrong(field, value, f"{word}缺失或不是数字。", f"请填写以度为单位的{word}。")
    if not -limit <= number <= limit:
        raise _Wrong(
            field, value, f"{word} {shown_value(value)} 超出 ±{limit:g} 度。", "请检查经纬度的顺序和单位。"
        )
    return number


def _latitude(message: Mapping[str, Any]) -> float:
    lat = _coordinate(message, "lat", 90.0)
    if lat == 0.0 and _number(message.get("lon")) == 0.0:
        raise _Wrong("lon", 0, "经纬度都是 0，终端尚未定位。", "请等终端定位后再上报。")
    return lat


def _measure(message: Mapping[str, Any], field: str, word: str, unit: str, limit: float) -> float | None:
    value = message.get(field)
    if value is None:
        return None
    number = _number(value)
    if number is None:
        raise _Wrong(field, value, f"{word}不是数字。", f"请填写以{unit}为单位的{word}，没有就不填。")
    if not 0.0 <= number <= limit:
        raise _Wrong(
            field,
            value,
            f"{word} {shown_value(value)} 不在 0 到 {limit:g} {unit}之间。",
            f"没有{word}时请不填此项。",
        )
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value > 0 else -math.inf
    return None if math.isnan(number) else number


def _name(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise _Wrong("id", value, "消息编号应为文本。", "请填写文本，没有就不填。")
    try:
        return incoming.text(value if isinstance(value, str) else shown_value(value), MESSAGE_ID, "id")
    except InputError as error:
        raise _Wrong("id", value, error.message, error.remedy or "") from None

"""A plain reader of Mapbox Vector Tiles (version 2), for tests: layers, ids, properties, points of geometries."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Feature:
    """One feature: id (0 when there is none), properties, and its points in tile coordinates."""

    id: int
    properties: dict[str, Any]
    kind: int
    points: list[tuple[int, int]] = field(default_factory=list)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size
        else:
            size = 8 if wire == 1 else 4
            yield number, data[at : at + size]
            at += size


def _zigzag(value: int) -> int:
    return value >> 1 if not value & 1 else -((value + 1) >> 1)


def _value(data: bytes) -> Any:
    for number, value in _fields(data):
        if number == 1:
            return value.decode()
        if number == 2:
            return struct.unpack("<f", value)[0]
        if number == 3:
            return struct.unpack("<d", value)[0]
        if number == 6:
            return _zigzag(value)
        if number == 7:
            return bool(value)
        return value
    return None


def _packed(data: bytes) -> list[int]:
    at, found = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _points(commands: list[int]) -> list[tuple[int, int]]:
    x = y = at = 0
    found = []
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == 7:
            continue
        for _ in range(count):
            x, y = x + _zigzag(commands[at]), y + _zigzag(commands[at + 1])
            at += 2
            found.append((x, y))
    return found


def read(tile: bytes) -> dict[str, list[Feature]]:
    """Features by the name of their layer."""
    layers: dict[str, list[Feature]] = {}
    for number, layer in _fields(tile):
        if number != 3:
            continue
        name, keys, values, raw = "", [], [], []
        for part, value in _fields(layer):
            if part == 1:
                name = value.decode()
            elif part == 2:
                raw.append(value)
            elif part == 3:
                keys.append(value.decode())
            elif part == 4:
                values.append(_value(value))
        features = []
        for data in raw:
            found: dict[int, Any] = dict(_fields(data))
            tags = _packed(found.get(2, b""))
            properties = {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)}
            features.append(
                Feature(found.get(1, 0), properties, found.get(3, 0), _points(_packed(found.get(4, b""))))
            )
        layers[name] = features
    return layers

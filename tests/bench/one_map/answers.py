"""Tiles of a place as clients ask for them: every layer that is on at first, and the large registers, zooms 8 to 17."""

from __future__ import annotations

import multiprocessing
import random
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from gisapp.domain.tiles import Tile
from layers.registry import layers_by_id, tilesets

ZOOMS = range(8, 18)
ALSO = ("people", "components", "cases")
"""Layers that are off at first and hold most rows."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One tile to ask for."""

    tileset: str
    zoom: int
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it.

    Attributes:
        ms: from sending the request to the last byte.
        size: bytes of the compressed body.
    """

    tileset: str
    zoom: int
    ms: float
    size: int


def asked_tilesets() -> list[str]:
    """Tilesets of the layers that are on at first, and of the large registers."""
    on = {layer.source_id for layer in layers_by_id().values() if layer.visible and layer.delivery == "tiles"}
    return sorted(on | {layers_by_id()[name].source_id for name in ALSO})


def tiles_over(box: tuple[float, float, float, float], most: int, seed: int = 1) -> list[Ask]:
    """Up to so many tiles of each tileset and zoom over a box, in random order.

    Beyond a tileset's last zoom the browser asks for tiles of that zoom and enlarges them, hence zoom 17 is 16 here.
    """
    rng = random.Random(seed)
    west, south, east, north = box
    asks = []
    for name in asked_tilesets():
        parts = [part for layer in tilesets()[name] for part in layer.parts]
        low, high = min(p.zooms[0] for p in parts), max(p.zooms[1] for p in parts)
        for zoom in ZOOMS:
            if zoom < low:
                continue
            first, last = Tile.at(min(zoom, high), west, north), Tile.at(min(zoom, high), east, south)
            every = [(x, y) for x in range(first.x, last.x + 1) for y in range(first.y, last.y + 1)]
            for x, y in rng.sample(every, min(most, len(every))):
                asks.append(Ask(name, zoom, f"/tiles/{name}/{first.z}/{x}/{y}.mvt"))
    rng.shuffle(asks)
    return asks


def ask_all(port: int, cookie: str, asks: Sequence[Ask], clients: int) -> list[Answer]:
    """Ask for every tile once, shared out among clients with one kept connection each.

    Raises:
        RuntimeError: a tile was answered with anything but 200 or 204.
    """
    context = multiprocessing.get_context("fork")
    pipes, processes = [], []
    for number in range(clients):
        ours, theirs = context.Pipe()
        one = context.Process(target=_client, args=(port, cookie, asks[number::clients], theirs), daemon=True)
        one.start()
        pipes.append(ours)
        processes.append(one)
    answers = [pipe.recv() for pipe in pipes]
    for one in processes:
        one.join()
    failures = [answer for answer in answers if isinstance(answer, str)]
    if failures:
        raise RuntimeError(failures[0])
    return [one for answer in answers for one in answer]


def _client(port: int, cookie: str, asks: Sequence[Ask], pipe: Connection) -> None:
    try:
        pipe.send(_ask(port, cookie, asks))
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


def _ask(port: int, cookie: str, asks: Sequence[Ask]) -> list[Answer]:
    tail = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n{cookie}\r\n".encode()
    answers = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in asks:
            begun = time.perf_counter()
            connection.sendall(b"GET " + one.path.encode() + tail)
            size = _read(connection, one.path)
            answers.append(Answer(one.tileset, one.zoom, (time.perf_counter() - begun) * 1000, size))
    return answers


def _read(connection: socket.socket, path: str) -> int:
    buffer = connection.recv(1 << 17)
    while (at := buffer.find(b"\r\n\r\n")) < 0:
        buffer += connection.recv(1 << 17)
    head = buffer[:at].lower()
    if head.startswith(b"http/1.1 204"):
        return 0
    mark = head.find(b"content-length:")
    if not head.startswith(b"http/1.1 200") or mark < 0:
        raise RuntimeError(f"{path}: {buffer[:200]!r}")
    size = int(head[mark + 15 :].split(b"\r\n", 1)[0])
    missing = size - (len(buffer) - at - 4)
    while missing > 0:
        missing -= len(connection.recv(1 << 17))
    return size


def summary(answers: Sequence[Answer]) -> dict[str, object]:
    """Percentiles of all answers, and the tileset and zoom that is slowest at its 95th percentile."""
    ms = [one.ms for one in answers]
    groups: dict[tuple[str, int], list[Answer]] = {}
    for one in answers:
        groups.setdefault((one.tileset, one.zoom), []).append(one)
    slowest = max(groups, key=lambda key: float(np.percentile([one.ms for one in groups[key]], 95)))
    return {
        "tiles": len(answers),
        "p50_ms": percentile(ms, 50),
        "p95_ms": percentile(ms, 95),
        "max_ms": percentile(ms, 100),
        "slowest": f"{slowest[0]} z{slowest[1]}",
        "slowest_p95_ms": percentile([one.ms for one in groups[slowest]], 95),
        "largest_kb": round(max(one.size for one in answers) / 1024, 1),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile, rounded to a tenth."""
    return round(float(np.percentile(values, share)), 1)

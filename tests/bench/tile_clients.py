"""Clients that ask for tiles as fast as they are answered: one process and one kept connection each, nothing decoded."""

from __future__ import annotations

import multiprocessing
import random
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients ask for.

    Attributes:
        path: address with ``{z}``, ``{x}``, ``{y}``.
        headers: further header lines, each with its line end.
        x, y: first and last column and row.
        seconds: how long.
        distinct: every tile once, shared out among the clients, for filling a cache; ends when done.
    """

    port: int
    path: str
    headers: str
    zoom: int
    x: tuple[int, int]
    y: tuple[int, int]
    seconds: float
    distinct: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    per_second: float
    p95_ms: float


def run_clients(load: Load, clients: int) -> Result:
    """Answers per second of all clients together and the 95th percentile of the waiting time.

    Raises:
        RuntimeError: a tile was answered with anything but 200.
    """
    context = multiprocessing.get_context("fork")
    pipes, processes = [], []
    for number in range(clients):
        ours, theirs = context.Pipe()
        one = context.Process(target=_client, args=(load, number, clients, theirs), daemon=True)
        one.start()
        pipes.append(ours)
        processes.append(one)
    begun = time.perf_counter()
    answers = [pipe.recv() for pipe in pipes]
    took = time.perf_counter() - begun
    for one in processes:
        one.join()
    failures = [answer for answer in answers if isinstance(answer, str)]
    if failures:
        raise RuntimeError(failures[0])
    times = sorted(value for answer in answers for value in answer)
    return Result(len(times) / took, times[int(len(times) * 0.95)] * 1000)


def _client(load: Load, number: int, clients: int, pipe: Connection) -> None:
    try:
        pipe.send(_ask(load, number, clients))
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


def _ask(load: Load, number: int, clients: int) -> list[float]:
    rng = random.Random(number)
    tail = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n{load.headers}\r\n".encode()
    every = [(x, y) for x in range(load.x[0], load.x[1] + 1) for y in range(load.y[0], load.y[1] + 1)]
    queue = every[number::clients] if load.distinct else None
    times: list[float] = []
    end = time.perf_counter() + load.seconds
    with socket.create_connection(("127.0.0.1", load.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < end and (queue is None or queue):
            x, y = queue.pop() if queue is not None else rng.choice(every)
            begun = time.perf_counter()
            path = load.path.format(z=load.zoom, x=x, y=y)
            connection.sendall(b"GET " + path.encode() + tail)
            _read(connection, path)
            times.append(time.perf_counter() - begun)
    return times


def _read(connection: socket.socket, path: str) -> None:
    buffer = connection.recv(1 << 17)
    while (at := buffer.find(b"\r\n\r\n")) < 0:
        buffer += connection.recv(1 << 17)
    head = buffer[:at].lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"{path}: {buffer[:200]!r}")
    mark = head.find(b"content-length:")
    if mark < 0:
        raise RuntimeError(f"{path}: no content-length in {head!r}")
    missing = int(head[mark + 15 :].split(b"\r\n", 1)[0]) - (len(buffer) - at - 4)
    while missing > 0:
        missing -= len(connection.recv(1 << 17))

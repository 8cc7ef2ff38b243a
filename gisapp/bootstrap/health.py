"""Ask a running server how it is, as anybody can: ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any


def alive(host: str, port: int) -> bool:
    """Whether the server answers at all."""
    return _ask(host, port, "/healthz")[0] == 200


def missing(host: str, port: int) -> str:
    """What keeps the server from working, in its own words; empty where it is ready."""
    status, told = _ask(host, port, "/readyz")
    if status == 200:
        return ""
    return str(told.get("message") or ("没有应答" if status == 0 else f"应答 {status}"))


def ready(host: str, port: int) -> bool:
    """Whether the server works: it answers, its database answers, and the schema is its own."""
    return _ask(host, port, "/readyz")[0] == 200


def settles(host: str, port: int, seconds: float) -> bool:
    """Whether a server that answers becomes ready in time; one that does not answer is not waited for."""
    deadline = time.monotonic() + seconds
    while not ready(host, port):
        if not alive(host, port) or time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _ask(host: str, port: int, path: str) -> tuple[int, dict[str, Any]]:
    place = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    # a proxy of the environment must not be asked for this machine
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{place}:{port}{path}", timeout=5) as answer:
            return int(answer.status), {}
    except urllib.error.HTTPError as error:
        try:
            told = json.loads(error.read(65536))
        except (OSError, ValueError):
            told = {}
        return error.code, told if isinstance(told, dict) else {}
    except (OSError, ValueError):
        return 0, {}

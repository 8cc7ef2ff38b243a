"""The load of ``tests.bench.kills``: senders that repeat what was not acknowledged, as phones do, and write down what was.

Each sender is a thread with a connection of its own. It goes on through every failure; nothing that it was told is
forgotten, and nothing that it sends is given up before it has been acknowledged or the run is over.
"""

from __future__ import annotations

import contextlib
import csv
import io
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from gisapp.domain.clock import ZONE

PAUSE_S = 0.25
#: rows of one imported file
ROWS = 150


@dataclass
class Ledger:
    """What was acknowledged, and what was answered instead.

    Attributes:
        fixes: worker and instant of positions; cases: keys of reports with the id of the case; steps: notes with the id.
        imports: names of sources whose import was acknowledged; begun: of all that were begun.
        versions: notes of grid versions with community and number.
        statuses: how often each status was answered, by sender; 0 where the line broke.
        wordless: failures of the server without a message.
        trouble: answers that no sender should get, at most a few.
    """

    fixes: set[tuple[int, datetime]] = field(default_factory=set)
    cases: dict[str, int] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    versions: dict[str, tuple[str, int]] = field(default_factory=dict)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wordless: int = 0
    trouble: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, sender: str, answer: httpx.Response | None) -> None:
        """Count an answer; None where there was none."""
        with self.lock:
            self.statuses[sender, answer.status_code if answer is not None else 0] += 1
            if answer is not None and answer.status_code >= 500 and not words_of(answer):
                self.wordless += 1

    def wonder(self, sender: str, answer: httpx.Response) -> None:
        """Keep an answer that the sender cannot explain."""
        with self.lock:
            if len(self.trouble) < 20:
                self.trouble.append(f"{sender}: {answer.status_code} {answer.text[:300]}")


def words_of(answer: httpx.Response) -> str:
    """The message of an answer; empty where there is none."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(answer.json().get("message") or "")
    return ""


class Over(Exception):
    """The run is over."""


class Sender(threading.Thread):
    """One sender.

    Args:
        url: of the server; login, password: its account.
        over: set when nothing new shall be begun; gone: set when even what waits is given up.
    """

    kind = "sender"

    def __init__(
        self,
        url: str,
        login: str,
        password: str,
        ledger: Ledger,
        seed: int,
        over: threading.Event,
        gone: threading.Event,
    ) -> None:
        super().__init__(name=f"{self.kind}-{login}", daemon=True)
        self.ledger = ledger
        self.random = random.Random(seed)
        self.over, self.gone = over, gone
        self.client = httpx.Client(base_url=url, timeout=httpx.Timeout(20.0, connect=2.0), trust_env=False)
        self.credentials = {"login": login, "password": password}
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Send until the run is over."""
        try:
            with contextlib.suppress(Over):
                while not self.over.is_set():
                    self.one()
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self.client.close()

    def one(self) -> None:
        """Do one thing, and return when it has been acknowledged."""
        raise NotImplementedError

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """Ask once; None where no answer came. Signs in where that is needed."""
        try:
            answer = self.client.request(method, path, **more)
            if answer.status_code == 401:
                self.client.post("/api/v1/session", json=self.credentials)
                answer = self.client.request(method, path, **more)
        except httpx.TransportError:
            answer = None
        self.ledger.answered(self.kind, answer)
        return answer

    def until(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask until the server answers with something other than a failure of its own.

        Raises:
            Over: the run ended before.
        """
        while True:
            answer = self.ask(method, path, **more)
            if answer is not None and answer.status_code < 500 and answer.status_code not in (401, 408, 429):
                return answer
            self.wait()

    def wait(self, seconds: float = PAUSE_S) -> None:
        """A pause.

        Raises:
            Over: the run ended.
        """
        if self.gone.wait(seconds * (0.5 + self.random.random())):
            raise Over


class Positions(Sender):
    """A gateway: one position of each of its workers, half a second apart."""

    kind = "positions"

    def __init__(self, *given: Any, workers: list[tuple[int, float, float]]) -> None:
        super().__init__(*given)
        self.workers = workers

    def one(self) -> None:
        """Post; the same again until it is stored."""
        at = datetime.now(ZONE)
        fixes = [
            {
                "worker": worker,
                "at": at.isoformat(),
                "lon": round(lon + self.random.gauss(0, 1e-4), 7),
                "lat": round(lat + self.random.gauss(0, 1e-4), 7),
                "accuracy": 8.0,
            }
            for worker, lon, lat in self.workers
        ]
        answer = self.until("POST", "/api/v1/tracks", json={"fixes": fixes})
        found = answer.json()
        if answer.status_code != 200 or found["stored"] + found["doubled"] != len(fixes):
            self.ledger.wonder(self.kind, answer)
            return
        with self.ledger.lock:
            self.ledger.fixes.update((fix["worker"], at) for fix in fixes)
        self.wait(0.5)


class Cases(Sender):
    """A desk: a case is reported, assigned, handled and closed."""

    kind = "cases"

    def __init__(self, *given: Any, spots: list[tuple[float, float]]) -> None:
        super().__init__(*given)
        self.spots = spots

    def one(self) -> None:
        """Report a case and take it to its end; each repeated until it is acknowledged."""
        lon, lat = self.random.choice(self.spots)
        key = str(uuid.UUID(int=self.random.getrandbits(128)))
        report = {
            "lon": lon,
            "lat": lat,
            "matter_code": "06010",
            "description": key,
            "source_key": key,
        }
        answer = self.until("POST", "/api/v1/events", json=report)
        if answer.status_code not in (200, 201):
            self.ledger.wonder(self.kind, answer)
            return
        case = int(answer.json()["id"])
        with self.ledger.lock:
            self.ledger.cases[key] = case
        for action in ("assign", "handle", "close"):
            if self.random.random() < 0.3:
                return  # some stay open, so that publications move them
            self._step(case, action, f"{action} {key}")
        self.wait(0.1)

    def _step(self, case: int, action: str, note: str) -> None:
        step = {"action": action, "note": note, "assignee": "市政养护所" if action == "assign" else ""}
        answer = self.until("POST", f"/api/v1/events/{case}/steps", json=step)
        if answer.status_code >= 300:
            # The answer to an earlier try may have been lost: then the step is in the log of the case.
            log = self.until("GET", f"/api/v1/events/{case}")
            if note not in log.text:
                self.ledger.wonder(self.kind, answer)
                return
        with self.ledger.lock:
            self.ledger.steps[note] = case


class Imports(Sender):
    """A manager who imports a file of places after another, each sent again until its import is acknowledged."""

    kind = "imports"

    def __init__(self, *given: Any, spots: list[tuple[float, float]]) -> None:
        super().__init__(*given)
        self.spots = spots
        self.number = 0

    def one(self) -> None:
        """Send a file and import it."""
        self.number += 1
        source = f"kills-{self.number:05d}"
        with self.ledger.lock:
            self.ledger.begun.add(source)
        while not self._done(source):
            self.wait()
        with self.ledger.lock:
            self.ledger.imports.add(source)
        self.wait(0.5)

    def _done(self, source: str) -> bool:
        sent = self.until("POST", "/api/v1/imports", files={"file": (f"{source}.csv", self._file(source))})
        if sent.status_code != 201:
            self.ledger.wonder(self.kind, sent)
            return False
        order = {"kind": "places", "crs": "CGCS2000", "dry_run": False}
        answer = self.ask("POST", f"/api/v1/imports/{sent.json()['token']}", json=order)
        if answer is None or answer.status_code >= 500:
            return False
        if answer.status_code != 200 or answer.json()["outcomes"][0]["counts"]["refused"]:
            self.ledger.wonder(self.kind, answer)
            return False
        return True

    def _file(self, source: str) -> bytes:
        dice = random.Random(source)
        rows: list[list[Any]] = [["来源编号", "名称", "类别", "经度", "纬度"]]
        for number in range(ROWS):
            spot = dice.choice(self.spots)
            rows.append([f"{source}-{number}", f"{source} 号学校 {number}", "学校", *spot])
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode("utf-8-sig")


class Publications(Sender):
    """A manager who splits a grid of a community, publishes, merges the halves, publishes, and so on."""

    kind = "publications"

    def __init__(self, *given: Any, community: str, codes: set[str], line: list[list[float]]) -> None:
        super().__init__(*given)
        self.community, self.codes, self.line = community, codes, line
        self.number = 0

    def one(self) -> None:
        """Publish one version."""
        self.number += 1
        note = f"kills {self.number}"
        while not self._published(note):
            self._draw_and_publish(note)
            self.wait()
        self.wait(1.0)

    def _published(self, note: str) -> bool:
        answer = self.until("GET", f"/api/v1/grids/{self.community}/versions")
        for version in answer.json() if answer.status_code == 200 else ():
            if version["note"] == note:
                with self.ledger.lock:
                    self.ledger.versions[note] = (self.community, int(version["version"]))
                return True
        return False

    def _draw_and_publish(self, note: str) -> None:
        """One try; whatever goes wrong, the next one begins from what is in force."""
        draft = f"/api/v1/grids/{self.community}/draft"
        self.until("DELETE", draft)
        opened = self.until("POST", draft)
        if opened.status_code != 200:
            self.ledger.wonder(self.kind, opened)
            return
        shapes = {feature["properties"]["code"] for feature in opened.json()["grids"]["features"]}
        grid, made = min(self.codes), shapes - self.codes
        operation: dict[str, Any] = {"kind": "split", "line": self.line, "code": grid}
        if made:
            operation = {"kind": "merge", "codes": [grid, *made]}
        asked = {"revision": opened.json()["revision"], "operation": operation}
        drawn = self.ask("POST", f"{draft}/operations", json=asked)
        if drawn is None or drawn.status_code != 200:
            if drawn is not None and drawn.status_code < 500:
                self.ledger.wonder(self.kind, drawn)
            return
        what = {"revision": drawn.json()["revision"], "note": note}
        answer = self.ask("POST", f"{draft}/publish", json=what)
        if answer is not None and answer.status_code not in (200, 409) and answer.status_code < 500:
            self.ledger.wonder(self.kind, answer)


def finish(senders: list[Sender], over: threading.Event, gone: threading.Event, seconds: float) -> list[str]:
    """Let every sender end what it has begun; names of those that could not within the time, or that failed."""
    over.set()
    deadline = time.monotonic() + seconds
    for sender in senders:
        sender.join(max(0.0, deadline - time.monotonic()))
    late = [sender.name for sender in senders if sender.is_alive()]
    gone.set()
    for sender in senders:
        sender.join(30)
    return late + [f"{s.name}: {s.failure!r}" for s in senders if s.failure is not None]

"""The simulator's loop: walk, send, stray, report; on through restarts of the server."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely

from gisapp.domain.clock import ZONE
from gisapp.errors import OnemapError, Unavailable
from gisapp.services.simulation.duty import Posts, read_posts
from gisapp.services.simulation.gateway import Desk, Gateway, Unreachable
from gisapp.services.simulation.outbox import Message, Outbox
from gisapp.services.simulation.patrol import Mood, Patrol
from gisapp.services.simulation.rounds import Rounds
from gisapp.store.database import Database

_BATCH = 2000
_LONGEST_PAUSE = 15.0
_DATABASE_PAUSE = 2.0
_REREAD_S = 600.0
_TELL_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """How to simulate.

    Attributes:
        url: address of the server.
        interval: seconds between two positions of a worker.
        workers: how many workers at most.
        place: prefix of the grids whose workers walk.
        case_every: mean seconds between two new cases; 0 for none.
        stray_first: seconds until the first worker leaves the own grid.
        stray_every: mean seconds between two who do; 0 for none.
        seconds: how long to run; 0 without end.
    """

    url: str
    login: str
    password: str
    interval: float = 5.0
    workers: int = 600
    place: str = ""
    case_every: float = 45.0
    stray_first: float = 40.0
    stray_every: float = 300.0
    seconds: float = 0.0
    seed: int = 1


@dataclass(slots=True)
class Tally:
    """What was sent so far."""

    sent: int = 0
    refused: int = 0
    pauses: int = 0


def simulate(
    database: Database,
    options: Options,
    *,
    tell: Callable[[str], None],
    stop: Callable[[], bool] = lambda: False,
) -> Tally:
    """Act as the workers' phones until told to stop.

    Args:
        database: read for grids and streets, and asked for the session of the desk that works on the cases; whatever is
            reported goes through the API.
        tell: takes a line about how things go, once a minute and when something changes.

    Raises:
        NotFound: there is nobody to simulate.
        Unavailable: the server refuses the account.
    """
    rng = np.random.default_rng(options.seed)
    gateway = Gateway(options.url, options.login, options.password)
    simulation = None
    try:
        simulation = _begin(database, options, gateway, rng, tell, stop)
        return simulation.run(stop) if simulation is not None else Tally()
    finally:
        gateway.close()
        if simulation is not None:
            simulation.desk.close()


def _begin(
    database: Database,
    options: Options,
    gateway: Gateway,
    rng: np.random.Generator,
    tell: Callable[[str], None],
    stop: Callable[[], bool],
) -> _Simulation | None:
    """The simulation, as soon as the database answers; None when told to stop before."""
    told = False
    while not stop():
        try:
            return _Simulation(database, options, gateway, rng, tell)
        except Unavailable as error:
            if not told:
                tell(f"等待数据库：{error.message}")
                told = True
            _wait(_DATABASE_PAUSE, stop)
    return None


class _Simulation:
    def __init__(
        self,
        database: Database,
        options: Options,
        gateway: Gateway,
        rng: np.random.Generator,
        tell: Callable[[str], None],
    ) -> None:
        self.options, self.gateway, self.rng, self.tell = options, gateway, rng, tell
        self.database = database
        self.outbox = Outbox(rng)
        self.tally = Tally()
        self.posts: Posts
        self.patrols: list[Patrol] = []
        self._read()
        self.desk = Desk(options.url, database, sorted({duty.place[:9] for duty in self.posts.duties}))
        self.rounds = Rounds(self.desk, rng, options.case_every)

    def _read(self) -> None:
        """Who walks where; those whose ground is as before walk on from where they are."""
        self.posts = read_posts(self.database, self.options.place, self.options.workers)
        before = {p.duty.worker: p for p in self.patrols}
        self.patrols = []
        for duty in self.posts.duties:
            old = before.get(duty.worker)
            same = old is not None and old.duty.place == duty.place and old.duty.ground.equals(duty.ground)
            self.patrols.append(old if old is not None and same else Patrol(duty, self.rng))

    def _read_again(self) -> None:
        """As ``_read``; while the database does not answer, everybody walks on as before."""
        try:
            self._read()
        except OnemapError as error:
            self.tell(f"暂时读不到网格与网格员（{error.message}），照旧巡查。")

    def run(self, stop: Callable[[], bool]) -> Tally:
        self.tell(f"模拟 {len(self.patrols)} 名网格员，每 {self.options.interval:g} 秒上报一次位置。")
        start = time.monotonic()
        last, told, read = start, start, start
        stray_at = self.options.stray_first if self.options.stray_every else float("inf")
        pause, retry_at, desk_at = 1.0, start, start
        while not stop():
            now = time.monotonic()
            self._walk(now - last if last > start else self.options.interval, now - start)
            last = now
            if now - start >= stray_at:
                self._let_stray()
                stray_at = now - start + float(self.rng.exponential(self.options.stray_every))
            if now >= retry_at:
                try:
                    self._send()
                    if now >= desk_at:
                        desk_at = now + self._work_on_cases(now - start)
                    if pause > 1.0:
                        self.tell("服务器恢复应答，继续上报。")
                    pause = 1.0
                except Unreachable as error:
                    if pause == 1.0:
                        self.tell(f"服务器没有应答（{error}），位置先存着，稍后补报。")
                    self.tally.pauses += 1
                    retry_at = now + pause
                    pause = min(pause * 2, _LONGEST_PAUSE)
            if now - read >= _REREAD_S:
                self._read_again()
                read = now
            if now - told >= _TELL_S:
                self.tell(self._state())
                told = now
            if self.options.seconds and now - start >= self.options.seconds:
                break
            _wait(max(0.05, self.options.interval - (time.monotonic() - now)), stop)
        self.tell(self._state())
        return self.tally

    def _walk(self, seconds: float, elapsed: float) -> None:
        # After a long sleep of the machine nobody has walked for hours.
        seconds = min(seconds, 4 * self.options.interval)
        at = datetime.now(ZONE).isoformat(timespec="milliseconds")
        for patrol in self.patrols:
            x, y, accuracy, speed = patrol.step(seconds)
            lon, lat = self.posts.degrees(x, y)
            message: Message = {
                "id": str(uuid.uuid4()),
                "worker": patrol.duty.worker,
                "at": at,
                "lon": round(lon, 7),
                "lat": round(lat, 7),
                "accuracy": accuracy,
                "speed": speed,
            }
            self.outbox.put(message, elapsed)

    def _send(self) -> None:
        while messages := self.outbox.take(_BATCH):
            try:
                status, answer = self.gateway.post("/api/v1/tracks", {"fixes": messages})
            except Exception:
                self.outbox.put_back(messages)
                raise
            refused = answer.get("refused", [])
            self.tally.refused += len(refused) if status < 300 else len(messages)
            self.tally.sent += len(messages)

    def _work_on_cases(self, elapsed: float) -> float:
        """Report and handle cases; returns the seconds to leave them alone. What fails there does not stop the phones."""
        try:
            self.rounds.tick(elapsed, self._somewhere)
        except Unreachable:
            self.tally.pauses += 1
            return _LONGEST_PAUSE
        return 0.0

    def _let_stray(self) -> None:
        # Of some workers the one with the shortest way out, so that there is soon something to see.
        chosen = self.rng.permutation(len(self.patrols))[:8].tolist()
        order = sorted(
            (self.patrols[i].way_out()[0], i) for i in chosen if self.patrols[i].mood is Mood.PATROL
        )
        for _, index in order:
            patrol = self.patrols[index]
            if patrol.stray():
                self.tell(f"网格员 {patrol.duty.worker}（{patrol.duty.place}）离开本网格。")
                return

    def _somewhere(self) -> tuple[float, float]:
        """Where some patrolling worker is: well inside the own grid, so that the case belongs to it."""
        patrol = self.patrols[int(self.rng.integers(len(self.patrols)))]
        point = patrol.duty.ground.representative_point()
        x, y, _, _ = patrol.step(0.0)
        inside = patrol.duty.ground.contains(shapely.Point(x, y))
        return self.posts.degrees(x, y) if inside else self.posts.degrees(point.x, point.y)

    def _state(self) -> str:
        t = self.tally
        return (
            f"已上报 {t.sent:,} 个位置（被拒 {t.refused}，待发 {len(self.outbox)}，丢弃 {self.outbox.dropped}），"
            f"案件 {self.rounds.reported}，步骤 {self.rounds.steps}。"
        )


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not stop():
        time.sleep(min(left, 0.25))

"""The simulator: walks along streets, strays and comes back, loses the network without losing positions."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import httpx
import numpy as np
import pytest
import shapely

from gisapp.analytics.crs import points_to_metric
from gisapp.analytics.walking import PACE_MS, Walker, paths_within, pavement
from gisapp.errors import Unavailable
from gisapp.services.simulation import run
from gisapp.services.simulation.duty import REACH_M, Duty, Posts
from gisapp.services.simulation.gateway import Gateway, Unreachable
from gisapp.services.simulation.outbox import Outbox
from gisapp.services.simulation.patrol import FAR_M, STAY_S, Mood, Patrol
from gisapp.services.simulation.rounds import Rounds
from gisapp.store.database import Database

ZONE = 40


def town(size: int = 9, block: float = 100.0) -> np.ndarray:
    """A square net of streets, its middle at a place in Hangzhou."""
    x0, y0 = (float(v[0]) for v in points_to_metric([120.17], [30.28], ZONE))
    half = size // 2
    edges = []
    for i in range(-half, half + 1):
        for j in range(-half, half):
            for a, b in (((i, j), (i, j + 1)), ((j, i), (j + 1, i))):
                ends = [(x0 + block * p[0], y0 + block * p[1]) for p in (a, b)]
                edges.append(shapely.LineString(ends))
    return np.array(edges, dtype=object)


def duty(worker: int = 7) -> Duty:
    """A grid of two by two blocks in the middle of the net."""
    x, y = (float(v[0]) for v in points_to_metric([120.17], [30.28], ZONE))
    ground = shapely.box(x - 100, y - 100, x + 100, y + 100)
    return Duty(
        worker,
        f"网格员{worker}",
        "330103003055001",
        ground,
        pavement(ground),
        paths_within(town(), ground, REACH_M),
    )


def test_a_walker_keeps_to_streets_pace_and_ground() -> None:
    post = duty()
    walker = Walker(post.paths, np.random.default_rng(1), post.keep_to)
    streets = shapely.union_all(town())
    before = walker.position()
    for _ in range(800):
        speed = walker.walk(5.0)
        here = walker.position()
        assert speed <= PACE_MS * 1.2
        assert shapely.distance(shapely.Point(here), streets) < 8
        assert post.ground.buffer(0.1).contains(shapely.Point(here))
        # Round a corner on the pavement one may cut a few metres.
        assert np.hypot(here[0] - before[0], here[1] - before[1]) < PACE_MS * 1.2 * 5 + 13
        before = here


def test_positions_err_as_phones_do() -> None:
    post = duty()
    walker = Walker(post.paths, np.random.default_rng(2), post.keep_to)
    errors = []
    for _ in range(3000):
        walker.walk(5.0)
        x, y, accuracy = walker.fix(5.0)
        true = walker.position()
        errors.append(np.hypot(x - true[0], y - true[1]))
        assert 3 <= accuracy <= 30
    assert 2.0 < np.mean(errors) < 5.0
    assert np.max(errors) < 20


def test_a_ground_without_streets_is_walked_round() -> None:
    ground = shapely.box(0, 0, 120, 80)
    far = np.array([shapely.LineString([(5000, 0), (5100, 0)])], dtype=object)
    walker = Walker(paths_within(far, ground), np.random.default_rng(3), pavement(ground))
    for _ in range(200):
        walker.walk(10.0)
        assert ground.contains(shapely.Point(walker.position()))


def test_who_strays_goes_far_enough_stays_and_comes_back() -> None:
    post = duty()
    for seed in range(8):
        patrol = Patrol(post, np.random.default_rng(seed))
        for _ in range(seed * 7):
            patrol.step(5.0)
        assert patrol.stray()
        assert not patrol.stray()
        outside = []
        for _ in range(800):
            x, y, _, _ = patrol.step(5.0)
            outside.append(float(shapely.distance(shapely.Point(x, y), post.ground)))
            if patrol.mood is Mood.PATROL:
                break
        far = np.array(outside)
        assert patrol.mood is Mood.PATROL
        assert far.max() > FAR_M - 15
        assert (far > 30).sum() * 5 > STAY_S
        assert far[-1] < 20
        # From then on it patrols at home again.
        away = [patrol.step(5.0)[:2] for _ in range(200)]
        assert max(shapely.distance(shapely.Point(p), post.ground) for p in away[40:]) < 20


def message(worker: int, number: int) -> dict[str, Any]:
    return {"id": f"{worker}-{number}", "worker": worker}


def test_outbox_delivers_everything_late_and_twice_but_nothing_never() -> None:
    outbox = Outbox(np.random.default_rng(4))
    got: list[str] = []
    late = 0
    for second in range(0, 6000, 5):
        for worker in range(10):
            outbox.put(message(worker, second), float(second))
        taken = outbox.take(10_000)
        late += sum(int(m["id"].split("-")[1]) < second - 15 for m in taken)
        got += [m["id"] for m in taken]
    for second in range(6000, 6300, 5):
        for worker in range(10):
            outbox.put(message(worker, second), float(second))
        got += [m["id"] for m in outbox.take(10_000)]
    counts = Counter(got)
    assert {f"{w}-{s}" for w in range(10) for s in range(0, 6000, 5)} <= set(counts)
    assert late > 20
    assert sum(n > 1 for n in counts.values()) > 20


def test_outbox_is_bounded_and_keeps_order() -> None:
    outbox = Outbox(np.random.default_rng(5), capacity=100)
    for number in range(1000):
        outbox.put(message(number, number), 0.0)
    assert len(outbox) < 200
    assert outbox.dropped > 800
    first = outbox.take(10)
    outbox.put_back(first)
    assert outbox.take(10) == first


class Server:
    """Takes what is posted; can be down, and forgets nothing."""

    def __init__(self) -> None:
        self.down = False
        self.fixes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.steps: list[tuple[str, str]] = []

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.down:
            raise Unreachable("down")
        if path == "/api/v1/tracks":
            self.fixes += body["fixes"]
            return 200, {"stored": len(body["fixes"]), "refused": []}
        if path == "/api/v1/events":
            self.events.append(body)
            return 201, {"id": len(self.events)}
        self.steps.append((path, body["action"]))
        return 200, {}

    def close(self) -> None:
        pass


def test_cases_are_reported_and_taken_to_their_close_in_order() -> None:
    server = Server()
    rounds = Rounds(server, np.random.default_rng(6), every=20.0)
    for second in range(0, 4000, 5):
        if second == 1500:
            server.down = True
        if second == 2000:
            server.down = False
        try:
            rounds.tick(float(second), lambda: (120.17, 30.28))
        except Unreachable:
            assert server.down
    taken: dict[str, list[str]] = {}
    for path, action in server.steps:
        taken.setdefault(path, []).append(action)
    assert len(server.events) > 80
    assert all(actions == ["assign", "handle", "close"][: len(actions)] for actions in taken.values())
    assert sum(len(actions) == 3 for actions in taken.values()) > 40
    assert len({e["source_key"] for e in server.events}) == len(server.events)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_loop_goes_on_through_a_restart_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server, clock = Server(), Clock()
    posts = Posts(ZONE, (duty(7), duty(8)))
    monkeypatch.setattr(run, "time", clock)
    monkeypatch.setattr(run, "Gateway", lambda *_: server)
    monkeypatch.setattr(run, "Desk", lambda *_: server)
    monkeypatch.setattr(run, "read_posts", lambda *_: posts)
    lines: list[str] = []

    def stop() -> bool:
        server.down = 1300 < clock.now < 1420
        return clock.now > 2000

    options = run.Options("http://nowhere", "device", "secret", stray_every=200.0)
    tally = run.simulate(None, options, tell=lines.append, stop=stop)
    assert tally.pauses > 2
    assert any("没有应答" in line for line in lines)
    assert any("恢复" in line for line in lines)
    assert any("离开本网格" in line for line in lines)
    # What is told goes into a log: a worker is named by the number.
    assert not any(duty(number).name in line for number in (7, 8) for line in lines)
    ids = Counter(m["id"] for m in server.fixes)
    steps = 1000 / options.interval
    assert len(ids) > 2 * steps * 0.9
    assert {m["worker"] for m in server.fixes} == {7, 8}
    assert all(119 < m["lon"] < 121 and 30 < m["lat"] < 31 for m in server.fixes)


class Desk:
    """A desk whose server fails on one case only."""

    def __init__(self, broken: int) -> None:
        self.broken = broken
        self.cases = 0
        self.done: list[int] = []
        self.tries = 0

    def post(self, path: str, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/api/v1/events":
            self.cases += 1
            return 201, {"id": self.cases}
        event = int(path.split("/")[4])
        if event == self.broken:
            self.tries += 1
            raise Unreachable("answered 500")
        self.done.append(event)
        return 200, {}


def test_a_case_that_the_server_fails_on_does_not_stop_the_other_cases() -> None:
    desk = Desk(broken=1)
    rounds = Rounds(cast(Gateway, desk), np.random.default_rng(3), every=20.0)
    refused = 0
    for second in range(0, 3000, 5):
        try:
            rounds.tick(float(second), lambda: (120.17, 30.28))
        except Unreachable:
            refused += 1
    assert 1 not in desk.done
    # Three steps of every other case but the last ones, about 150 of them; the broken one is tried twice a minute.
    assert len(set(desk.done)) > 100 and rounds.steps == len(desk.done) > 250
    assert 50 < desk.tries == refused < 110


class BrokenDesk(Server):
    """Takes positions, and fails on everything about cases."""

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "/events" in path:
            raise Unreachable("answered 500")
        return super().post(path, body)


def test_phones_go_on_while_cases_or_the_register_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    server, clock = BrokenDesk(), Clock()
    posts = Posts(ZONE, (duty(7),))
    reads = 0

    def read(*_: Any) -> Posts:
        nonlocal reads
        reads += 1
        if reads == 2:
            raise Unavailable("数据库暂时没有应答。")
        return posts

    monkeypatch.setattr(run, "time", clock)
    monkeypatch.setattr(run, "Gateway", lambda *_: server)
    monkeypatch.setattr(run, "Desk", lambda *_: server)
    monkeypatch.setattr(run, "read_posts", read)
    lines: list[str] = []
    options = run.Options("http://nowhere", "device", "secret", case_every=10.0, seconds=1500.0)
    run.simulate(cast(Database, None), options, tell=lines.append)
    sent = {m["id"] for m in server.fixes}
    # One position every five seconds: the outbox holds some back, as out of coverage, and none is lost.
    assert len(sent) > 250
    assert reads == 3 and sum("暂时读不到" in line for line in lines) == 1
    assert not any("没有应答（" in line for line in lines)


def test_too_much_at_once_is_sent_again_later() -> None:
    answers = [httpx.Response(200, json={}), httpx.Response(429, json={"message": "太多"})]
    gateway = Gateway("http://nowhere", "device", "secret")
    gateway._client = httpx.Client(
        base_url="http://nowhere", transport=httpx.MockTransport(lambda _: answers.pop(0))
    )
    with pytest.raises(Unreachable):
        gateway.post("/api/v1/tracks", {"fixes": []})
    gateway.close()


def test_it_waits_for_the_database_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    said: list[str] = []

    def begin(*_: Any) -> str:
        tries.append(1)
        if len(tries) < 4:
            raise Unavailable("数据库暂时没有应答。")
        return "simulation"

    monkeypatch.setattr(run, "_Simulation", begin)
    monkeypatch.setattr(run, "_wait", lambda seconds, _stop: tries and None)
    nothing: Any = None
    assert run._begin(nothing, nothing, nothing, nothing, said.append, lambda: False) == "simulation"
    assert len(tries) == 4 and said == ["等待数据库：数据库暂时没有应答。"]
    assert run._begin(nothing, nothing, nothing, nothing, said.append, lambda: True) is None

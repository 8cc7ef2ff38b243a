"""Posts taken in together come out as if each had come by itself, one after the other; nobody suffers for a neighbour."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.clock import ZONE
from gisapp.domain.keys import Scope
from gisapp.domain.workers import Fix
from gisapp.errors import Forbidden, InputError, Unavailable
from gisapp.services import accounts, tracks
from gisapp.services.gathering import Gathering
from gisapp.services.tracks import Post, Receipt
from gisapp.store import workers as worker_store
from gisapp.store.database import Database, engine_url
from tests.browser.conftest import start_server

NOW = datetime(2025, 3, 5, 18, 0, tzinfo=ZONE)
MORNING = datetime(2025, 3, 5, 9, 0, tzinfo=ZONE)
WEST, EAST = "330103001001001", "330103001001002"
GATEWAY = Reader(1, "gateway", "终端网关", Role.DEVICE, Scope.everything())
LEADER = Reader(2, "leader", "街道领导", Role.LEADER, Scope(["330103001"]))
INSIDE, OUTSIDE = 120.102, 120.106
PASSWORD = "a-password-of-tests"


@pytest.fixture(scope="module", autouse=True)
def ground(database: Database) -> None:
    with database.begin(SYSTEM) as connection:
        for place, west, east in ((WEST, 120.100, 120.104), (EAST, 120.104, 120.108)):
            connection.execute(
                text(
                    "INSERT INTO onemap.grid (place, version, community, name, valid_from, geom) VALUES "
                    "(:place, 1, left(:place, 12), '第' || right(:place, 1) || '网格', '2025-01-01', "
                    "ST_MakeEnvelope(:west, 30.300, :east, 30.304, 4490))"
                ),
                {"place": place, "west": west, "east": east},
            )


def hire(database: Database, count: int) -> list[int]:
    """New workers of the western grid."""
    with database.begin(SYSTEM) as connection:
        return list(
            connection.execute(
                text(
                    "INSERT INTO onemap.grid_worker (place, code, name) "
                    "SELECT :place, 'W' || (random() * 1e12)::bigint, '王芳' FROM generate_series(1, :n) RETURNING id"
                ),
                {"place": WEST, "n": count},
            ).scalars()
        )


def message(worker: int, seconds: float, lon: float, **more: Any) -> dict[str, Any]:
    at = MORNING + timedelta(seconds=seconds)
    return {"worker": worker, "at": at.isoformat(), "lon": lon, "lat": 30.302, "accuracy": 8.0, **more}


def day_of(worker: int, shift: float) -> list[dict[str, Any]]:
    """Inside, out for five minutes, back, a jump, out again after a silence and not back."""
    stays = (
        (0, 60, INSIDE),
        (90, 390, OUTSIDE),
        (420, 480, INSIDE),
        (4000, 4060, INSIDE),
        (4090, 4360, OUTSIDE),
    )
    found = [message(worker, shift + s, lon) for a, b, lon in stays for s in range(a, b + 1, 30)]
    return [*found, message(worker, shift + 485, 121.5)]


def outcome(database: Database, workers: Sequence[int]) -> list[Any]:
    """All that is stored of workers, their ids replaced by their order; of the evidence only what it proves: it names the
    positions that were known when the alert was raised."""
    with database.begin(SYSTEM) as connection:
        order = {worker: i for i, worker in enumerate(workers)}
        fixes = connection.execute(
            text(
                "SELECT worker_id, at, place, flag, accuracy, ST_X(geom), ST_Y(geom) FROM onemap.fix "
                "WHERE worker_id = ANY(:workers)"
            ),
            {"workers": workers},
        ).all()
        alerts = connection.execute(
            text(
                "SELECT worker_id, rule, place, title, opened_at, raised_at, returned_at FROM onemap.alert "
                "WHERE worker_id = ANY(:workers) AND withdrawn_at IS NULL"
            ),
            {"workers": workers},
        ).all()
        newest = connection.execute(
            text(
                "SELECT id, last_at, last_place, ST_X(last_geom) FROM onemap.grid_worker WHERE id = ANY(:workers)"
            ),
            {"workers": workers},
        ).all()
        memories = worker_store.states(connection, workers)
    remembered = [(w, m.place, m.at, m.state) for w, m in memories.items()]
    tables = ([tuple(row) for row in rows] for rows in (fixes, alerts, newest, remembered))
    return [sorted(((order[row[0]], *row[1:]) for row in table), key=repr) for table in tables]


def shape(receipt: Receipt | Exception) -> Any:
    """A receipt without ids."""
    if isinstance(receipt, Exception):
        return type(receipt)
    refused = [(refusal.index, refusal.field) for refusal in receipt.refused]
    return receipt.stored, receipt.doubled, refused


def plan(dice: random.Random, workers: Sequence[int], *, in_order: bool) -> list[Post]:
    """Posts of several gateways with everything that goes wrong."""
    messages = [m for i, worker in enumerate(workers) for m in day_of(worker, i * 7)]
    if in_order:
        messages.sort(key=lambda m: str(m["at"]))
    else:
        dice.shuffle(messages)
    doubled = dice.sample(messages, 25)
    # The same instant with another position: whoever comes first is believed.
    doubled += [{**m, "lon": m["lon"] + 0.0001} for m in dice.sample(messages, 10)]
    for m in doubled:
        messages.insert(dice.randrange(len(messages)), m)
    for bad in ({"lon": 999.0}, {"worker": 10**9}, {"at": "soon"}, {"lat": None}):
        messages.insert(dice.randrange(len(messages)), {**dice.choice(messages), **bad})
    posts = []
    while messages:
        size = dice.choice([1, 1, 2, 5, 20])
        posts.append(Post(GATEWAY, messages[:size]))
        del messages[:size]
    posts.insert(dice.randrange(len(posts)), Post(LEADER, [message(workers[0], 0, INSIDE)]))
    posts.insert(dice.randrange(len(posts)), Post(GATEWAY, []))
    return posts


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_together_is_as_one_after_the_other(database: Database, seed: int, in_order: bool) -> None:
    alone, together = hire(database, 4), hire(database, 4)
    one_by_one: list[Receipt | Exception] = []
    for post in plan(random.Random(seed), alone, in_order=in_order):
        try:
            one_by_one.append(tracks.take_in(database, post.reader, post.messages, NOW))
        except Forbidden as error:
            one_by_one.append(error)
    dice = random.Random(seed + 100)
    posts = plan(random.Random(seed), together, in_order=in_order)
    grouped: list[Receipt | Exception] = []
    while posts:
        size = dice.choice([1, 3, 10, 40])
        grouped += tracks.take_in_together(database, posts[:size], NOW)
        del posts[:size]
    assert [shape(receipt) for receipt in grouped] == [shape(receipt) for receipt in one_by_one]
    assert outcome(database, together) == outcome(database, alone)
    raised = [identifier for r in grouped if isinstance(r, Receipt) for identifier in r.alerts]
    assert len(raised) == len(set(raised)) >= 8


def test_an_alert_is_told_to_the_post_that_proves_it(database: Database) -> None:
    (worker,) = hire(database, 1)
    posts = [Post(GATEWAY, [message(worker, s, OUTSIDE)]) for s in (0, 30, 60, 90, 120, 150)]
    receipts = tracks.take_in_together(database, posts, NOW)
    assert [len(r.alerts) for r in receipts if isinstance(r, Receipt)] == [0, 0, 0, 0, 1, 0]


def test_a_late_position_that_completes_a_proof_is_told_of_the_alert(database: Database) -> None:
    (worker,) = hire(database, 1)
    tracks.take_in(database, GATEWAY, [message(worker, s, OUTSIDE) for s in (0, 190, 310)], NOW)
    receipt = tracks.take_in(database, GATEWAY, [message(worker, 100, OUTSIDE)], NOW)
    assert len(receipt.alerts) == 1


def test_what_fails_together_is_tried_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = hire(database, 2)
    add = worker_store.add

    def refuse(connection: Any, fixes: Sequence[Fix], *rest: Any) -> int:
        if any(fix.worker == bad for fix in fixes):
            raise RuntimeError("this row breaks the database")
        return add(connection, fixes, *rest)

    monkeypatch.setattr(worker_store, "add", refuse)
    posts = [
        Post(GATEWAY, [message(good, 0, INSIDE), message(good, 0, INSIDE), message(good, 5, 999.0)]),
        Post(GATEWAY, [message(bad, 0, INSIDE)]),
        Post(GATEWAY, [message(good, 10, INSIDE)]),
    ]
    first, second, third = tracks.take_in_together(database, posts, NOW)
    assert shape(first) == (1, 1, [(2, "lon")])
    assert isinstance(second, RuntimeError)
    assert shape(third) == (1, 0, [])
    assert len(outcome(database, [good])[0]) == 2 and outcome(database, [bad])[0] == []


def test_without_the_database_everybody_is_told_so(database: Database) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", connections=2)
    too_many = Post(GATEWAY, [None] * 5001)
    found = tracks.take_in_together(nowhere, [Post(GATEWAY, [message(1, 0, INSIDE)])] * 3 + [too_many], NOW)
    assert [type(outcome) for outcome in found] == [Unavailable] * 3 + [InputError]


HUGE = int("9" * 400)


def test_a_number_of_400_digits_is_refused_by_itself(database: Database) -> None:
    good, other = hire(database, 2)
    odd = [
        message(other, 0, INSIDE) | {"lon": HUGE},
        message(other, 5, INSIDE) | {"lat": -HUGE},
        message(other, 10, INSIDE) | {"accuracy": HUGE},
        message(other, 15, INSIDE) | {"worker": HUGE},
        message(other, 20, INSIDE) | {"at": "2025-03-05T09:00:20\ud800"},
    ]
    posts = [Post(GATEWAY, [message(good, 0, INSIDE)]), Post(GATEWAY, [*odd, message(other, 30, INSIDE)])]
    first, second = tracks.take_in_together(database, posts, NOW)
    assert shape(first) == (1, 0, [])
    assert isinstance(second, Receipt) and (second.stored, second.doubled) == (1, 0)
    assert [refusal.index for refusal in second.refused] == [0, 1, 2, 3, 4]
    # Its answer can be sent, and does not repeat 400 digits.
    body = json.dumps(second.as_json(), allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert b"9" * 201 not in body and len(body) < 5000


def test_whatever_reading_a_post_throws_is_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good,) = hire(database, 1)
    read = tracks.read_batch

    def break_down(messages: Sequence[Any], now: datetime) -> Any:
        if messages and messages[0] == "broken":
            raise ZeroDivisionError
        return read(messages, now)

    monkeypatch.setattr(tracks, "read_batch", break_down)
    posts = [Post(GATEWAY, ["broken"]), Post(GATEWAY, [message(good, 0, INSIDE)])]
    first, second = tracks.take_in_together(database, posts, NOW)
    assert isinstance(first, ZeroDivisionError) and shape(second) == (1, 0, [])


def test_one_row_on_which_the_database_gives_up_stops_no_other(database: Database, admin_url: str) -> None:
    """A statement that is cancelled looks like a database that does not answer; here only one post is to blame."""
    good, bad, better = hire(database, 3)
    engine = create_engine(engine_url(admin_url))
    try:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE FUNCTION onemap.give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"IF new.worker_id = {bad} THEN RAISE EXCEPTION USING ERRCODE = 'query_canceled'; END IF; "
                    "RETURN new; END $$"
                )
            )
            connection.execute(
                text(
                    "CREATE TRIGGER give_up BEFORE INSERT ON onemap.fix FOR EACH ROW EXECUTE FUNCTION onemap.give_up()"
                )
            )
        posts = [Post(GATEWAY, [message(worker, 0, INSIDE)]) for worker in (good, bad, better)]
        found = tracks.take_in_together(database, posts, NOW)
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION IF EXISTS onemap.give_up CASCADE"))
        engine.dispose()
    assert [shape(receipt) for receipt in found] == [(1, 0, []), Unavailable, (1, 0, [])]


def test_a_silent_database_is_not_asked_once_for_each_who_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def silent(_: Database, posts: list[Any], __: datetime) -> list[Receipt]:
        asked.append(len(posts))
        raise Unavailable("没有应答")

    (worker,) = hire(database, 1)
    monkeypatch.setattr(tracks, "_commit", silent)
    posts = [Post(GATEWAY, [message(worker, n, INSIDE)]) for n in range(5)]
    answers = iter([False])
    monkeypatch.setattr(tracks, "_answers", lambda _: next(answers))
    assert [shape(outcome) for outcome in tracks.take_in_together(database, posts, NOW)] == [Unavailable] * 5
    assert asked == [5]
    # It answered after the first failure, and fell silent at the second post that was tried by itself.
    asked.clear()
    answers = iter([True, True, False])
    assert [shape(outcome) for outcome in tracks.take_in_together(database, posts, NOW)] == [Unavailable] * 5
    assert asked == [5, 1, 1]


def test_many_phones_at_once_are_all_stored(database: Database) -> None:
    workers = hire(database, 40)

    async def report() -> list[Receipt]:
        intake = Gathering(database)
        begun = clock.now() - timedelta(minutes=10)
        posts = [
            intake.take_in(
                GATEWAY,
                [
                    {
                        "worker": w,
                        "at": (begun + timedelta(seconds=s)).isoformat(),
                        "lon": INSIDE,
                        "lat": 30.302,
                    }
                ],
            )
            for s in range(5)
            for w in workers
        ]
        receipts = await asyncio.gather(*posts)
        await intake.close()
        return receipts

    receipts = asyncio.run(report())
    assert [receipt.stored for receipt in receipts] == [1] * 200
    assert len(outcome(database, workers)[0]) == 200


# --- a real server -------------------------------------------------------------------------------------------------


@pytest.fixture
def server(database: Database) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server of its own, and its address."""
    for login, role in (("gate", Role.DEVICE), ("leader", Role.LEADER)):
        accounts.save_user(database, login=login, name=login, role=role, scopes=[""], password=PASSWORD)
    process, url = start_server(
        database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    yield process, url
    process.kill()
    process.wait(20)


def gateway(url: str) -> httpx.Client:
    client = httpx.Client(base_url=url, timeout=60, trust_env=False)
    client.post("/api/v1/session", json={"login": "gate", "password": PASSWORD}).raise_for_status()
    return client


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def fresh(worker: int, seconds: float = 0.0) -> dict[str, Any]:
    at = clock.now() - timedelta(seconds=60 - seconds)
    return {"worker": worker, "at": at.isoformat(), "lon": INSIDE, "lat": 30.302, "accuracy": 8.0}


def waits_for_a_lock(database: Database) -> bool:
    with database.begin(SYSTEM) as connection:
        return bool(
            connection.execute(
                text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
            ).scalar_one()
        )


def idle_line(url: str) -> socket.socket:
    """A connection that has been answered and is kept open; a server that begins to stop closes it."""
    host, port = url.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)), timeout=60)
    line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert line.recv(4096).startswith(b"HTTP/1.1 200")
    return line


def test_a_server_that_is_asked_to_stop_answers_what_it_has_accepted(
    database: Database, server: tuple[subprocess.Popen[bytes], str]
) -> None:
    process, url = server
    workers = hire(database, 3)
    client = gateway(url)
    found: list[dict[str, Any]] = []

    def report(worker: int) -> None:
        found.append(client.post("/api/v1/tracks", json={"fixes": [fresh(worker)]}).json())

    threads = [threading.Thread(target=report, args=(worker,)) for worker in workers]
    with database.begin(SYSTEM) as holder:
        holder.execute(
            text("SELECT id FROM onemap.grid_worker WHERE id = ANY(:w) FOR UPDATE"), {"w": workers}
        )
        for thread in threads:
            thread.start()
        until(lambda: waits_for_a_lock(database))
        line = idle_line(url)
        process.send_signal(signal.SIGTERM)
        while line.recv(4096):
            pass
        line.close()
    for thread in threads:
        thread.join(60)
    acknowledged = sum(answer.get("stored", 0) for answer in found)
    assert acknowledged == len(outcome(database, workers)[0]) >= 1


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(
    database: Database, server: tuple[subprocess.Popen[bytes], str]
) -> None:
    process, url = server
    workers = hire(database, 4)
    acknowledged: list[tuple[int, str]] = []
    repeated: list[dict[str, Any]] = []
    enough = threading.Event()

    def report(worker: int) -> None:
        with closing(gateway(url)) as client:
            for number in range(10_000):
                sent = fresh(worker, number / 1000)
                try:
                    answer = client.post("/api/v1/tracks", json={"fixes": [sent]}).json()
                except httpx.TransportError:
                    repeated.append(sent)
                    return
                if answer["stored"] == 1:
                    acknowledged.append((worker, sent["at"]))
                if len(acknowledged) > 60:
                    enough.set()

    threads = [threading.Thread(target=report, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    assert enough.wait(120)
    process.kill()
    for thread in threads:
        thread.join(60)
    # What was under way may be stored or not: the terminal repeats it, and it is there once.
    for sent in repeated:
        receipt = tracks.take_in(database, GATEWAY, [sent])
        assert receipt.stored + receipt.doubled == 1
    stored = [(workers[row[0]], row[1]) for row in outcome(database, workers)[0]]
    assert len(stored) == len(set(stored))
    known = {(worker, datetime.fromisoformat(at)) for worker, at in acknowledged}
    known |= {(sent["worker"], datetime.fromisoformat(sent["at"])) for sent in repeated}
    assert set(stored) == known


def test_one_terminal_with_odd_values_stops_no_other(
    database: Database, server: tuple[subprocess.Popen[bytes], str]
) -> None:
    """Five terminals send at the same time, one of them a longitude of 400 digits again and again."""
    _, url = server
    odd, *good = hire(database, 5)
    statuses: dict[int, list[tuple[int, int]]] = {worker: [] for worker in (odd, *good)}

    def report(worker: int) -> None:
        with closing(gateway(url)) as client:
            for number in range(30):
                sent = fresh(worker, number / 1000)
                if worker == odd:
                    sent |= {"lon": HUGE} if number % 2 else {"at": "2025\ud800"}
                body = json.dumps({"fixes": [sent]})
                kind = {"content-type": "application/json"}
                answer = client.post("/api/v1/tracks", content=body, headers=kind)
                found = answer.json()
                statuses[worker].append((answer.status_code, len(found["refused"])))

    threads = [threading.Thread(target=report, args=(worker,)) for worker in (odd, *good)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert {worker: set(found) for worker, found in statuses.items()} == {
        odd: {(200, 1)},
        **{worker: {(200, 0)} for worker in good},
    }
    assert [len(outcome(database, [worker])[0]) for worker in (odd, *good)] == [0, 30, 30, 30, 30]

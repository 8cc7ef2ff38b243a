"""Kills and a full disk under load: what was acknowledged stays, and everything comes back by itself.

Run as ``python -m tests.bench.kills [--kills 50] [--seed 1] [--quick] [--nice -12] [--json]`` (``./onemap bench kills``). A copy of its own is
started with ``./onemap up`` on a small disk of its own. Gateways post positions, desks report cases and take their steps, one
manager divides a community anew again and again, another imports files; whoever gets no answer sends the same again, as phones
do. Meanwhile the server, the database, one of its back ends, the simulator and the watchers are killed (``kill -9``) in a drawn
order. Each time it is measured how long it takes until everything runs again, ``/readyz`` says so, and a position is stored: 15 s
at most. Then the disk is filled and kept full for a while; writes must be refused in words, and after room is given back
everything must be back within 15 s. In the end the database is compared with what was acknowledged. There is no peer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from gisapp.bootstrap.layout import DataDirectory
from tests.bench._kills_check import check
from tests.bench._kills_copy import DESKS, GATEWAYS, PASSWORD, Copy, Filler, sign_in, small_disk
from tests.bench._kills_load import Cases, Imports, Ledger, Positions, Publications, Sender, finish
from tests.bench._live_world import cpu_seconds
from tests.browser.conftest import free_port

#: seconds within which everything is back
PROMISE_S = 15.0
#: what is waited for at most before a kill counts as one from which nothing comes back
GIVE_UP_S = 120.0
#: how often each is killed in 50
SHARES = {
    "server": 14,
    "cluster": 14,
    "back end": 9,
    "simulator": 4,
    "watcher of server": 3,
    "watcher of cluster": 3,
    "watcher of simulator": 3,
}
DISK_MB, FULL_S = 3000, 30.0
_FINISH_S = 60.0


def plan_of(kills: int, seed: int) -> list[str]:
    """What is killed, in which order: each by its share, at least once where there are enough."""
    targets = list(SHARES)
    drawn = random.Random(seed)
    whole = [target for target, count in SHARES.items() for _ in range(count)]
    order = targets[:kills] + [drawn.choice(whole) for _ in range(kills - len(targets))]
    if kills == sum(SHARES.values()):
        order = whole
    drawn.shuffle(order)
    return order


class Run:
    """One run on a copy that is up."""

    def __init__(self, copy: Copy, seed: int) -> None:
        self.copy = copy
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.over, self.gone = threading.Event(), threading.Event()
        self.probe = httpx.Client(timeout=httpx.Timeout(5.0, connect=1.0), trust_env=False)
        self.senders: list[Sender] = []
        self.starts: list[float] = []

    def begin(self) -> None:
        """Prepare the copy and let the senders begin."""
        self.copy.prepare()
        with httpx.Client(base_url=self.copy.url, timeout=60, trust_env=False) as client:
            sign_in(client, self.copy.url, "kills-desk0")
            self.copy.find_line(client)
        common = (self.ledger,)
        number = iter(range(100))

        def of(kind: type[Sender], login: str, **more: Any) -> Sender:
            return kind(
                self.copy.url, f"kills-{login}", PASSWORD, *common, next(number), self.over, self.gone, **more
            )

        copy = self.copy
        self.senders = [
            *(of(Positions, f"gateway{n}", workers=copy.workers[n]) for n in range(GATEWAYS)),
            *(of(Cases, f"desk{n}", spots=copy.spots) for n in range(DESKS)),
            of(Imports, f"desk{DESKS}", spots=copy.spots),
            of(Publications, f"desk{DESKS + 1}", community=copy.community, codes=copy.codes, line=copy.line),
        ]
        for sender in self.senders:
            sender.start()
        self.back(0)

    def kill(self, target: str) -> float:
        """Kill and wait until everything is back; seconds."""
        time.sleep(self.random.uniform(0.2, 2.5))
        killed = self.copy.kill(target)
        seconds = self.back(killed)
        if target == "server":
            self.starts.append(cpu_seconds([self.copy.pid_of("server")]))
        return seconds

    def back(self, killed: int) -> float:
        """Seconds until everything is back.

        Raises:
            RuntimeError: it does not come back.
        """
        began = time.monotonic()
        while missing := self.copy.missing(killed, self.probe):
            if time.monotonic() - began > GIVE_UP_S:
                raise RuntimeError(f"not back after {GIVE_UP_S:.0f} s: {missing}")
            time.sleep(0.1)
        return time.monotonic() - began

    def fill_disk(self, folder: Path, seconds: float) -> dict[str, Any]:
        """Keep the disk full for a while; what was answered meanwhile, and how long it took to come back."""
        before = self.ledger.statuses.copy()
        filler = Filler(folder)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            filler.fill()
            filler.use_up(self.copy)
            time.sleep(0.1)
        answered = self.ledger.statuses - before
        megabytes = filler.bytes >> 20
        filler.close()
        back = self.back(0)
        counted: Counter[int] = Counter()
        for (_, status), count in answered.items():
            counted[status] += count
        return {"filled_mb": megabytes, "answers": dict(sorted(counted.items())), "back_s": round(back, 1)}

    def end(self) -> list[str]:
        """Let the senders end what they have begun; names of those that could not."""
        late = finish(self.senders, self.over, self.gone, _FINISH_S)
        self.probe.close()
        return late


def run(kills: int, seed: int, disk_mb: int, full_s: float) -> dict[str, Any]:
    """All of it, on a copy of its own."""
    began = time.monotonic()
    with small_disk(disk_mb) as (folder, own_disk):
        copy = Copy(DataDirectory(folder / "data"), free_port())
        try:
            say("up")
            copy.up()
            up_s = time.monotonic() - began
            one = Run(copy, seed)
            one.begin()
            times: dict[str, list[float]] = {}
            for number, target in enumerate(plan_of(kills, seed), start=1):
                seconds = one.kill(target)
                times.setdefault(target, []).append(seconds)
                say(f"{number:3} of {kills}  {target:20} back after {seconds:5.1f} s")
            disk = one.fill_disk(folder, full_s) if own_disk else None
            say(f"disk full: {disk}")
            late = one.end()
            found = check(copy, one.ledger)
            found["faults"]["senders that could not end"] = len(late)
            answers = sorted(
                (f"{who} {status}", count) for (who, status), count in one.ledger.statuses.items()
            )
            trouble = [*one.ledger.trouble, *late]
        finally:
            copy.down()
    every = [seconds for some in times.values() for seconds in some]
    backs = [*every, *([disk["back_s"]] if disk else [])]
    return {
        "bench": "kills",
        "kills": kills,
        "seed": seed,
        "load": os.getloadavg()[0],
        "up_s": round(up_s, 1),
        "seconds": round(time.monotonic() - began, 1),
        "back_s": {
            target: [len(some), round(statistics.median(some), 1), round(max(some), 1)]
            for target, some in sorted(times.items())
        },
        "slowest_s": round(max(every), 1),
        # What a start costs; on a busy machine it takes so much longer.
        "server_cpu_s": round(statistics.median(one.starts), 1) if one.starts else None,
        "disk": disk or "not filled: only root can mount a small one",
        **found,
        "answers": dict(answers),
        "trouble": trouble,
        "held": not any(found["faults"].values()),
        "in_time": max(backs) <= PROMISE_S,
    }


def say(text: str) -> None:
    """A line about how it goes."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def show(found: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{'killed':22}{'times':>6}{'median s':>10}{'slowest s':>11}")
    for target, (count, median, slowest) in found["back_s"].items():
        print(f"{target:22}{count:6}{median:10.1f}{slowest:11.1f}")
    print(
        f"a server's start takes {found['server_cpu_s']} s of a processor; load at the end {found['load']:.1f}"
    )
    print(f"disk                  {found['disk']}")
    for title in ("acknowledged", "faults"):
        print(f"\n{title}")
        for name, count in found[title].items():
            print(f"  {name:34}{count:8}")
    for line in found["trouble"]:
        print(f"! {line}")
    print(
        f"\nnothing lost, doubled or misplaced: {found['held']}   everything back within {PROMISE_S:.0f} s: {found['in_time']}"
    )


def main() -> int:
    """Command line; the exit status says whether everything held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--quick", action="store_true", help="seven kills, one of each, and a short full disk"
    )
    parser.add_argument(
        "--nice", type=int, default=0, help="priority of all of it, for a machine on which others work"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.nice:
        os.nice(given.nice)
    kills, full_s = (len(SHARES), 8.0) if given.quick else (given.kills, FULL_S)
    found = run(kills, given.seed, DISK_MB, full_s)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        show(found)
    return 0 if found["held"] and found["in_time"] else 1


if __name__ == "__main__":
    sys.exit(main())

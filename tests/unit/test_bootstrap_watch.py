"""The watcher: pauses that grow, never giving up, and what the plan lets it start. Without waiting in real time."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gisapp.bootstrap import plan
from gisapp.bootstrap.layout import DataDirectory, read_json
from gisapp.bootstrap.trouble import SetupError
from gisapp.bootstrap.watch import PAUSES_S, Watcher


def wait_until(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has waited for yet counts as ended)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text[text.rindex(")") + 2] in "ZX"


class Script:
    """A program that lives as it is told: each run is an error of the start, ``bad`` or ``good``."""

    def __init__(self, *runs: str | Exception) -> None:
        self.runs = list(runs)
        self.starts = 0
        self.stops = 0
        self._run: str | Exception = ""
        self._looks = 0

    def start(self) -> int:
        self.starts += 1
        self._run = self.runs.pop(0) if self.runs else "for ever"
        self._looks = 0
        if isinstance(self._run, Exception):
            raise self._run
        return 1000 + self.starts

    def ended(self, _seconds: float) -> str:
        self._looks += 1
        return f"ended ({self._run})" if self._run != "for ever" and self._looks > 2 else ""

    def good(self) -> bool:
        return self._run in ("good", "for ever")

    def stop(self) -> None:
        self.stops += 1


class Bench:
    """A watcher whose clock is a list, ended after so many tries."""

    def __init__(self, folder: Path, program: Script, *, tries: int = 10_000) -> None:
        self.pauses: list[float] = []
        self.said: list[str] = []
        self.tries = tries
        self.program = program
        self._slept = 0.0
        self.watcher = Watcher(
            program, folder / "x.state", say=self.said.append, between=self._between, sleep=self._sleep
        )

    def _sleep(self, seconds: float) -> None:
        self._slept += seconds

    def _between(self) -> None:
        if self.program.starts >= self.tries:
            self.watcher.stopping = True

    def run(self) -> list[float]:
        """Watch to the end; the pauses that were kept."""
        start = self.program.start

        def noted() -> int:
            if self._slept:
                self.pauses.append(round(self._slept, 3))
                self._slept = 0.0
            return start()

        self.program.start = noted  # type: ignore[method-assign]
        self.watcher.run()
        return self.pauses


def test_pauses_grow_up_to_a_minute_and_it_never_gives_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script(*["bad"] * 30), tries=31)
    assert bench.run() == [0.5, 1, 2, 4, 8, 15, 30, *[60] * 23]
    assert bench.watcher.restarts == 30
    assert len(bench.said) == 30 and "60 秒后重新启动" in bench.said[-1]


def test_a_start_that_fails_counts_as_a_bad_run(tmp_path: Path) -> None:
    errors = [SetupError("磁盘已满。", remedy="腾出空间。"), OSError("no memory"), SetupError("磁盘已满。")]
    bench = Bench(tmp_path, Script(*errors), tries=4)
    assert bench.run() == [0.5, 1, 2]
    assert "磁盘已满" in bench.said[0] and "no memory" in bench.said[1]


def test_a_good_run_makes_the_next_end_a_first_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script("bad", "bad", "bad", "good", "bad", "good", "good"), tries=8)
    assert bench.run() == [0.5, 1, 2, 0.5, 1, 0.5, 0.5]


def test_what_happened_stands_in_the_state(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script("good", "bad"), tries=3)
    bench.run()
    told = read_json(tmp_path / "x.state")
    assert told["restarts"] == 2 and told["failures"] == 2
    assert told["pid"] == 1003
    assert told["last"].endswith("ended (bad)")


def test_in_a_pause_there_is_no_process_in_the_state(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script("good", "good"))
    seen: list[Any] = []

    def between() -> None:
        told = read_json(tmp_path / "x.state")
        if told["pid"] is None:
            seen.append(told)
            bench.watcher.stopping = True

    bench.watcher._between = between
    bench.run()
    assert [(told["pid"], told["failures"]) for told in seen] == [(None, 1)]
    assert bench.program.starts == 1, "asked to stop in a pause it starts nothing more"


def test_asked_to_stop_it_ends_the_program(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script(), tries=1)
    assert bench.run() == []
    assert bench.program.stops == 1 and bench.said == []


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "nowhere", Script("bad"), tries=2)
    assert bench.run() == [0.5]
    assert any("x.state" in line for line in bench.said)


def test_pauses_are_those_that_the_documentation_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
    assert ", ".join(f"{pause:g}" for pause in PAUSES_S) in page


# --- the plan ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDirectory]:
    found = DataDirectory(tmp_path / "data")
    found.prepare()
    yield found
    plan.remove(found)
    for name in ("cluster", "server", "simulator", "guard"):
        plan.watcher_of(found, name).stop(5)


def entry(*words: str) -> dict[str, Any]:
    return {"facts": {"code": "1"}, "command": list(words), "env": dict(os.environ), "account": None}


def test_the_plan_is_for_its_owner_only(data: DataDirectory) -> None:
    assert plan.read(data) == {} and plan.programs(data) == {}
    assert plan.is_gone(data, "server")
    with plan.changing(data) as wanted:
        wanted["programs"]["server"] = entry("/bin/true")
    assert plan.plan_path(data).stat().st_mode & 0o777 == 0o600
    assert list(plan.programs(data)) == ["server"]
    assert not plan.is_gone(data, "server")
    assert plan.is_gone(data, "simulator")
    plan.remove(data)
    plan.remove(data)
    assert plan.is_gone(data, "server")


def test_a_plan_that_cannot_be_read_ends_nobody(data: DataDirectory) -> None:
    plan.plan_path(data).write_text("{half")
    assert not plan.is_gone(data, "server")
    plan.plan_path(data).unlink()
    plan.plan_path(data).mkdir()
    assert not plan.is_gone(data, "server")
    plan.plan_path(data).rmdir()


def test_watchers_start_each_other_again(data: DataDirectory) -> None:
    """Real processes: two watchers of sleeping programs; each is killed in turn, and its program goes with it."""
    with plan.changing(data) as wanted:
        for name in ("server", "simulator"):
            wanted["programs"][name] = entry("/bin/sleep", "600")
            plan.start_watcher(data, name, wanted["programs"][name])
    for name in ("server", "simulator"):
        watcher = plan.watcher_of(data, name)
        wait_until(lambda watcher=watcher: watcher.watched().get("pid"))  # type: ignore[misc]
    for name in ("server", "simulator", "server"):
        watcher = plan.watcher_of(data, name)
        before, program = watcher.about()["pid"], watcher.watched()["pid"]
        os.kill(before, signal.SIGKILL)
        wait_until(lambda w=watcher, b=before: w.about().get("pid") not in (None, b))  # type: ignore[misc]
        wait_until(lambda p=program: gone(p))  # type: ignore[misc]
        assert watcher.about()["code"] == "1"
        wait_until(lambda w=watcher, p=program: w.watched().get("pid") not in (None, p))  # type: ignore[misc]
    plan.remove(data)
    for name in ("server", "simulator"):
        watcher = plan.watcher_of(data, name)
        wait_until(lambda w=watcher: not w.about())  # type: ignore[misc]


def test_while_somebody_changes_the_plan_no_watcher_starts_another(data: DataDirectory) -> None:
    with plan.changing(data) as wanted:
        wanted["programs"]["server"] = entry("/bin/sleep", "600")
    others = plan.Others(data, "simulator", every=0.0)
    with plan.changing(data):
        assert others.look() == []
    assert others.look() == ["server"]
    assert others.look() == []
    assert plan.watcher_of(data, "server").about()


def test_nobody_looks_after_what_is_not_in_the_plan(data: DataDirectory) -> None:
    with plan.changing(data) as wanted:
        wanted["programs"]["simulator"] = entry("/bin/sleep", "600")
    assert plan.Others(data, "simulator").look() == []
    assert not plan.watcher_of(data, "server").note.exists()


def test_a_second_watcher_of_the_same_program_ends(data: DataDirectory) -> None:
    from gisapp.bootstrap import keeper

    with plan.changing(data) as wanted:
        wanted["programs"]["server"] = entry("/bin/sleep", "600")
        first = plan.start_watcher(data, "server", wanted["programs"]["server"])
    wait_until(lambda: plan.watcher_of(data, "server").watched().get("pid"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeper, "_PREDECESSOR_S", 0.0)
        patch.setattr(keeper, "RotatingLog", lambda path, **_: Silent(path))
        assert keeper.main([str(data.path), "server"]) == 1
    assert first.poll() is None


class Silent:
    """A log that keeps nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def say(self, text: str) -> None:
        """Nothing is kept."""


def test_addresses_of_the_owner_reach_no_watcher(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:secret@db/x")
    monkeypatch.setenv("ONEMAP_ADMIN_DATABASE_URL", "postgresql://owner:secret@db/x")
    with plan.changing(data) as wanted:
        wanted["programs"]["guard"] = {"facts": {}}
        process = plan.start_watcher(data, "guard", wanted["programs"]["guard"])
    assert b"owner:secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    assert json.loads(plan.watcher_of(data, "guard").note.read_text())["pid"] == process.pid

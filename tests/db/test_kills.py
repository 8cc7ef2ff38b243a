"""A short run of ``./onemap bench kills``: a copy that is killed and filled under load loses nothing and comes back by itself."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from gisapp.bootstrap.layout import ROOT
from gisapp.bootstrap.testing import own_environment
from tests.bench.kills import PROMISE_S, SHARES


@pytest.mark.timeout(1200)
def test_what_is_killed_comes_back_and_nothing_acknowledged_is_lost() -> None:
    command = [str(ROOT / "onemap"), "bench", "kills", "--quick", "--json"]
    done = subprocess.run(command, env=own_environment(), capture_output=True, text=True, check=False)
    assert done.stdout.strip(), done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["held"], (found["faults"], found["trouble"], done.stderr[-3000:])
    assert sorted(found["back_s"]) == sorted(SHARES)
    # Where other programs keep the processors busy, the start of the server waits for its turn.
    share = max(1.0, found["load"] / (os.cpu_count() or 1))
    assert found["slowest_s"] <= PROMISE_S * share, found["back_s"]
    if isinstance(found["disk"], dict):
        assert found["disk"]["back_s"] <= PROMISE_S * share

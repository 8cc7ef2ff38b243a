"""Ten publications while cases and positions come without a pause: nothing lost, nothing twice, every row in its grid."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from gisapp.domain.access import SYSTEM
from gisapp.services import derived
from gisapp.store.database import Database
from tests.bench._publications_load import (
    GOOD,
    communities_of,
    publish_some,
    report_cases,
    send_positions,
    verdict,
    workers_of,
)


def test_no_row_comes_to_stand_in_a_wrong_grid(world: Database) -> None:
    with world.begin(SYSTEM) as connection:
        derived.refresh(connection, [""])
    url = world.url.render_as_string(hide_password=False)
    communities, workers = communities_of(world), workers_of(world)
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        load = [pool.submit(report_cases, url, communities, seed, stop) for seed in (1, 2)]
        load += [
            pool.submit(send_positions, url, communities, workers[seed::2], seed, stop) for seed in (0, 1)
        ]
        try:
            published = publish_some(world, list(communities), 10, random.Random(3))
        finally:
            stop.set()
        told = [future.result() for future in load]
    found = verdict(world, told)
    assert {name: found[name] for name in GOOD} == dict.fromkeys(GOOD, 0), found["examples"]
    assert len(published) == 10
    assert found["cases"] >= 20 and found["cases_closed"] >= 3
    assert found["positions"] >= 40 and found["positions_late"] >= 5

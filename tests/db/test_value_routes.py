"""Requests made from our own OpenAPI description, right and wrong ones: each answer is one that the description names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gisapp.domain.access import Role
from gisapp.store.database import Database
from tests.db import value_world
from tests.db.value_world import COMMUNITY, GRID, ROLES, World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
RIGHT, WRONG = 8, 14
"""Requests of each operation that follow the description, and that do not."""


@pytest.fixture(scope="module")
def world(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with value_world.opened(database, tmp_path_factory.mktemp("data")) as world:
        yield world


def real(world: World) -> dict[str, list[Any]]:
    """Values of path parameters that lead to something, so that requests pass beyond 404."""
    ids = world.ids
    return {
        "event_id": [ids["event"]],
        "run_id": [ids["run"]],
        "cell_id": [1],
        "worker": [ids["worker"]],
        "building_id": [ids["building"]],
        "person_id": [ids["person"]],
        "identifier": [ids["building"], COMMUNITY, GRID, ids["event"]],
        "kind": ["building", "grid", "region", "event", "grid_worker"],
        "name": ["people", "cases", "rooms"],
        "community": [COMMUNITY],
        "version": [1],
        "indicator_id": ["closed_on_time"],
        "layer": ["buildings", "cases", "workers", "borders"],
        "token": [ids["token"]],
        "place": [COMMUNITY, ""],
        "matter_code": ["06010"],
        "lon": [value_world.LON],
        "lat": [value_world.LAT],
        "revision": [1],
        "since": ["2025-01-01"],
        "until": ["2026-01-01"],
        "bbox": ["120.1,30.2,120.2,30.3"],
        "at": [None, "120.16,30.27"],
        "worker_id": [None, ids["worker"]],
        "crs": ["WGS84"],
    }


def send(world: World, case: Case, role: Role | None) -> httpx.Response:
    """Send a generated request within the process."""
    prepared = requests.Request(**_of_requests(case)).prepare()
    headers = {k: v for k, v in prepared.headers.items() if k.lower() not in ("cookie", "content-length")}
    if not (case.method == "DELETE" and case.path == "/api/v1/session"):  # would sign the role out for good
        headers |= world.cookies[role]
    assert prepared.url is not None and prepared.method is not None
    return world.client.request(prepared.method, prepared.url, content=prepared.body or b"", headers=headers)


def _of_requests(case: Case) -> dict[str, Any]:
    known = ("method", "url", "headers", "files", "data", "params", "auth", "cookies", "hooks", "json")
    given = case.as_transport_kwargs(base_url="http://testserver")
    return {name: value for name, value in given.items() if name in known}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.timeout(120)
def test_every_operation_answers_as_described(world: World, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(world.client.app.openapi())  # type: ignore[attr-defined]
    there = real(world)
    seen: dict[str, set[int]] = {}
    failed: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        label = operation.label
        check = _checking(world, operation, mode, there, seen.setdefault(label, set()))
        try:
            check()
        except Unsatisfiable:  # takes nothing that could be wrong
            assert mode is GenerationMode.NEGATIVE
        except FailureGroup as group:
            failed += [f"{label}: {failure}" for failure in group.exceptions]
    assert failed == []
    assert len(seen) >= 40
    if mode is GenerationMode.POSITIVE:
        reached = {label for label, statuses in seen.items() if any(s < 300 for s in statuses)}
        assert len(reached) >= 36, {label: seen[label] for label in sorted(set(seen) - reached)}
    else:
        assert sum(422 in statuses for statuses in seen.values()) >= len(seen) // 2


def _checking(
    world: World, operation: Any, mode: GenerationMode, there: dict[str, list[Any]], seen: set[int]
) -> Callable[[], None]:
    """What sends the requests of one operation, the same ones every time."""

    @seed(8)
    @settings(
        max_examples=RIGHT if mode is GenerationMode.POSITIVE else WRONG,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        role=st.sampled_from([Role.MANAGER] * 6 + [*ROLES, None]),
        replaced=st.sampled_from([True, True, True, False]),
        choice=st.integers(0, 10),
    )
    def check(case: Case, role: Role | None, replaced: bool, choice: int) -> None:
        if replaced:
            for part in (case.path_parameters, case.query, case.body):
                for name in part if isinstance(part, dict) else ():
                    gone = case.method == "DELETE" and name == "run_id"  # the later operations ask for it
                    if (
                        name in there
                        and not gone
                        and (part is case.path_parameters or mode is GenerationMode.POSITIVE)
                    ):
                        part[name] = there[name][choice % len(there[name])]
        answer = send(world, case, role)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    return check

"""Odd values into every input and state of every callback of the pages: a message or a refusal, never a failure."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gisapp.domain.access import Role
from gisapp.store.database import Database
from tests import values
from tests.db import value_world
from tests.db.value_world import COMMUNITY, World

PATH = "/_dash-update-component"
UNFORESEEN = "意外错误"
WORST = ("\x00", "\ud800", "²", 10**400, float("nan"), None, {"id": None}, values.nested(600))
DRAWN = 8
"""Values of the others that each place gets."""


@pytest.fixture(scope="module")
def world(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with value_world.opened(database, tmp_path_factory.mktemp("data")) as world:
        yield world


def callbacks(world: World) -> dict[str, dict[str, Any]]:
    """Callbacks that run on the server, by what they are called."""
    known = world.client.app.state.dash.callback_map  # type: ignore[attr-defined]
    return {name: one for name, one in known.items() if "callback" in one}


def usual(world: World) -> dict[str, Any]:
    """What the pages' components hold in the middle of ordinary work, by ``id.property``; 1 where nothing is named."""
    ids = world.ids
    search = f"?id={ids['event']}&run={ids['run']}&place={COMMUNITY}&cell=1"
    demand = {"place": COMMUNITY, "kind": "event"}
    return {
        "url.search": search,
        "url.pathname": "/cases",
        "case-state.value": "open",
        "case-text.value": "井",
        "case-overdue.checked": False,
        "case-table.id": "case-table",
        "case-table.selectedRows": [{"id": ids["event"]}],
        "case-note.value": "已处理",
        "case-assignee.value": "环卫所",
        "case-worker.value": str(ids["worker"]),
        "case-drawer.opened": True,
        "case-matter.value": "06010",
        "case-description.value": "井盖缺失",
        "case-address.value": "体育场路",
        "case-point.data": [value_world.LON, value_world.LAT],
        "case-key.data": None,
        "case-channel.value": "hotline",
        # Newer than any step, so that it is the values that are refused.
        "case-seen.data": {"case": ids["event"], "step": 1000},
        "map-event.data": {"map": "map", "event": "click", "detail": {"at": [120.16, 30.27]}},
        "selection.data": {"kind": "building", "id": str(ids["building"])},
        "sheet-of.data": None,
        "score-indicator.value": "closed_on_time",
        "score-level.value": "15",
        "score-span.value": "30",
        "score-total.id": "score-total",
        "grid-publish.opened": True,
        "grid-draft.data": {"community": COMMUNITY, "name": "西", "revision": 1},
        "grid-day.value": "2200-01-01",
        "grid-note.value": "分割",
        "import-drop.id": "import-drop",
        "import-file.data": {"token": ids["token"], "file": ids["file"]},
        "import-kind.value": "places",
        "import-crs.value": "WGS84",
        "import-epsg.value": "",
        "import-place.value": COMMUNITY,
        "import-place-name.value": "",
        "import-mapping.value": "名称=名称",
        "import-values.value": "",
        "import-layer.value": "",
        "import-checked.data": None,
        "import-result.children": [],
        "analysis-mode.value": "hotspot",
        "analysis-mode.id": "analysis-mode",
        "analysis-place.value": COMMUNITY,
        "analysis-kind.value": "event",
        "analysis-class.value": "all",
        "analysis-days.value": ["2025-01-01", "2025-02-01"],
        "analysis-resolution.value": "auto",
        "analysis-correction.checked": True,
        "analysis-p.value": 2,
        "analysis-distance.value": 500,
        "analysis-existing.value": "none",
        "analysis-candidates.value": "junction",
        "analysis-objective.value": "distance",
        "analysis-shown.data": {
            "run": ids["run"],
            "state": "done",
            "kind": "hotspot",
            "parameters": {"demand": demand, "resolution": None, "rings": 1, "correction": True, "title": ""},
        },
        "analysis-title.children": "热点",
        "analysis-cells.selectedRows": [{"id": 1}],
        "analysis-picked.data": {"cell": 1},
    }


def pattern_of(identifier: str) -> dict[str, Any] | None:
    return json.loads(identifier) if identifier.startswith("{") else None


def entry(registered: dict[str, Any], given: dict[str, Any]) -> Any:
    """One input or state as the browser writes it."""
    pattern = pattern_of(registered["id"])
    if pattern is None:
        value = given.get(f"{registered['id']}.{registered['property']}", 1)
        return {"id": registered["id"], "property": registered["property"], "value": value}
    wild = {key: "1" if isinstance(fixed, list) else fixed for key, fixed in pattern.items()}
    if "action" in wild:
        wild["action"] = "assign"
    return [{"id": wild, "property": registered["property"], "value": 1}]


def request(name: str, callback: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The request of a callback of which the first input has changed."""
    inputs = [entry(one, given) for one in callback["inputs"]]
    first = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
    identifier = first["id"]
    if isinstance(identifier, dict):
        identifier = json.dumps(identifier, sort_keys=True, separators=(",", ":"))
    output = callback["output"]
    several = isinstance(output, (list, tuple))
    outputs = [
        {"id": one.component_id, "property": one.component_property}
        for one in (output if several else [output])
    ]
    return {
        "output": name,
        "outputs": outputs if several else outputs[0],
        "inputs": inputs,
        "state": [entry(one, given) for one in callback["state"]],
        "changedPropIds": [f"{identifier}.{first['property']}"],
    }


def spoil(body: dict[str, Any], part: str, position: int, value: Any) -> dict[str, Any]:
    """The request with another value in one place."""
    spoilt = {**body, part: [*body[part]]}
    found = spoilt[part][position]
    if isinstance(found, list):
        spoilt[part][position] = [{**found[0], "value": value}]
    else:
        spoilt[part][position] = {**found, "value": value}
    return spoilt


def said(answer: httpx.Response) -> str:
    """What an answer shows, with its Chinese in the clear: Dash writes it with escapes."""
    return json.dumps(answer.json(), ensure_ascii=False) if answer.content else ""


def test_ordinary_values_are_answered(world: World) -> None:
    """The values that the others are spoilt of reach the services: most callbacks change something on their page."""
    given = usual(world)
    changed = 0
    for name, callback in callbacks(world).items():
        answer = world.send(Role.MANAGER, "POST", PATH, request(name, callback, given))
        assert answer.status_code in (200, 204), (name, answer.text)
        assert UNFORESEEN not in said(answer), (name, said(answer))
        changed += bool(answer.status_code == 200 and answer.json()["response"])
    assert changed >= 25


def test_odd_values_are_never_a_failure(world: World) -> None:
    """The worst values, and a drawn part of the others, into every place: as the administrator, to whom every page is
    open, and now and then as somebody else."""
    given, drawn = usual(world), random.Random(8)
    asked = 0
    for name, callback in callbacks(world).items():
        body = request(name, callback, given)
        for part in ("inputs", "state"):
            for position in range(len(body[part])):
                for value in (*WORST, *drawn.sample(values.ALL, DRAWN)):
                    others = drawn.sample((Role.LEADER, Role.MANAGER, Role.PLANNER, Role.WORKER, None), 1)
                    roles = [Role.ADMIN, *(others if drawn.random() < 0.2 else ())]
                    for role in roles:
                        answer = world.send(role, "POST", PATH, spoil(body, part, position, value))
                        asked += 1
                        told = (name, part, position, str(value)[:60], role, said(answer)[:300])
                        assert answer.status_code in (200, 204, 413, 422), told
                        assert UNFORESEEN not in said(answer), told
    assert asked > 2000

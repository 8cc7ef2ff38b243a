"""What every rule owes: a title in the vocabulary, a unit, a source, words, a test, and a memory that can be stored."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from gisapp.analytics.tracks import Verdict
from gisapp.checks.definition import Context, Rule
from gisapp.checks.registry import rules
from gisapp.domain.clock import ZONE
from gisapp.domain.vocabulary import TERMS
from gisapp.domain.workers import Fix

ROOT = Path(__file__).resolve().parents[2]
FIX = Fix(7, datetime(2025, 3, 4, 8, 0, tzinfo=ZONE), 120.1, 30.3, 8.0)


@pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.id)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert rule.title in TERMS
    assert rule.unit and rule.source and len(rule.summary) > 10
    assert "王芳" in rule.sentence("王芳")
    assert (ROOT / "tests" / "unit" / f"test_{rule.id}.py").exists()


@pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.id)
@pytest.mark.parametrize("open_alert", [False, True])
def test_its_memory_is_json_and_its_step_is_pure(rule: Rule, open_alert: bool) -> None:
    start = rule.start(open_alert)
    assert start["open"] is open_alert
    for outside in (None, 0.0, 500.0):
        before = json.dumps(start)
        first = rule.step(start, FIX, Context(Verdict.GOOD, outside))
        assert json.dumps(start) == before
        assert rule.step(start, FIX, Context(Verdict.GOOD, outside)) == first
        assert json.loads(json.dumps(first.state)) == first.state
        if first.raised is not None:
            json.dumps(first.raised.evidence)

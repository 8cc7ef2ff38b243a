"""The rule that ``docs/extend.md`` shows does what the page says, typed in as it stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gisapp.analytics.tracks import Verdict, rough_metres
from gisapp.checks.definition import Context, Raised, Rule, State, Step
from gisapp.checks.engine import Memory, run
from gisapp.domain.clock import ZONE, local
from gisapp.domain.workers import Fix

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extend.md"


def shown_rule() -> Rule:
    text = PAGE.read_text(encoding="utf-8")
    block = re.search(r"`gisapp/checks/standing_still\.py`.*?```python\n(.*?)```", text, re.DOTALL)
    assert block, "docs/extend.md no longer shows how to add a rule"
    code = "\n".join(line.removeprefix("   ") for line in block.group(1).splitlines())
    names = {
        "UTC": UTC, "Context": Context, "Fix": Fix, "Raised": Raised, "Rule": Rule, "State": State, "Step": Step,
        "Verdict": Verdict, "datetime": datetime, "local": local, "rough_metres": rough_metres,
    }  # fmt: skip
    exec(code, names)
    rule = names["RULE"]
    assert isinstance(rule, Rule)
    return rule


def test_the_rule_of_the_page_raises_once_and_returns() -> None:
    rule = shown_rule()
    start = datetime(2025, 3, 4, 8, 0, tzinfo=ZONE)
    still = [Fix(7, start + timedelta(minutes=m), 120.1, 30.3, 8.0) for m in range(0, 50, 2)]
    moved = Fix(7, start + timedelta(minutes=50), 120.102, 30.3, 8.0)
    done = run({rule.id: rule}, Memory.fresh({rule.id: rule}), [*still, moved], [0.0] * (len(still) + 1))
    (episode,) = done.episodes[rule.id]
    assert episode.raised is not None
    assert (episode.raised.opened_at, episode.raised.raised_at) == (start, start + timedelta(minutes=30))
    assert episode.returned_at == moved.at

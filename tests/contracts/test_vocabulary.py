"""Words stand once, and everything that shows a word has one."""

from __future__ import annotations

from collections import Counter

from gisapp.checks.registry import rules
from gisapp.domain import vocabulary
from gisapp.domain.access import Role
from gisapp.domain.events import Action, Channel, State
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import TERMS
from gisapp.indicators import indicators
from layers.registry import layers_by_id


def test_every_term_is_defined_once_with_its_source() -> None:
    twice = [name for name, n in Counter(t.id for t in vocabulary._ALL).items() if n > 1]
    assert not twice
    for term in TERMS.values():
        assert term.zh and term.definition and term.source, term.id
        assert term.id.isidentifier()


def test_every_value_of_the_domain_has_a_term() -> None:
    for kind in (Role, Action, Channel, State):
        assert {str(value) for value in kind} <= set(TERMS), kind
    assert {level.term for level in Level} <= set(TERMS)


def test_every_indicator_has_title_unit_source_and_way_to_its_records() -> None:
    assert indicators()
    for found in indicators().values():
        assert found.id in TERMS and found.unit and found.source
        assert set(found.counts) == set(found.records)
        assert not found.base or found.base in found.counts


def test_every_rule_has_title_unit_and_source() -> None:
    assert rules()
    for rule in rules().values():
        assert rule.title in TERMS and rule.unit and rule.source and rule.summary


def test_every_layer_has_a_title() -> None:
    assert layers_by_id()
    for layer in layers_by_id().values():
        assert layer.term in TERMS, layer.id

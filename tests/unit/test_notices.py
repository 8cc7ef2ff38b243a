"""Notices fit into what PostgreSQL takes, and nothing of them is lost on the way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.store.notices import MOST_BYTES, pack

items = st.lists(
    st.tuples(st.integers(), st.text(max_size=60), st.floats(allow_nan=False, allow_infinity=False)),
    max_size=400,
)


@given(items)
def test_items_are_split_and_all_arrive_in_order(given_items) -> None:
    messages = pack("fix", "330103001", items=[list(item) for item in given_items])
    assert all(len(message.encode()) <= MOST_BYTES for message in messages)
    read = [json.loads(message) for message in messages]
    assert [tuple(item) for message in read for item in message["items"]] == given_items
    assert all((message["kind"], message["place"]) == ("fix", "330103001") for message in read)


def test_a_long_text_is_cut_not_refused() -> None:
    (message,) = pack("event", "330103001", title="长" * 5000, id=7)
    assert len(message.encode()) <= MOST_BYTES
    assert json.loads(message)["id"] == 7


def test_no_items_no_message() -> None:
    assert pack("fix", "33", items=[]) == []


def test_one_item_too_long_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError):
        pack("fix", "33", items=["x" * 9000])

"""Notices fit into what PostgreSQL takes, and nothing of them is lost on the way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.store.notices import MOST_BYTES, pack, pack_items

places = st.sampled_from(["330103001001001", "330103001001002", "330103002", "3301", "34"])


@given(st.lists(st.tuples(places, st.lists(st.text(max_size=60), max_size=4)), max_size=400))
def test_items_are_split_and_all_arrive_in_order_of_places(given_items: list[tuple[str, list[str]]]) -> None:
    messages = pack_items("fix", given_items)
    assert all(len(message.encode()) <= MOST_BYTES for message in messages)
    read = [json.loads(message) for message in messages]
    ordered = sorted(given_items, key=lambda entry: entry[0])
    assert [item for message in read for item in message["items"]] == [item for _, item in ordered]
    rest = iter(ordered)
    for message in read:
        assert message["kind"] == "fix"
        # Whoever looks at the message's place alone must not pass by an item that is theirs.
        assert all(next(rest)[0].startswith(message["place"]) for _ in message["items"])


def test_a_message_of_one_place_names_it_whole() -> None:
    (message,) = pack_items("fix", [("330103001001001", 1), ("330103001001001", 2)])
    assert json.loads(message)["place"] == "330103001001001"


def test_a_long_text_is_cut_not_refused() -> None:
    message = pack("event", "330103001", title="长" * 5000, id=7)
    assert len(message.encode()) <= MOST_BYTES
    assert json.loads(message)["id"] == 7


def test_no_items_no_message() -> None:
    assert pack_items("fix", []) == []


def test_one_item_too_long_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError):
        pack_items("fix", [("33", "x" * 9000)])


def test_a_worker_with_an_endless_name_keeps_nobody_from_being_told() -> None:
    items = [("330103001001001", [1, "王芳"]), ("330103001001002", [2, "长" * 5000])]
    messages = [json.loads(message) for message in pack_items("fix", items)]
    assert [item for message in messages for item in message["items"]] == [
        [1, "王芳"],
        [2, "长" * 100 + "…"],
    ]

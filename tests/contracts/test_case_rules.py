"""The tables of docs/cases.md are those of the program."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from gisapp.domain import clock
from gisapp.domain.access import Role
from gisapp.domain.events import CHANNELS, MAY, TRANSITIONS, Action, State, due_time
from gisapp.domain.stated_instants import MAX_AHEAD, MAX_BACK
from gisapp.domain.vocabulary import label

TEXT = (Path(__file__).resolve().parents[2] / "docs/cases.md").read_text(encoding="utf-8")


def _table(heading: str) -> list[list[str]]:
    """The cells of the table whose first line is given."""
    lines = TEXT[TEXT.index(heading) :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_channels_of_each_role_stand_in_their_order() -> None:
    written = {
        role: re.findall(r"(\S+) `([a-z_]+)`", channels) for role, channels in _table("| role | 来源 |")
    }
    assert written == {
        role.value: [(label(channel), channel.value) for channel in channels]
        for role, channels in CHANNELS.items()
    }


def test_the_steps_of_a_case_and_who_takes_them() -> None:
    actions = {label(action): action for action in Action}
    states = {label(state): state for state in State}
    ways: dict[tuple[State, Action], State] = {}
    for word, way, who, _needs in _table("| step | from → to | who | needs |"):
        action = actions[word]
        assert {Role(name) for name in who.split(", ")} == MAY[action]
        for before, after in re.findall(r"(\S*) ?→ (\S+?)(?:,|$)", way):
            if before:
                ways[states[before], action] = states[after]
    assert ways == TRANSITIONS


def test_how_far_a_stated_instant_counts() -> None:
    rows = _table("| the stated instant lies | counts |")
    assert [counts for _, counts in rows] == [
        "the stated one",
        "the recorded one",
        "the recorded one",
        "the recorded one",
        "refused",
    ]
    back = re.search(r"up to (\d+) hours before", rows[0][0])
    ahead = re.search(r"up to (\d+) minutes ahead", rows[3][0])
    assert back is not None and timedelta(hours=int(back[1])) == MAX_BACK
    assert ahead is not None and timedelta(minutes=int(ahead[1])) == MAX_AHEAD


def test_the_time_limits() -> None:
    found = re.search(
        r"due after (\d+) hours; matters of class 02 after (\d+) hours, of class 03 after (\d+)", TEXT
    )
    assert found is not None
    now = clock.now()
    assert [due_time(code, now) - now for code in ("01001", "02001", "03001")] == [
        timedelta(hours=int(hours)) for hours in found.groups()
    ]

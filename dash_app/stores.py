"""What the pages' stores hold, as types that a callback's annotations name; more than is named may stand beside it."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class Selection(TypedDict):
    """``ids.SELECTION``: the thing whose profile is open."""

    kind: str
    id: str | int


class MapEvent(TypedDict):
    """``ids.MAP_EVENT``: what happened on a map last."""

    event: str
    detail: dict[str, Any]


class SeenCase(TypedDict):
    """``case-seen``: the case that is shown, and the number of its newest step then."""

    case: int
    step: int


class ListRow(TypedDict):
    """A row that is chosen in a table whose rows are numbered."""

    id: int


class Draft(TypedDict):
    """``grid-draft``: the draft as the page shows it."""

    community: str
    name: str
    revision: int


class KeptFile(TypedDict):
    """``import-file``: a file that was received."""

    token: str
    file: str


class Picked(TypedDict):
    """``analysis-picked``: the cell that was chosen on the map, or none."""

    cell: int | None


class DemandGiven(TypedDict):
    """The demand that a run was computed of."""

    place: str
    kind: str
    since: NotRequired[str | None]
    until: NotRequired[str | None]
    matter_class: NotRequired[str | None]


class RunParameters(TypedDict):
    """What a run was computed with."""

    demand: DemandGiven


class ShownRun(TypedDict):
    """``analysis-shown``: the run on the map."""

    run: int
    state: str
    kind: NotRequired[str]
    parameters: NotRequired[RunParameters]

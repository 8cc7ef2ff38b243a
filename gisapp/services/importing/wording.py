"""What an import asks of its user, and how each surface calls it: the form by its fields, the command line by its options.

Remedies name the form's field (``f"请填写{PLACE}。"``); the command line puts its options in their stead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MORE = "更多选项"
"""Where the form keeps what is seldom needed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Something that a user states about a file; as text it says where the form asks for it.

    Attributes:
        label: the form's field.
        option: the command line's option.
        folded: whether the form shows the field only after a click on ``MORE``.
    """

    label: str
    option: str
    folded: bool = True

    def __str__(self) -> str:
        return f"“{MORE}”里的“{self.label}”" if self.folded else f"“{self.label}”"


CRS = Answer("坐标系", "--crs", folded=False)
PLACE = Answer("地点编码", "--place")
PLACE_NAME = Answer("地点名称", "--place-name")
MAPPING = Answer("列的对应", "--map")
VALUES = Answer("统一的值", "--set")
LAYER = Answer("工作表或图层", "--layer")
_ANSWERS = (CRS, PLACE, PLACE_NAME, MAPPING, VALUES, LAYER)


def for_command_line(remedy: str) -> str:
    """A remedy with options where the form's fields were named, set off by blanks except beside punctuation."""
    for answer in _ANSWERS:
        remedy = remedy.replace(str(answer), f" {answer.option} ")
    return re.sub(r" +(?=[，。；：、）])|(?<=[，。；：、（]) +", "", remedy).strip()

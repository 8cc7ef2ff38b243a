"""MapLibre expressions in Python give what the specification says."""

from __future__ import annotations

from typing import Any

import pytest

from layers.expressions import evaluate


@pytest.mark.parametrize(
    ("expression", "properties", "value"),
    [
        ("#fff", {}, "#fff"),
        (["get", "a"], {"a": 3}, 3),
        (["has", "a"], {"a": 0}, True),
        (["has", "a"], {}, False),
        (["match", ["get", "a"], "x", 1, ["y", "z"], 2, 0], {"a": "z"}, 2),
        (["match", ["get", "a"], "x", 1, 0], {}, 0),
        (["step", ["get", "a"], "low", 5, "mid", 9, "high"], {"a": 5}, "mid"),
        (["step", ["get", "a"], "low", 5, "mid"], {"a": 4.9}, "low"),
        (["case", [">", ["get", "a"], 1], "big", "small"], {"a": 2}, "big"),
        (["case", ["!", ["==", ["get", "a"], 1]], "no", "yes"], {"a": 1}, "yes"),
        (["interpolate", ["linear"], ["zoom"], 10, 0, 20, 10], {}, 5),
        (["interpolate", ["exponential", 2], ["zoom"], 14, 0, 16, 3], {}, 1),
        (["interpolate", ["linear"], ["zoom"], 16, 7, 20, 10], {}, 7),
        (["coalesce", ["get", "a"], 4], {}, 4),
        (["-", ["get", "due"], ["global-state", "now"]], {"due": 150}, 50),
        (["to-string", ["get", "n"]], {"n": 12}, "12"),
        (["all", True, ["<", 1, 2]], {}, True),
    ],
)
def test_values(expression: Any, properties: dict[str, Any], value: Any) -> None:
    assert evaluate(expression, properties, 15, now=100) == value


def test_an_unknown_operator_is_said() -> None:
    with pytest.raises(ValueError, match="heatmap-density"):
        evaluate(["heatmap-density"], {}, 15)

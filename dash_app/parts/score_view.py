"""Values of an indicator drawn: table rows, figures, and what the map is coloured and labelled by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dash_app.parts import states
from gisapp.domain import clock
from gisapp.domain.vocabulary import source_in_words
from gisapp.services.assessment import FEW
from layers.classes import LegendItem
from layers.colours import COLD, HOT, THEMES, UNKNOWN

NONE = "未知"
_VERDICTS = {None: ("unknown", NONE), True: ("good", "达标"), False: ("bad", "未达标")}


def columns(counts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns of an indicator: its value, and each count as a link to the records behind it."""
    plain = {"suppressHeaderFilterButton": True}
    numbers = [
        {
            "field": name,
            "headerName": word,
            "type": "numericColumn",
            "cellRenderer": "markdown",
            "comparator": {"function": "onemapScoreCount(nodeA, nodeB, '" + name + "')"},
            "flex": 10,
            "minWidth": 80,
            **plain,
        }
        for name, word in counts.items()
    ]
    return [
        {"field": "name", "headerName": "地点", "flex": 19, "minWidth": 110, "tooltipField": "name"},
        {
            "field": "value",
            "headerName": "指标值",
            "type": "numericColumn",
            "flex": 20,
            "minWidth": 150,
            "filter": "agNumberColumnFilter",
            "valueFormatter": {"function": "params.data.shown"},
            "cellClass": {"function": "'ag-right-aligned-cell score-value ' + params.data.meaning"},
            "cellStyle": {"function": "onemapScoreBar(params)"},
            **plain,
        },
        {
            "field": "verdict",
            "headerName": "评价",
            "flex": 9,
            "minWidth": 72,
            "cellClass": {"function": "'cell-status ' + params.data.meaning"},
            **plain,
        },
        *numbers,
        {"field": "place", "headerName": "编码", "width": 150, "hide": True},
    ]


def _address(place: str, records: Mapping[str, Any], since: datetime) -> str:
    query = {"place": place, "judged": "1", "since": since.date().isoformat()}
    if "overdue" in records:
        query["overdue"] = "1" if records["overdue"] else "0"
    return f"/cases?{urlencode(query)}"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return NONE
    return f"{value:.1f} {unit}" if unit == "%" or value % 1 else f"{value:,.0f} {unit}"


def rows(result: Mapping[str, Any], since: datetime) -> list[dict[str, Any]]:
    """Rows of the table; ``n`` keeps the counts as numbers, for sorting."""
    unit = result["indicator"]["unit"]
    most = max([result["target"], *(s["value"] for s in result["rows"] if s["value"] is not None)])
    made = []
    for score in result["rows"]:
        meaning, verdict = _VERDICTS[score["reached"]]
        links = {
            name: f"[{count:,}]({_address(score['place'], score['records'][name], since)})" if count else "0"
            for name, count in score["counts"].items()
        }
        made.append(
            {
                "name": score["name"],
                "place": score["place"],
                "value": score["value"],
                "shown": _shown(score["value"], unit) + (" *" if score["few"] else ""),
                "share": 0 if score["value"] is None or most <= 0 else score["value"] / most,
                "target": result["target"] / most if most > 0 else 0,
                **links,
                "n": score["counts"],
                "class": score["class"],
                "meaning": meaning,
                "verdict": verdict,
            }
        )
    return made


def _sign(side: int) -> Any:
    ramp = HOT if side < 0 else COLD
    return ramp[min(abs(side), len(ramp)) - 1]


def classes(result: Mapping[str, Any]) -> list[LegendItem]:
    """Classes of the map from the lowest on, in words and colours: warm below the target, cold from it on."""
    unit = result["indicator"]["unit"]
    made = []
    for one in result["classes"]:
        low, high = one["low"], one["high"]
        verdict = "（达标）" if one["side"] == 1 else ""
        made.append(LegendItem(_span(low, high, unit) + verdict, _sign(one["side"]), "fill", one["side"]))
    return made


def _span(low: float | None, high: float | None, unit: str) -> str:
    if low is None:
        return f"{high:g} {unit} 以下"
    return f"{low:g} {unit} 以上" if high is None else f"{low:g}–{high:g} {unit}"


def on_map(result: Mapping[str, Any], since: datetime, level: int) -> dict[str, Any]:
    """What the browser colours, labels and opens places by (``modules/score_map.mjs``)."""
    unit = result["indicator"]["unit"]
    words = result["counts"]
    base = next(iter(words.values()), "")
    places = {
        score["place"]: {
            "name": score["name"],
            "shown": _shown(score["value"], unit),
            "class": score["class"],
            "few": score["few"],
            "verdict": _VERDICTS[score["reached"]][1],
            "meaning": _VERDICTS[score["reached"]][0],
            "counts": [
                {
                    "word": words[name],
                    "n": count,
                    "href": _address(score["place"], score["records"][name], since) if count else None,
                }
                for name, count in score["counts"].items()
            ],
        }
        for score in result["rows"]
    }
    listed = classes(result)
    return {
        "title": result["indicator"]["title"],
        "level": level,
        "places": places,
        "classes": {theme: [item.as_json(theme) for item in listed] for theme in THEMES},
        "unknown": {theme: LegendItem(NONE, UNKNOWN, "fill").as_json(theme) for theme in THEMES},
        "few": f"少于 {FEW} 件，颜色较淡，仅供参考",
        "nothing": f"没有{base}的记录",
        "bounds": result["bounds"],
        "within": result["within"],
        "origin": f"{source_in_words(result['indicator']['source'])}，截至 {_moment(result)}",
    }


def _moment(result: Mapping[str, Any]) -> str:
    return f"{clock.local(datetime.fromisoformat(result['moment'])):%m-%d %H:%M}"


def total(result: Mapping[str, Any], span: str) -> list[Component]:
    """The figures of all rows together, with target, span, moment and source."""
    counts, value = result["total"]["counts"], result["total"]["value"]
    unit = result["indicator"]["unit"]
    figures = [
        states.figure(
            "—" if value is None else f"{value:.1f}",
            result["indicator"]["title"],
            "" if value is None else unit,
            note=f"目标 {result['target']:g} {unit}",
        )
    ]
    figures += [states.figure(f"{counts[name]:,}", word, "件") for name, word in result["counts"].items()]
    few = sum(score["few"] for score in result["rows"])
    notes = [
        f"{span}上报的案件 · 截至 {_moment(result)} · 依据{source_in_words(result['indicator']['source'])}"
    ]
    if few:
        notes.append(f"* {few} 处少于 {FEW} 件，比率仅供参考")
    return [
        html.Div(figures, className="score-figures"),
        html.Div([html.Div(note) for note in notes], className="score-source"),
    ]

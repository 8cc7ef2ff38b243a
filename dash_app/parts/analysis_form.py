"""The form of the analysis page: what is asked, where, when, and by which method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html, no_update
from dash.development.base_component import Component

from dash_app.parts.icons import icon
from gisapp.domain import incoming
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import label, term
from gisapp.services import demand
from gisapp.services.allocation import OBJECTIVES, AllocationRequest
from gisapp.services.demand import Demand
from gisapp.services.hotspots import HotspotRequest

AUTO = "auto"
ALL = "all"
NONE = "none"
#: H3 resolution → about how wide a cell is from side to side, metres
_WIDTHS = {8: "约 920 米", 9: "约 350 米", 10: "约 130 米", 11: "约 50 米", 12: "约 19 米"}
_CANDIDATES = {"junction": "路口", "building": label("building"), "poi": label("poi")}
_INDENT = {int(Level.COMMUNITY): "\u3000\u3000", int(Level.STREET): "\u3000"}


def mode_switch() -> dmc.SegmentedControl:
    """Hotspots or service points."""
    return dmc.SegmentedControl(
        id="analysis-mode",
        data=[{"value": "hotspot", "label": "热点分析"}, {"value": "allocation", "label": "设点优化"}],
        value="hotspot",
        fullWidth=True,
    )


def form() -> html.Div:
    """All fields; those of the other method are hidden by the mode."""
    shared: list[Component] = [
        dmc.Select(
            id="analysis-place",
            label="分析范围",
            searchable=True,
            allowDeselect=False,
            nothingFoundMessage="没有这个地点",
            comboboxProps={"zIndex": 400},
        ),
        dmc.Select(
            id="analysis-kind",
            label=label("demand"),
            data=[{"value": kind, "label": demand.title_of(kind)} for kind in demand.KINDS],
            value=demand.CASES,
            allowDeselect=False,
            comboboxProps={"zIndex": 400},
        ),
        html.Div(
            [
                dmc.Select(
                    id="analysis-class",
                    label="事项大类",
                    data=[{"value": ALL, "label": "全部"}]
                    + [
                        {"value": code, "label": name}
                        for code, name in sorted(demand.matter_classes().items())
                    ],
                    value=ALL,
                    allowDeselect=False,
                    comboboxProps={"zIndex": 400},
                ),
                dmc.DatePickerInput(
                    id="analysis-days",
                    label="上报日期",
                    type="range",
                    allowSingleDateInRange=True,
                    clearable=True,
                    valueFormat="YYYY-MM-DD",
                    placeholder="不限日期",
                    popoverProps={"zIndex": 400},
                ),
            ],
            id="analysis-of-cases",
            className="analysis-fields",
        ),
    ]
    buttons = html.Button(
        [icon("heat"), html.Span("计算热点", id="analysis-go-text")],
        id="analysis-go",
        className="button primary wide",
    )
    return html.Div([*shared, _hotspot_fields(), _allocation_fields(), buttons], className="analysis-fields")


def _hotspot_fields() -> html.Div:
    resolutions = [{"value": AUTO, "label": "自动（数百个六边形）"}]
    resolutions += [{"value": str(r), "label": f"{r} 级，{width}"} for r, width in _WIDTHS.items()]
    return html.Div(
        [
            dmc.Select(
                id="analysis-resolution",
                label=f"{label('hexagon')}大小",
                data=resolutions,
                value=AUTO,
                allowDeselect=False,
                comboboxProps={"zIndex": 400},
            ),
            dmc.Switch(
                id="analysis-correction",
                label="多重检验校正",
                description="按错误发现率判定，避免偶然的“热点”",
                checked=True,
            ),
        ],
        id="analysis-of-hotspot",
        className="analysis-fields",
    )


def _allocation_fields() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    dmc.NumberInput(
                        id="analysis-p",
                        label="新增个数",
                        value=2,
                        min=1,
                        max=50,
                        allowDecimal=False,
                        clampBehavior="strict",
                    ),
                    dmc.NumberInput(
                        id="analysis-distance",
                        label=f"{label('service_distance')}（{term('service_distance').unit}）",
                        value=500,
                        min=50,
                        max=5000,
                        step=50,
                        allowDecimal=False,
                    ),
                ],
                className="analysis-pair",
            ),
            dmc.Select(
                id="analysis-existing",
                label="现有服务点",
                data=[{"value": NONE, "label": "不计"}],
                value=NONE,
                allowDeselect=False,
                comboboxProps={"zIndex": 400},
            ),
            dmc.Select(
                id="analysis-candidates",
                label=label("candidate"),
                data=[{"value": kind, "label": text} for kind, text in _CANDIDATES.items()],
                value="junction",
                allowDeselect=False,
                comboboxProps={"zIndex": 400},
            ),
            dmc.Select(
                id="analysis-objective",
                label="目标",
                data=[{"value": name, "label": text} for name, text in OBJECTIVES.items()],
                value="distance",
                allowDeselect=False,
                comboboxProps={"zIndex": 400},
            ),
        ],
        id="analysis-of-allocation",
        className="analysis-fields",
        hidden=True,
    )


def place_options(places: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Places for the list, those below indented under those above."""
    top = min((p["level"] for p in places), default=0)
    return [
        {"value": p["place"], "label": ("" if p["level"] == top else _INDENT.get(p["level"], "")) + p["name"]}
        for p in places
    ]


def existing_options(kinds: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Kinds of public places that may serve already, with their number."""
    return [{"value": NONE, "label": "不计"}] + [
        {"value": k["kind"], "label": f"{k['kind']}（{k['n']} 处）"} for k in kinds
    ]


def candidate_options(kinds: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Kinds of candidate sites: corners, buildings, all public places, and each kind of those."""
    found = [{"value": kind, "label": text} for kind, text in _CANDIDATES.items()]
    return found + [{"value": f"poi:{k['kind']}", "label": f"{k['kind']}（{k['n']} 处）"} for k in kinds]


def wanted(
    place: str | None, kind: str, matter_class: str | None, days: Sequence[str | None] | None
) -> Demand:
    """The demand that the fields name."""
    first, last = [*(days or []), None, None][:2]
    cases = kind == demand.CASES
    return Demand(
        place or "",
        kind,
        incoming.day(first[:10], "since", "起始日期") if first and cases else None,
        incoming.day(last[:10], "until", "截止日期") if last and cases else None,
        matter_class if cases and matter_class != ALL else None,
    )


def hotspot_request(what: Demand, resolution: str | None, correction: bool | None) -> HotspotRequest:
    """The hotspot analysis that the fields name."""
    chosen = None if resolution in (AUTO, None) else incoming.whole(resolution, "分辨率", "resolution", 0, 15)
    return HotspotRequest(what, chosen, correction=bool(correction))


def allocation_request(
    what: Demand, p: Any, distance: Any, existing: Any, candidates: Any, objective: Any
) -> AllocationRequest:
    """The allocation that the fields name; an empty number is refused by the service."""
    return AllocationRequest(
        what,
        0 if p in (None, "") else incoming.whole(p, "新增个数", "p", 0, 1000),
        0.0 if distance in (None, "") else incoming.number(distance, "服务半径", "service_distance", 0, 1e6),
        incoming.text(candidates, incoming.CODE, "candidates", label="候选点"),
        None
        if existing in (NONE, None)
        else incoming.text(existing, incoming.CODE, "existing", label="已有服务点"),
        "coverage" if objective == "coverage" else "distance",
    )


#: fields that a run's record sets, in the order of ``restored``
FIELDS = (
    ("analysis-mode", "value"),
    ("analysis-place", "value"),
    ("analysis-kind", "value"),
    ("analysis-class", "value"),
    ("analysis-days", "value"),
    ("analysis-resolution", "value"),
    ("analysis-correction", "checked"),
    ("analysis-p", "value"),
    ("analysis-distance", "value"),
    ("analysis-existing", "value"),
    ("analysis-candidates", "value"),
    ("analysis-objective", "value"),
)


def restored(kind: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Values of ``FIELDS`` that a run was computed with; what the other method alone needs stays as it is."""
    what = parameters["demand"]
    days = [what.get("since"), what.get("until")]
    shared = (kind, what["place"], what["kind"], what.get("matter_class") or ALL, days if any(days) else None)
    if kind == "hotspot":
        resolution = parameters.get("resolution")
        own = (AUTO if resolution is None else str(resolution), parameters.get("correction", True))
        return (*shared, *own, *[no_update] * 5)
    numbers = tuple(parameters.get(name, no_update) for name in ("p", "service_distance"))
    choices = tuple(parameters.get(name, no_update) for name in ("candidates", "objective"))
    return (*shared, *[no_update] * 2, *numbers, parameters.get("existing") or NONE, *choices)

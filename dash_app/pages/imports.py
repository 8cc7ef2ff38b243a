"""Imports (数据导入): choose a file, say what it is, see what would happen, then import it and fetch the report."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dash_app.errors import toast
from dash_app.page import Page
from dash_app.parts import states
from dash_app.parts.import_form import buttons, drop, questions, step
from dash_app.parts.import_result import refused_rows, result_view
from dash_app.parts.table import register_export, table
from dash_app.session import call
from dash_app.stores import KeptFile
from gisapp.domain import clock
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import PlaceKey
from gisapp.errors import InputError
from gisapp.services.importing import uploads, wording
from gisapp.services.importing.registry import importers

_REFUSED = "import-refused"
_HISTORY = "import-history"
_COLUMNS: tuple[dict[str, Any], ...] = (
    {"field": "row", "headerName": "行号", "width": 90, "type": "numericColumn"},
    {"field": "title", "headerName": "数据", "width": 110},
    {"field": "field", "headerName": "字段", "width": 120},
    {"field": "value", "headerName": "值", "width": 190, "tooltipField": "value"},
    {"field": "reason", "headerName": "原因", "flex": 1, "wrapText": True, "autoHeight": True},
    {
        "field": "remedy",
        "headerName": "办法",
        "flex": 2,
        "wrapText": True,
        "autoHeight": True,
        "minWidth": 280,
    },
)
_RUNS: tuple[dict[str, Any], ...] = (
    {"field": "at", "headerName": "时间", "maxWidth": 170},
    {"field": "title", "headerName": "数据", "width": 130},
    {"field": "file", "headerName": "文件", "flex": 1, "tooltipField": "file"},
    {"field": "by", "headerName": "导入人", "width": 120},
    *(
        {"field": word, "headerName": word, "maxWidth": 110, "type": "numericColumn"}
        for word in ("新增", "更新", "未变", "拒绝")
    ),
)


def layout(_reader: Reader) -> html.Div:
    """Three steps at the left, what came of it at the right, earlier imports below."""
    form = html.Section(
        [
            step(1, "选择文件", drop()),
            step(2, "说明数据", questions()),
            step(3, "检查并导入", buttons()),
        ],
        className="card import-form",
        **{"aria-label": "导入步骤"},
    )
    result = html.Section(
        states.empty(
            "还没有检查文件",
            "选择文件并说明它的种类和坐标系后，先检查：会逐行列出哪些能导入、哪些不能以及为什么。",
            symbol="import",
        ),
        id="import-result",
        className="card import-result",
        **{"aria-live": "polite"},
    )
    refused = html.Section(
        [
            html.Header([html.H2("未通过的行"), html.Span(id="import-refused-note", className="sub")]),
            table(_REFUSED, _COLUMNS, export="拒绝的行", row_key="id", height="22rem", fit=False),
        ],
        id="import-refused-card",
        className="card import-refused",
        hidden=True,
    )
    history = html.Section(
        [html.Header(html.H2("导入记录")), table(_HISTORY, _RUNS, export="导入记录", height="18rem")],
        className="card import-history",
    )
    head = html.Header(
        [
            html.H1("数据导入"),
            html.Span(
                "逐行检查，合格的一次写入，不合格的说明原因；同一文件再次导入不会改变数据", className="sub"
            ),
        ],
        className="sheet-head",
    )
    return html.Div(
        [
            head,
            html.Div([form, html.Div([result, refused], className="import-out")], className="import-columns"),
            history,
            dcc.Store(id="import-file"),
            dcc.Store(id="import-checked"),
        ],
        className="sheet imports",
    )


def _pairs(text: str | None, what: wording.Answer) -> dict[str, str]:
    """Lines of ``field=value``.

    Raises:
        InputError: a line without an equals sign.
    """
    found: dict[str, str] = {}
    for line in (text or "").replace("＝", "=").splitlines():
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise InputError(f"“{what.label}”中的“{line.strip()}”无效。", remedy="请每行写一个 字段=内容。")
        found[name.strip()] = value.strip()
    return found


def _asked(answers: dict[str, str | None], *, dry_run: bool) -> uploads.Request:
    """The request that the form makes.

    Raises:
        InputError: something is missing or malformed.
    """
    if not answers["kind"]:
        raise InputError("没有选择数据种类。", remedy="请先选择这份文件是什么数据。")
    crs = answers["epsg"] if answers["crs"] == "other" else answers["crs"]
    if answers["place"]:
        PlaceKey(answers["place"])
    return uploads.Request(
        kind=answers["kind"],
        crs=crs or "",
        place=answers["place"] or "",
        place_name=answers["place_name"] or "",
        mapping=_pairs(answers["mapping"], wording.MAPPING),
        values=_pairs(answers["values"], wording.VALUES),
        layer=answers["layer"] or "",
        dry_run=dry_run,
    )


_ANSWERS = {
    name: State(f"import-{name.replace('_', '-')}", "value")
    for name in ("kind", "crs", "epsg", "place", "place_name", "mapping", "values", "layer")
}


def register(app: Dash) -> None:
    """Callbacks of the page."""
    for table_id in (_REFUSED, _HISTORY):
        register_export(app, table_id)
    app.clientside_callback(
        ClientsideFunction("onemapImports", "listen"),
        Output("import-drop", "data-ready"),
        Input("import-drop", "id"),
    )
    notes = {word: importer.note for word, importer in importers().items()}
    notes[uploads.OSM] = "一次导入楼栋、道路、水系、绿地、场所、部件和地址；坐标系总是 WGS 84。"

    @app.callback(
        Output("import-kind-note", "children"),
        Output("import-epsg", "style"),
        Output("import-crs", "disabled"),
        Input("import-kind", "value"),
        Input("import-crs", "value"),
    )
    async def explain(kind: str | None, crs: str | None) -> tuple[object, ...]:
        shown = {} if crs == "other" else {"display": "none"}
        return notes.get(kind or "", ""), shown, kind in (uploads.OSM, "people")

    @app.callback(
        Output("import-check", "disabled"),
        Output("import-run", "disabled"),
        Input("import-file", "data"),
        Input("import-kind", "value"),
        Input("import-crs", "value"),
        Input("import-checked", "data"),
    )
    async def enable(
        file: KeptFile | None, kind: str | None, crs: str | None, checked: Any
    ) -> tuple[bool, bool]:
        ready = bool(file and kind and (crs or kind in (uploads.OSM, "people")))
        fresh = bool(ready and checked and checked == [file and file["token"], kind, crs])
        return not ready, not fresh

    async def perform(file: KeptFile, answers: dict[str, str | None], *, dry_run: bool) -> dict[str, Any]:
        asked = _asked(answers, dry_run=dry_run)
        return await call(app, uploads.perform, app.server.state.settings.data_dir, file["token"], asked)

    outputs = (
        Output("import-result", "children"),
        Output(_REFUSED, "rowData"),
        Output("import-refused-card", "hidden"),
        Output("import-refused-note", "children"),
    )

    def shown(result: dict[str, Any], token: str) -> tuple[object, ...]:
        outcomes = result["outcomes"]
        rows = refused_rows(outcomes)
        total = sum(o["counts"]["refused"] for o in outcomes)
        note = f"共 {total:,} 行" + ("，这里列出前一部分，全部见报告" if len(rows) < total else "")
        return result_view(outcomes, token), rows, not rows, note

    busy = [
        (Output("import-check", "className"), "button waiting", "button"),
        (Output("import-busy", "children"), "正在处理，大文件需要几分钟……", ""),
    ]

    @app.callback(
        *outputs,
        Output("import-checked", "data"),
        Input("import-check", "n_clicks"),
        State("import-file", "data"),
        _ANSWERS,
        running=busy,
        prevent_initial_call=True,
    )
    async def check(
        _clicks: int | None, file: KeptFile | None, answers: dict[str, str | None]
    ) -> tuple[object, ...]:
        if file is None:
            raise InputError("没有选择文件。", remedy="请先选择要导入的文件。", details={"field": "file"})
        result = await perform(file, answers, dry_run=True)
        return *shown(result, file["token"]), [file["token"], answers["kind"], answers["crs"]]

    @app.callback(
        *(Output(o.component_id, o.component_property, allow_duplicate=True) for o in outputs),
        Output("import-checked", "data", allow_duplicate=True),
        Input("import-run", "n_clicks"),
        State("import-file", "data"),
        _ANSWERS,
        running=busy,
        prevent_initial_call=True,
    )
    async def run(
        _clicks: int | None, file: KeptFile | None, answers: dict[str, str | None]
    ) -> tuple[object, ...]:
        if file is None:
            raise InputError("没有选择文件。", remedy="请先选择要导入的文件。", details={"field": "file"})
        result = await perform(file, answers, dry_run=False)
        counts = [o["counts"] for o in result["outcomes"]]
        added, changed = sum(c["added"] for c in counts), sum(c["changed"] for c in counts)
        toast(
            f"已导入“{file['file']}”：新增 {added:,}，更新 {changed:,}。",
            remedy="可在一张图上查看。",
            colour="teal",
        )
        return *shown(result, file["token"]), None

    @app.callback(Output(_HISTORY, "rowData"), Input("import-drop", "id"), Input("import-result", "children"))
    async def history(_drawn: str, _result: object) -> object:
        titles = {word: importer.title for word, importer in importers().items()}
        rows = await call(app, uploads.history)
        return [
            {
                "id": row["id"],
                "at": clock.local(row["started_at"]).strftime("%Y-%m-%d %H:%M"),
                "title": titles.get(row["kind"], row["kind"]),
                "file": row["file_name"],
                "by": row["by"],
                **{word: row["summary"].get(word) for word in ("新增", "更新", "未变", "拒绝")},
            }
            for row in rows
        ]


PAGE = Page("/imports", "数据导入", layout, register, roles=(Role.MANAGER,), nav=50, icon="import")

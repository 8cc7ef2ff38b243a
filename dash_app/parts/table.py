"""Tables as people know them from Excel: sort, filter, copy, export, in Chinese, dark and light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
from dash import ClientsideFunction, Dash, Input, Output, State, html
from dash.development.base_component import Component

from dash_app.parts.icons import icon
from dash_app.parts.table_words import LOCALE_TEXT

_THEME = (
    "themeQuartz.withParams({fontFamily: 'inherit', fontSize: '.8125rem', rowHeight: '2.125rem', headerHeight: '2.25rem', "
    "accentColor: 'var(--accent)', backgroundColor: 'var(--panel)', foregroundColor: 'var(--text)', "
    "borderColor: 'var(--line)', headerBackgroundColor: 'var(--raised)', headerTextColor: 'var(--text-2)', "
    "oddRowBackgroundColor: 'transparent', rowHoverColor: 'var(--hover)', selectedRowBackgroundColor: "
    "'var(--accent-soft)', chromeBackgroundColor: 'var(--raised)', menuBackgroundColor: 'var(--raised)', "
    "wrapperBorderRadius: 8, spacing: 6})"
)

#: what is exported begins no formula (assets/50-table.js); every table has it, whoever begins the export
_NO_FORMULAS = {
    "processCellCallback": {"function": "onemapPlainCell(params)"},
    "processHeaderCallback": {"function": "onemapPlainHeading(params)"},
}


def table(
    table_id: str,
    columns: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]] = (),
    *,
    export: str | None = None,
    row_key: str = "id",
    height: str = "100%",
    single: bool = False,
    fit: bool = True,
    tools: Sequence[Component] = (),
    empty: str = "没有记录",
    options: Mapping[str, Any] | None = None,
) -> html.Div:
    """A table; its rows are set through ``rowData`` of the component with ``table_id``.

    Args:
        table_id: id of the AG Grid component.
        columns: AG Grid column definitions; numbers want ``"type": "numericColumn"``.
        rows: first rows; an empty table says so.
        export: file name without ending; draws a button 导出 that writes a CSV file that Excel opens in UTF-8.
        row_key: field that names a row, so that selection and scroll survive new rows.
        height: CSS height of the table.
        single: one row can be selected at a time; its row stands in ``selectedRows``.
        fit: columns share the width of the table whenever it changes. A table that is drawn out of sight has none to
            share: there the columns state ``width`` and ``flex`` themselves.
        tools: fields that narrow the table, drawn in one row with 导出.
        empty: what stands in place of rows while there are none.
        options: further ``dashGridOptions``.
    """
    grid_options: dict[str, Any] = {
        "theme": {"function": _THEME},
        "localeText": LOCALE_TEXT | {"noRowsToShow": empty},
        "animateRows": False,
        "enableCellTextSelection": not single,
        "ensureDomOrder": True,
        "suppressCellFocus": False,
        "tooltipShowDelay": 300,
    }
    if single:
        grid_options["rowSelection"] = {
            "mode": "singleRow",
            "checkboxes": False,
            "enableClickSelection": True,
        }
    grid_options.update(options or {})
    grid = dag.AgGrid(
        id=table_id,
        columnDefs=[dict(column) for column in columns],
        rowData=[dict(row) for row in rows],
        defaultColDef={"sortable": True, "resizable": True, "filter": True, "minWidth": 80},
        columnSize="responsiveSizeToFit" if fit else None,
        dashGridOptions=grid_options,
        # The expression evaluator of dash-ag-grid knows no String(); rows must be named by text.
        getRowId=f"'' + params.data.{row_key}",
        # Columns that are not drawn stand in the file too.
        csvExportParams={"fileName": f"{export or table_id}.csv", "allColumns": True, **_NO_FORMULAS},
        style={"height": "100%", "width": "100%"},
    )
    row: list[Component] = list(tools)
    if export:
        export_id = {"type": "table-export", "table": table_id}
        row.append(html.Button([icon("download"), "导出"], className="button", id=export_id))
    above = [html.Div(row, className="table-tools no-print")] if row else []
    return html.Div(
        [*above, html.Div(grid, className="table-body")], className="table", style={"height": height}
    )


def register_export(app: Dash, table_id: str) -> None:
    """Let the button 导出 of one table work; call it in the page's ``register``."""
    app.clientside_callback(
        ClientsideFunction("onemapTable", "exportCsv"),
        Output(table_id, "exportDataAsCsv"),
        Output(table_id, "csvExportParams"),
        Input({"type": "table-export", "table": table_id}, "n_clicks"),
        State(table_id, "csvExportParams"),
        prevent_initial_call=True,
    )

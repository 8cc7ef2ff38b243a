"""The form of an import: a file, what it is, and two buttons."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dash_app.parts.icons import icon
from gisapp.services.importing import uploads, wording
from gisapp.services.importing.registry import importers

SYSTEMS = (
    ("WGS84", "WGS 84 经纬度（GPS）"),
    ("CGCS2000", "CGCS2000 经纬度（国家 2000）"),
    ("GCJ02", "GCJ-02（高德、腾讯地图）"),
    ("BD09", "BD-09（百度地图）"),
    ("EPSG:4549", "CGCS2000 3 度带 120°，不带带号"),
    ("EPSG:4528", "CGCS2000 3 度带第 40 带，带号在前"),
    ("other", "其他 EPSG 代号"),
)


def step(number: int, title: str, content: Component) -> html.Div:
    """A numbered step with its content."""
    mark = html.Span(str(number), className="import-number", **{"aria-hidden": "true"})
    return html.Div([html.H2([mark, title]), content], className="import-step")


def drop() -> html.Label:
    """The place to drop a file on; a script sends it and sets ``import-file``."""
    return html.Label(
        [
            icon("import"),
            html.Span("把文件拖到这里，或点击选择", className="import-drop-title"),
            html.Span(
                "CSV、Excel、GeoJSON、GeoPackage、Shapefile（zip）、OpenStreetMap（.osm.pbf），512 MB 以内",
                className="import-drop-text",
            ),
            html.Span(className="import-bar", **{"aria-hidden": "true"}),
        ],
        id="import-drop",
        className="import-drop",
        tabIndex="0",
    )


def questions() -> html.Div:
    """What the file is and in which coordinate system; everything else folds away."""
    data = [{"value": word, "label": importer.title} for word, importer in importers().items()]
    data.append({"value": uploads.OSM, "label": "OpenStreetMap（楼栋、道路、部件等）"})
    return html.Div(
        [
            dmc.Select(
                id="import-kind",
                label="数据种类",
                data=data,
                searchable=True,
                placeholder="请选择",
                allowDeselect=False,
            ),
            html.Div(id="import-kind-note", className="import-note"),
            dmc.Select(
                id="import-crs",
                label=wording.CRS.label,
                description="从不猜测：声明错了，位置会偏几百米。",
                data=[{"value": v, "label": text} for v, text in SYSTEMS],
                placeholder="请选择",
                allowDeselect=False,
            ),
            dmc.TextInput(
                id="import-epsg", label="EPSG 代号", placeholder="例如 EPSG:4547", style={"display": "none"}
            ),
            dmc.Accordion(
                dmc.AccordionItem(
                    [
                        dmc.AccordionControl(wording.MORE),
                        dmc.AccordionPanel(
                            html.Div(
                                [
                                    dmc.TextInput(
                                        id="import-place",
                                        label=wording.PLACE.label,
                                        description="不在任何网格或区划内的行归入此处；境外用 99 开头的编码。",
                                    ),
                                    dmc.TextInput(
                                        id="import-place-name",
                                        label=wording.PLACE_NAME.label,
                                        description="上述地点还没有登记时填写。",
                                    ),
                                    dmc.Textarea(
                                        id="import-mapping",
                                        label=wording.MAPPING.label,
                                        description="列名不被认识时填写，每行一个：字段=列名。",
                                        autosize=True,
                                        minRows=2,
                                    ),
                                    dmc.Textarea(
                                        id="import-values",
                                        label=wording.VALUES.label,
                                        description="给所有行同一个值，每行一个：字段=值。",
                                        autosize=True,
                                        minRows=2,
                                    ),
                                    dmc.TextInput(
                                        id="import-layer",
                                        label=wording.LAYER.label,
                                        description="文件中有多个时填写。",
                                    ),
                                ],
                                className="import-fields",
                            )
                        ),
                    ],
                    value="more",
                ),
                chevronPosition="right",
            ),
        ],
        className="import-fields",
    )


def buttons() -> html.Div:
    """Check first, then import."""
    return html.Div(
        [
            html.Button("检查", id="import-check", className="button", disabled=True),
            html.Button("导入", id="import-run", className="button primary", disabled=True),
            html.Span(id="import-busy", className="import-busy", role="status"),
        ],
        className="import-buttons",
    )

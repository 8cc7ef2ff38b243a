"""Files as they come: encodings, headings below titles, blank rows, geodata of several formats."""

import json
import zipfile

import geopandas as gpd
import openpyxl
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gisapp.errors import InputError
from gisapp.services.importing import headings
from gisapp.services.importing.encodings import decode
from gisapp.services.importing.fields import Field
from gisapp.services.importing.reading import read

NAME = Field("name", "名称", ("name:zh", "场所名称"))
KIND = Field("kind", "类别", ("type",))
KNOWN = headings.known_words((NAME, KIND, *headings.LOCATION_FIELDS))


def load(path, layer=None):
    return read(path, layer=layer, is_heading=lambda text: headings.normal(text) in KNOWN)


# -- encodings --------------------------------------------------------------------------------------------------------

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12)


@given(
    st.lists(CHINESE, min_size=1, max_size=30), st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"])
)
def test_a_text_in_one_encoding_comes_back(lines, encoding):
    text = "\n".join(f"名称,地址,{i},{line}" for i, line in enumerate(lines))
    assert decode(text.encode(encoding)).text == text


COMMON = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所"
OFTEN = st.text(st.sampled_from(COMMON), min_size=3, max_size=16)


@given(
    st.lists(OFTEN, min_size=2, max_size=20),
    st.lists(OFTEN, min_size=2, max_size=20),
    st.randoms(use_true_random=False),
)
def test_a_mixed_file_is_read_line_by_line(first, second, random):
    marked = [(line, "utf-8") for line in first] + [(line, "gb18030") for line in second]
    random.shuffle(marked)
    data = b"\n".join(line.encode(encoding) for line, encoding in marked)
    found = decode(data)
    if found.encoding == "UTF-8":
        return  # 一 and a few others are valid UTF-8 in GB18030 too; a file of nothing else stays ambiguous
    wrong = [a for a, (b, _) in zip(found.text.split("\n"), marked, strict=True) if a != b]
    # three or four characters can be both by chance; what is longer never is in practice
    assert all(len(line) <= 6 for line in wrong) and len(wrong) <= 1
    if not wrong:
        assert "混用" in found.encoding and found.notes


def test_damaged_bytes_stay_visible():
    data = "名称\n好\n".encode() + b"\xe5\xa5\xff\n" + "坏".encode()
    found = decode(data)
    assert "\ufffd" in found.text and any("损坏" in note for note in found.notes)


def test_a_binary_file_is_no_text():
    with pytest.raises(InputError):
        decode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")


# -- sheets -----------------------------------------------------------------------------------------------------------


def test_rows_are_numbered_as_in_excel(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('名称,类别\n"第一\n行",a\n\n第二行,b\n', encoding="utf-8")
    table = load(path)
    assert table.headings == ["名称", "类别"]
    assert table.rows.tolist() == [2, 4]
    assert table.columns[0] == ["第一\n行", "第二行"]


def test_a_row_with_too_many_cells_is_refused_and_a_short_one_filled(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("名称,类别\na,b,c\nd\ne,f,,\n", encoding="utf-8")
    table = load(path)
    assert table.rows.tolist() == [3, 4]
    assert table.columns == [["d", "e"], [None, "f"]]
    assert [(r.row, r.field) for r in table.findings.refusals] == [(2, "整行")]


@pytest.mark.parametrize("delimiter", ["\t", ";", "，"])
def test_other_delimiters(tmp_path, delimiter):
    path = tmp_path / "a.txt"
    path.write_text(f"名称{delimiter}类别\n甲{delimiter}乙\n", encoding="gb18030")
    assert load(path).columns == [["甲"], ["乙"]]


def test_excel_with_a_title_and_blank_rows(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["某街道场所登记表"],
        [None],
        ["名称", "类别", None],
        ["甲", 1.0, None],
        [None],
        ["乙", "x", None],
    ):
        sheet.append(row)
    book.create_sheet("空表")
    book.save(tmp_path / "a.xlsx")
    table = load(tmp_path / "a.xlsx")
    assert table.headings == ["名称", "类别"]
    assert table.rows.tolist() == [4, 6]
    assert table.columns == [["甲", "乙"], [1.0, "x"]]


def test_excel_with_two_sheets_wants_one_named(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["名称"])
    book.active.append(["甲"])
    book.create_sheet("二").append(["名称"])
    book["二"].append(["乙"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="多张"):
        load(tmp_path / "a.xlsx")
    assert load(tmp_path / "a.xlsx", "二").columns == [["乙"]]
    with pytest.raises(InputError, match="没有工作表"):
        load(tmp_path / "a.xlsx", "三")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "空的"),
        ("a.csv", "名称,类别\n".encode(), "只有表头"),
        ("a.csv", b"\n\n \n", "没有表头|只有表头"),
        ("a.xlsx", b"nothing", "不是 Excel"),
        ("a.xls", b"nothing", "xls"),
        ("a.pdf", b"%PDF", "不支持"),
        ("a.geojson", b"{", "不能读取"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[]}', "没有要素|不能读取"),
        ("a.gpkg", b"nothing", "不能读取"),
        ("a.shp", b"nothing", "不能读取"),
        ("a.zip", b"nothing", "压缩包"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        load(path)
    assert caught.value.remedy


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="没有文件"):
        load(tmp_path / "none.csv")


# -- geodata ----------------------------------------------------------------------------------------------------------


def frame():
    return gpd.GeoDataFrame(
        {"名称": ["天水桥", "第二小学校"], "类别": ["交通", "学校"], "n": [1, None]},
        geometry=[shapely.Point(120.16, 30.27), shapely.Point(120.17, 30.28)],
        crs=4490,
    )


def test_geopackage_keeps_its_system(tmp_path):
    frame().to_file(tmp_path / "a.gpkg")
    table = load(tmp_path / "a.gpkg")
    assert table.own_crs is not None and table.own_crs.to_epsg() == 4490
    assert table.headings == ["名称", "类别", "n"] and table.columns[2] == [1, None]
    assert table.unit == "要素" and table.geometry[1].x == 120.17


def test_geopackage_with_two_layers_wants_one_named(tmp_path):
    frame().to_file(tmp_path / "a.gpkg", layer="one")
    frame().to_file(tmp_path / "a.gpkg", layer="two")
    with pytest.raises(InputError, match="one、two"):
        load(tmp_path / "a.gpkg")
    assert len(load(tmp_path / "a.gpkg", "two").rows) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("stated", [True, False, "wrong"])
def test_shapefiles_in_every_encoding_with_right_wrong_and_no_cpg(tmp_path, encoding, stated):
    frame().to_file(tmp_path / "a.shp", encoding=encoding)
    cpg = tmp_path / "a.cpg"
    if stated is False:
        cpg.unlink(missing_ok=True)
    elif stated == "wrong":
        cpg.write_text("GBK" if encoding == "utf-8" else "UTF-8")
    table = load(tmp_path / "a.shp")
    assert table.columns[0] == ["天水桥", "第二小学校"]
    assert table.headings[:2] == ["名称", "类别"]


def test_a_zipped_shapefile(tmp_path):
    frame().to_file(tmp_path / "a.shp", encoding="gb18030")
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        for part in tmp_path.glob("a.*"):
            archive.write(part, f"folder/{part.name}")
    table = load(tmp_path / "up.zip")
    assert table.columns[0] == ["天水桥", "第二小学校"] and table.own_crs.to_epsg() == 4490


def test_geojson_states_a_system_only_by_its_member(tmp_path):
    plain = json.loads(frame().drop(columns="n").to_json())
    plain.pop("crs", None)
    (tmp_path / "a.geojson").write_bytes(json.dumps(plain, ensure_ascii=False).encode("gb18030"))
    table = load(tmp_path / "a.geojson")
    assert table.own_crs is None and table.columns[1] == ["天水桥", "第二小学校"]
    plain["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    (tmp_path / "b.geojson").write_text(json.dumps(plain), encoding="utf-8")
    assert load(tmp_path / "b.geojson").own_crs.to_epsg() == 4490


def test_an_open_ring_is_closed_and_reported(tmp_path):
    ring = [[120, 30], [120.1, 30], [120.1, 30.1], [120, 30.1]]
    feature = {
        "type": "Feature",
        "properties": {"name": "a"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    table = load(tmp_path / "a.geojson")
    assert table.geometry[0].is_valid and len(table.geometry[0].exterior.coords) == 5


# -- headings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "heading", ["名称", " 名 称 ", "名称（必填）", "*名称", "Name", "NAME", "name:zh", "场所名称"]
)
def test_headings_are_recognised(heading):
    assert headings.recognise((NAME,), [heading], {}).columns == {"name": (0,)}


def test_the_preferred_heading_comes_first_and_the_rest_fills_gaps():
    found = headings.recognise((NAME, KIND), ["name", "type", "name:zh", "x"], {})
    assert found.columns == {"name": (2, 0), "kind": (1,)} and found.unused == ("x",)


def test_what_the_user_states_wins():
    found = headings.recognise((NAME, KIND), ["名称", "mc"], {"名称": "mc"})
    assert found.columns["name"] == (1,)
    with pytest.raises(InputError, match="没有列"):
        headings.recognise((NAME,), ["a"], {"名称": "b"})
    with pytest.raises(InputError, match="没有字段"):
        headings.recognise((NAME,), ["a"], {"高度": "a"})

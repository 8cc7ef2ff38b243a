"""Bytes into text: UTF-8 and GB18030, told apart by what is valid, line by line where a file mixes them.

Sheets that pass through many offices come with either, and with both when somebody pasted. UTF-8 is tried first: text of
another encoding is almost never valid UTF-8 by chance. A line that is valid in neither keeps replacement characters, and
whoever reads the values refuses that row.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from gisapp.errors import InputError


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text with what was found out about its bytes."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode(data: bytes) -> Decoded:
    """Decode the bytes of a text file.

    Raises:
        InputError: the bytes are no text at all.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(name), name.removesuffix("-sig").upper())
            except UnicodeDecodeError:
                break
    if data.count(0, 0, 4096) > 0:
        raise InputError("文件不是文本。", remedy="请导入 CSV 文本文件；Excel 文件请保留 .xlsx 扩展名。")
    try:
        return Decoded(data.decode("utf-8"), "UTF-8")
    except UnicodeDecodeError:
        return _decode_lines(data)


#: how often a line that is GB18030 passes for UTF-8 by chance, at most
_CHANCE = 2e-4


def _decode_lines(data: bytes) -> Decoded:
    """Decode a text that is not UTF-8 as a whole, line by line."""
    lines = data.split(b"\n")
    foreign = [i for i, line in enumerate(lines) if not line.isascii()]
    utf8 = {i for i in foreign if _is_utf8(lines[i])}
    if len(utf8) <= _CHANCE * len(foreign):
        utf8 = set()
    out = [""] * len(lines)
    gb18030 = broken = 0
    for i, line in enumerate(lines):
        if i in utf8:
            out[i] = line.decode("utf-8")
            continue
        try:
            out[i] = line.decode("gb18030")
            gb18030 += not line.isascii()
        except UnicodeDecodeError:
            out[i] = line.decode(likelier(line) or "utf-8", errors="replace")
            broken += 1
    notes = []
    if utf8 and gb18030:
        notes.append(f"文件混用两种编码：{len(utf8)} 行 UTF-8，{gb18030} 行 GB18030，已逐行识别。")
    if broken:
        notes.append(f"有 {broken} 行的编码已损坏，含有损坏字符的行未导入。")
    name = "UTF-8 与 GB18030 混用" if utf8 and gb18030 else "UTF-8" if utf8 else "GB18030"
    return Decoded("\n".join(out).lstrip("\ufeff"), name, tuple(notes))


def _is_utf8(line: bytes) -> bool:
    """Whether a line is Chinese in UTF-8 rather than in GB18030.

    Three characters of GB18030 are valid UTF-8 once in five thousand times; what is read wrongly then consists of rarer
    characters than what is read rightly.
    """
    try:
        here = line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if all(ord(c) <= 0x7FF for c in here):
        return False
    try:
        there = line.decode("gb18030")
    except UnicodeDecodeError:
        return True
    return _commonness(here) > _commonness(there)


def likelier(data: bytes) -> str | None:
    """Of UTF-8 and GB18030 the one in which bytes read as the more common Chinese; None if neither does."""
    here = _commonness(data.decode("utf-8", errors="replace"))
    there = _commonness(data.decode("gb18030", errors="replace"))
    return None if here == there else "utf-8" if here > there else "gb18030"


def _commonness(text: str) -> float:
    """Share of the characters beyond ASCII that are punctuation or among the 3,755 most common of GB 2312."""
    strange = [c for c in text if ord(c) > 0x7F]
    common = 0
    for c in strange:
        raw = c.encode("gb2312", errors="ignore")
        common += len(raw) == 2 and raw[0] <= 0xD7
    return common / len(strange) if strange else 0.0


def decode_value(raw: bytes, preferred: str) -> str:
    """One value of a database table (dbf): the preferred encoding, else the other; a last character that was cut in
    half by the column's width is dropped."""
    for name in dict.fromkeys((preferred, "utf-8", "gb18030")):
        for cut in range(3):
            try:
                return raw[: len(raw) - cut].decode(name)
            except UnicodeDecodeError as error:
                if error.start < len(raw) - 4:
                    break
    return raw.decode(preferred, errors="replace")

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
    for name in ("utf-8", "gb18030"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if name == "utf-8" or not _has_utf8_lines(data):
            return Decoded(text, name.upper())
    return _decode_lines(data)


def _has_utf8_lines(data: bytes) -> bool:
    return any(_is_chinese_utf8(line) for line in data.split(b"\n"))


def _is_chinese_utf8(line: bytes) -> bool:
    """Whether a line is valid UTF-8 with a character of three bytes, as every Chinese one has; what is GB18030 is so
    only by a chance of thousands to one for each pair of characters."""
    if line.isascii():
        return False
    try:
        return any(ord(c) > 0x7FF for c in line.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _decode_lines(data: bytes) -> Decoded:
    out: list[str] = []
    utf8 = gb18030 = broken = 0
    for line in data.split(b"\n"):
        if line.isascii():
            out.append(line.decode("ascii"))
        elif _is_chinese_utf8(line):
            out.append(line.decode("utf-8"))
            utf8 += 1
        else:
            try:
                out.append(line.decode("gb18030"))
                gb18030 += 1
            except UnicodeDecodeError:
                out.append(line.decode("utf-8" if utf8 >= gb18030 else "gb18030", errors="replace"))
                broken += 1
    notes = []
    if utf8 and gb18030:
        notes.append(f"文件混用两种编码：{utf8} 行 UTF-8，{gb18030} 行 GB18030，已逐行识别。")
    if broken:
        notes.append(f"有 {broken} 行的编码已损坏，含有损坏字符的行未导入。")
    name = "UTF-8 与 GB18030 混用" if utf8 and gb18030 else "UTF-8" if utf8 else "GB18030"
    return Decoded("\n".join(out).lstrip("\ufeff"), name, tuple(notes))


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

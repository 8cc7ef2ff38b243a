"""Text for searching: what is stored and what is typed are brought into one form, in which like finds like.

Full width becomes half width, 號 becomes 号, and the many ways to write a house (3号楼, 3幢, 3栋, 3#, 3-) become one. Pairs of
neighbouring characters are what the index holds: two Chinese characters are a whole word, and a trigram index cannot look
for them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise

_VARIANTS = str.maketrans(
    {"號": "号", "樓": "楼", "棟": "幢", "—": "-", "–": "-", "―": "-", "_": "-", "~": "-"}
)
_CHINESE_DIGITS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_CHINESE_NUMBER = re.compile(
    r"([一二三四五六七八九]?十?[一二三四五六七八九]?)(?=(?:号楼|号|幢|栋|座|单元|室|层|区|期|组|村|弄))"
)
_HOUSE = re.compile(r"(\d|[a-z])(?:号楼|号院|号|幢|栋|座|单元|室|#|楼(?!下|上))(?:-)?")
_SPACES = re.compile(r"[\s\x00-\x1f,，、。．.;；:：()（）·'\"]+")
_DASHES = re.compile(r"-{2,}")
_CJK = re.compile(r"[㐀-䶿一-鿿]+")


@lru_cache(maxsize=200_000)
def normalise(text: str) -> str:
    """The form in which a text is stored for searching and in which a query is looked for.

    ``凤起路８８號３幢２单元`` and ``凤起路88-3-2`` both become ``凤起路88-3-2``.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_VARIANTS)
    text = _SPACES.sub("", text)
    text = _CHINESE_NUMBER.sub(lambda m: _digits(m.group(1)), text)
    text = _HOUSE.sub(r"\1-", text)
    return _DASHES.sub("-", text).strip("-")


def _digits(text: str) -> str:
    """一 … 九十九 as digits; anything else as it is."""
    if not text:
        return text
    if "十" not in text:
        return str(_CHINESE_DIGITS[text]) if text in _CHINESE_DIGITS else text
    tens, _, ones = text.partition("十")
    return str((_CHINESE_DIGITS.get(tens, 1)) * 10 + _CHINESE_DIGITS.get(ones, 0))


def words_of(query: str) -> list[str]:
    """The normalised words of a query, which all have to be found; at most four."""
    return [word for word in (normalise(part) for part in query.split()) if word][:4]


@lru_cache(maxsize=1)
def _dictionary() -> Callable[[str], list[str]]:
    """Syllables without tones; the dictionary takes a quarter of a second to load, which a start need not wait for."""
    from pypinyin import Style, lazy_pinyin, load_phrases_dict, load_single_dict

    load_single_dict({ord("幢"): "zhuàng"})
    # Names whose reading a dictionary of words gets wrong.
    load_phrases_dict(
        {
            "长庆": [["cháng"], ["qìng"]],
            "朝晖": [["zhāo"], ["huī"]],
            "朝晖街道": [["zhāo"], ["huī"], ["jiē"], ["dào"]],
        }
    )
    return partial(lazy_pinyin, style=Style.NORMAL)


@lru_cache(maxsize=200_000)
def _syllables(chinese: str) -> tuple[str, ...]:
    return tuple(_dictionary()(chinese))


@lru_cache(maxsize=200_000)
def spelled(text: str) -> tuple[str, str]:
    """Pinyin without tones and first letters of a text; letters and digits stand for themselves.

    ``长庆街道`` gives ``("changqingjiedao", "cqjd")``.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    full: list[str] = []
    first: list[str] = []
    at = 0
    for match in _CJK.finditer(text):
        between = re.sub(r"[^a-z0-9]", "", text[at : match.start()])
        full.append(between)
        first.append(between)
        syllables = _syllables(match.group())
        full.extend(syllables)
        first.extend(syllable[0] for syllable in syllables)
        at = match.end()
    rest = re.sub(r"[^a-z0-9]", "", text[at:])
    return "".join(full) + rest, "".join(first) + rest


def grams(text: str, initials: str = "") -> list[int]:
    """Numbers of all pairs of neighbouring characters, each once: of a normalised text, and of first letters.

    Different pairs of rare characters may share a number; whoever searches looks at the text again.
    """
    found = {(ord(a) & 0x7FFF) << 16 | ord(b) & 0xFFFF for a, b in pairwise(text)}
    found |= {0x40000000 | ord(a) << 8 | ord(b) for a, b in pairwise(initials) if a.isascii() and b.isascii()}
    return sorted(found)

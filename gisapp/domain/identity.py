"""Numbers that identify people and organisations: check digits, and how much of them a list may show.

Sources: GB 11643—1999 (citizen identity number), ISO 7064:1983 MOD 11-2, GB 32100—2015 (统一社会信用代码),
GB/T 37964 (de-identification) for the masks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from gisapp.errors import InputError

_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_ID_CHECKS = "10X98765432"
_ID_FORM = re.compile(r"[0-9]{17}[0-9X]")

#: GB 32100: no I, O, S, V, Z, which are read as digits
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_VALUES = {character: value for value, character in enumerate(CREDIT_ALPHABET)}
_CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_CREDIT_FORM = re.compile(rf"[{CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{CREDIT_ALPHABET}]{{10}}")

_PHONE_FORM = re.compile(r"(?:\+?86)?(1[3-9]\d{9}|0\d{2,3}\d{7,8}|\d{7,8}|400\d{7})", re.ASCII)
# Compound surnames that are met in practice: a mask keeps the whole surname.
_COMPOUND_SURNAMES = frozenset(
    (
        *("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "司空"),
        *("夏侯", "端木", "南宫", "长孙", "宇文", "轩辕", "澹台", "闻人", "呼延", "独孤", "赫连", "东郭"),
        *("西门", "百里", "第五", "太史", "申屠", "公羊", "钟离", "濮阳", "淳于", "单于"),
    )
)


def resident_id_check(first17: str) -> str:
    """The 18th character of an identity number, from its first 17 digits (ISO 7064 MOD 11-2).

    Raises:
        ValueError: not 17 digits.
    """
    if len(first17) != 17 or not (first17.isascii() and first17.isdigit()):
        raise ValueError(f"17 digits wanted, not {first17!r}")
    return _ID_CHECKS[sum(int(d) * w for d, w in zip(first17, _ID_WEIGHTS, strict=True)) % 11]


@dataclass(frozen=True, slots=True)
class ResidentId:
    """A citizen identity number that is right in form, birthday and check digit.

    Attributes:
        number: 18 characters, X in capitals.
    """

    number: str

    @property
    def area(self) -> str:
        """Six digits of the district of first registration; not checked against a list: districts come and go."""
        return self.number[:6]

    @property
    def birth_date(self) -> date:
        return date(int(self.number[6:10]), int(self.number[10:12]), int(self.number[12:14]))

    @property
    def sex(self) -> str:
        """``male`` or ``female``: the 17th digit is odd or even."""
        return "male" if int(self.number[16]) % 2 else "female"


def parse_resident_id(text: str, *, today: date | None = None) -> ResidentId:
    """Check an identity number.

    Args:
        text: as it was written; blanks and a small x are accepted.
        today: birthdays after it are refused, if given.

    Raises:
        InputError: length, characters, birthday or check digit are wrong; the message never repeats the number.
    """
    number = re.sub(r"[\s\u3000]", "", str(text)).upper()
    if re.fullmatch(r"[0-9]{15}", number):
        raise InputError(
            "身份证号是 15 位旧号。", remedy="请改填 18 位公民身份号码。", details={"field": "id_number"}
        )
    if not _ID_FORM.fullmatch(number):
        raise InputError(
            f"身份证号应为 18 位，前 17 位是数字，末位是数字或 X；这里是 {len(number)} 位。",
            remedy="请对照证件重新填写；在表格中请把该列设为文本，以免末几位变成 0。",
            details={"field": "id_number"},
        )
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        born = None
    if born is None or born.year < 1850 or (today is not None and born > today):
        raise InputError(
            "身份证号中的出生日期不存在。", remedy="请对照证件重新填写。", details={"field": "id_number"}
        )
    if resident_id_check(number[:17]) != number[17]:
        raise InputError(
            "身份证号的校验位不符。", remedy="多半是抄错一位，请对照证件。", details={"field": "id_number"}
        )
    return ResidentId(number)


def credit_code_check(first17: str) -> str:
    """The 18th character of a unified social credit code, from its first 17 (GB 32100, MOD 31).

    Raises:
        ValueError: a character that does not belong to the alphabet, or not 17 of them.
    """
    if len(first17) != 17 or any(c not in _CREDIT_VALUES for c in first17):
        raise ValueError(f"17 characters of the alphabet wanted, not {first17!r}")
    total = sum(_CREDIT_VALUES[c] * w for c, w in zip(first17, _CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[-total % 31]


def parse_credit_code(text: str) -> str:
    """Check a unified social credit code; returns it in capitals without blanks.

    Raises:
        InputError: length, characters or check digit are wrong.
    """
    code = re.sub(r"[\s\u3000\-—]", "", str(text)).upper()
    if len(code) != 18:
        raise InputError(
            f"统一社会信用代码应为 18 位，“{code}”是 {len(code)} 位。",
            remedy="请对照营业执照重新填写。",
            details={"field": "credit_code"},
        )
    strange = sorted({c for c in code if c not in _CREDIT_VALUES})
    if strange:
        raise InputError(
            f"统一社会信用代码“{code}”含有不使用的字符 {'、'.join(strange)}。",
            remedy="代码中没有字母 I、O、S、V、Z，请查看是否为 1、0、5、U、2。",
            details={"field": "credit_code"},
        )
    if not _CREDIT_FORM.fullmatch(code):
        raise InputError(
            f"统一社会信用代码“{code}”的第 3–8 位应为数字（登记机关行政区划）。",
            remedy="请对照营业执照重新填写。",
            details={"field": "credit_code"},
        )
    if credit_code_check(code[:17]) != code[17]:
        raise InputError(
            f"统一社会信用代码“{code}”的校验位不符。",
            remedy="多半是抄错一位，请对照营业执照。",
            details={"field": "credit_code"},
        )
    return code


def parse_phone(text: str) -> str:
    """A Chinese telephone number without blanks, dashes and country code.

    Raises:
        InputError: neither a mobile nor a fixed number; the message never repeats it.
    """
    plain = re.sub(r"[\s\u3000\-—()（）]", "", str(text))
    match = _PHONE_FORM.fullmatch(plain)
    if not match:
        raise InputError(
            "电话号码无效。", remedy="请填写 11 位手机号，或带区号的固定电话。", details={"field": "phone"}
        )
    return match.group(1)


def mask_name(name: str) -> str:
    """``张伟`` → ``张*``, ``欧阳娜娜`` → ``欧阳**``: the surname stays."""
    text = name.strip()
    kept = 2 if text[:2] in _COMPOUND_SURNAMES and len(text) > 2 else 1
    return text[:kept] + "*" * max(len(text) - kept, 1) if text else ""


def mask_phone(phone: str) -> str:
    """``13812345678`` → ``138****5678``; shorter numbers keep their last two digits."""
    text = phone.strip()
    if len(text) >= 11:
        return text[:3] + "*" * (len(text) - 7) + text[-4:]
    return "*" * max(len(text) - 2, 0) + text[-2:]


def mask_id(number: str) -> str:
    """``330103…`` → first four and last two characters: district and birthday are gone."""
    text = number.strip()
    return text[:4] + "*" * (len(text) - 6) + text[-2:] if len(text) > 6 else "*" * len(text)

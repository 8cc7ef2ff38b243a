"""Check digits against published examples and against every single slip of the pen; masks."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.domain import identity
from gisapp.errors import InputError


# the two numbers that GB 11643—1999 itself works out
@pytest.mark.parametrize(
    ("number", "sex", "born"),
    [("11010519491231002X", "female", date(1949, 12, 31)), ("440524188001010014", "male", date(1880, 1, 1))],
)
def test_examples_of_the_standard(number, sex, born):
    found = identity.parse_resident_id(number)
    assert (found.sex, found.birth_date, found.area) == (sex, born, number[:6])


def test_blanks_and_a_small_x_are_accepted():
    assert identity.parse_resident_id(" 110105 19491231 002x").number == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", "18 位"),
        ("1101051949123100", "18 位"),
        ("110105491231002", "15 位旧号"),
        ("11010519490231002X", "出生日期"),
        ("110105194912310021", "校验位"),
        ("1101051949123100ⅹX", "18 位"),
        ("１１010519491231002X", "18 位"),
        ("110105204912310027", "出生日期"),
    ],
)
def test_wrong_identity_numbers_are_refused_without_being_repeated(number, reason):
    with pytest.raises(InputError, match=reason) as caught:
        identity.parse_resident_id(number, today=date(2026, 1, 1))
    assert caught.value.remedy
    assert not number or number not in caught.value.message


@st.composite
def resident_ids(draw):
    born = draw(st.dates(date(1900, 1, 1), date(2026, 1, 1)))
    first = f"{draw(st.integers(0, 999999)):06d}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first + identity.resident_id_check(first)


@given(resident_ids(), st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_noticed(number, position, step):
    wrong = number[:position] + str((int(number[position]) + step) % 10) + number[position + 1 :]
    assert identity.parse_resident_id(number).number == number
    with pytest.raises(InputError):
        identity.parse_resident_id(wrong)


@given(resident_ids(), st.integers(0, 15))
def test_swapped_neighbours_are_noticed(number, position):
    a, b = number[position], number[position + 1]
    if a != b:
        with pytest.raises(InputError):
            identity.parse_resident_id(number[:position] + b + a + number[position + 2 :])


# GB 32100—2015's own example, then the codes with which public libraries (hutool, js-xxx) test themselves
@pytest.mark.parametrize("code", ["91350100M000100Y43", "91310110666007217T", "9144030071526726XG"])
def test_published_credit_codes(code):
    assert identity.parse_credit_code(code) == code


def test_a_credit_code_issued_wrongly_in_an_early_trial_is_refused():
    with pytest.raises(InputError, match="校验位"):
        identity.parse_credit_code("91350211M00013FA1N")


@st.composite
def credit_codes(draw):
    letters = st.sampled_from(identity.CREDIT_ALPHABET)
    first = "".join(draw(letters) for _ in range(2)) + f"{draw(st.integers(0, 999999)):06d}"
    first += "".join(draw(letters) for _ in range(9))
    return first + identity.credit_code_check(first)


@given(credit_codes(), st.integers(0, 17), st.integers(1, 30))
def test_every_single_wrong_character_of_a_credit_code_is_noticed(code, position, step):
    value = identity.CREDIT_ALPHABET.index(code[position])
    wrong = code[:position] + identity.CREDIT_ALPHABET[(value + step) % 31] + code[position + 1 :]
    assert identity.parse_credit_code(code.lower()) == code
    with pytest.raises(InputError):
        identity.parse_credit_code(wrong)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("9133", "18 位"),
        ("91350100M000100O43", "不使用的字符 O"),
        ("9135O100M000100Y43", "字符 O"),
        ("91A50100M000100Y43", "数字"),
    ],
)
def test_wrong_credit_codes_say_what_is_wrong(code, reason):
    with pytest.raises(InputError, match=reason):
        identity.parse_credit_code(code)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("138 1234 5678", "13812345678"),
        ("+86-13812345678", "13812345678"),
        ("0571-87654321", "057187654321"),
        ("87654321", "87654321"),
        ("（0571）8765432", "05718765432"),
    ],
)
def test_phones(text, plain):
    assert identity.parse_phone(text) == plain


@pytest.mark.parametrize("text", ["", "12345", "1381234567", "23812345678", "电话"])
def test_wrong_phones(text):
    with pytest.raises(InputError):
        identity.parse_phone(text)


def test_masks_keep_the_surname_and_the_ends():
    assert [identity.mask_name(n) for n in ("张伟", "欧阳娜娜", "欧阳", "李", "")] == [
        "张*",
        "欧阳**",
        "欧*",
        "李*",
        "",
    ]
    assert identity.mask_phone("13812345678") == "138****5678"
    assert identity.mask_phone("87654321") == "******21"
    assert identity.mask_id("11010519491231002X") == "1101************2X"
    assert identity.mask_id("123") == "***"


@given(resident_ids())
def test_a_masked_number_does_not_tell_the_birthday(number):
    assert number[6:14] not in identity.mask_id(number)

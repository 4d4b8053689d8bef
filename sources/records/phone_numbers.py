"""Phone numbers: their canonical form, and the country and area code in them.

Source: ITU-T E.164 and its list of assigned codes (complement to Operational Bulletin 1277, as in force in 2026).
"""

import re
import unicodedata

# A country code is 1, 7 or one of these, or has three digits. In views this is :two_digit_codes.
TWO_DIGIT_COUNTRY_CODES = (
    *("20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49"),
    *("51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66"),
    *("81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98"),
)
_COUNTRY = re.compile(rf"\+(?:1|7|{'|'.join(TWO_DIGIT_COUNTRY_CODES)}|[2-9]\d\d)")
_SEPARATORS = re.compile(r"[\s()\[\]./_]+")  # dashes and format characters are found by their Unicode category
_TRUNK_ZERO = re.compile(r"(?<=\d)\s*\(0\)")  # +44 (0)20: the zero is not dialled from abroad
_ANY_NUMBER = re.compile(r"\+?[0-9]{7,}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_AREA = re.compile(r"\+1\d{3}")


def canonical(text: str) -> str:
    """A phone number as +12065550100, or as its digits without a country code; any other text unchanged."""
    plain = unicodedata.normalize("NFKC", text)
    international = plain.strip().startswith(("+", "00", "(+", "(00"))
    if international:
        plain = _TRUNK_ZERO.sub("", plain)
    kept = (
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in _SEPARATORS.sub("", plain)
        if unicodedata.category(char) not in ("Pd", "Cf") and char != "\N{MINUS SIGN}"
    )
    number = "".join(kept)
    if not _ANY_NUMBER.fullmatch(number):
        return text
    return f"+{number[2:]}" if number.startswith("00") else number


def is_number(text: str) -> bool:
    """The text is a phone number with a country code, in any notation."""
    return _E164.fullmatch(canonical(text)) is not None


def destination(number: str) -> str:
    """`+` and the country code of a number, in North America with the area code; empty without a country code."""
    area = _AREA.match(number) if len(number) == len("+14155550100") else None
    country = area or _COUNTRY.match(number)
    return country[0] if country else ""

"""International bank account numbers (ISO 13616): country, its length, check digits modulo 97."""

from __future__ import annotations

from collections.abc import Iterator

from filters.pii.checksums import mod97
from filters.pii.kinds import Found
from filters.pii.patterns import compiled

_START = r"[A-Za-z]{2}[0-9]{2}[ \-\x{a0}]?[A-Za-z0-9]{2,4}[ \-\x{a0}]?[A-Za-z0-9]{4}"
GATE = r"[A-Za-z]{2}[0-9]{2}[ \-\x{a0}]?[A-Za-z0-9]{4}"
_LENGTHS = {
    country: length
    for length, countries in (
        (15, "NO"), (16, "BE"), (18, "DK FI FO GL NL SD FK"), (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK MN"), (21, "CH HR LI LV"), (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM TL SO"), (24, "AD CZ ES MD PK RO SA SE SK TN VG"), (25, "LY PT ST"), (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"), (28, "AL AZ BY CY DO GT HU LB NI PL SV"), (29, "BR EG PS QA UA"),
        (30, "JO KW MU YE"), (31, "MT SC"), (32, "LC"), (33, "RU"),
    )
    for country in countries.split()
}  # fmt: skip
_GAPS = " -\xa0"


def find(text: str) -> Iterator[Found]:
    """The account numbers of a text, whole or in groups."""
    done = 0
    for match in compiled(_START).finditer(text):
        start = match.start()
        length = _LENGTHS.get(text[start : start + 2].upper())
        if (
            length is None
            or start < done
            or (start and (text[start - 1].isalnum() or text[start - 1] == "_"))
        ):
            continue
        end = _end(text, start, length)
        if end < 0:
            continue
        value = text[start:end]
        plain = "".join(filter(str.isalnum, value))
        if (plain.isupper() or plain.islower()) and mod97(plain[4:] + plain[:4]) == 1:
            yield Found("ibans", start, end, value)
            done = end


def _end(text: str, start: int, length: int) -> int:
    """Where so many letters and digits end, with at most one gap between any two and nothing running into them."""
    count, place = 0, start
    while place < len(text) and count < length:
        character = text[place]
        if character.isascii() and character.isalnum():
            count += 1
        elif character not in _GAPS or text[place - 1] in _GAPS:
            return -1
        place += 1
    whole = count == length and not (text[place : place + 1].isalnum() or text[place : place + 1] == "_")
    return place if whole else -1
